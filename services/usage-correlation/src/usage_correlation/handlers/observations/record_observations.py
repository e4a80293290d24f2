"""How does a batch of observations become stored ones that every pattern sees?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.domain.observations.observation import (
    Content,
    Observation,
    ObservationKey,
    Outcome,
    Reason,
    Rejection,
    events_of,
)
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.observations.ports import Observations, SourceKeys
from usage_correlation.handlers.patterns.handing_over import HandOver
from usage_correlation.handlers.patterns.people import KnownPeople
from usage_correlation.handlers.ports import Clock

_LOCATION: Final = "location"
Derive = Callable[[Content], Content]
"""Adds to a kind of observation what follows from what was measured."""


class RecordObservations:
    """Takes observations in."""

    def __init__(
        self,
        directory: Directory,
        people: KnownPeople,
        observations: Observations,
        keys: SourceKeys,
        hand_over: HandOver,
        clock: Clock,
        *,
        ahead: timedelta,
        derive: Mapping[str, Derive] | None = None,
    ) -> None:
        """`ahead`: how far the clock of a source may be ahead of ours; `derive`: by kind."""
        self._directory = directory
        self._people = people
        self._observations = observations
        self._keys = keys
        self._hand_over = hand_over
        self._clock = clock
        self._ahead = ahead
        self._derive = derive or {}

    async def __call__(self, sent: Sequence[Observation], invalid: Mapping[int, Rejection]) -> Outcome:
        """Store what can be stored. When this returns, it is durable, and waits for the patterns that look at it.

        `invalid`: by position, those that break their own rules and are not in `sent`.
        """
        rejections = dict(invalid)
        if not sent:
            return Outcome(0, 0, rejections)
        now = to_micros(self._clock.now())
        await self._directory.catch_up()
        subscribers = await self._subscribers(sent)
        refused = await self._refusals(sent, subscribers, now)
        firsts: dict[ObservationKey, Observation] = {}
        for each in sent:
            if each.position not in refused:
                firsts.setdefault(each.key, each)
        claimed = {key: each.digest() for key, each in firsts.items()}
        sources = await self._keys.of_sources({each.source for each in sent})
        async with self._observations.writing(sources) as writer:
            known = await writer.claim(claimed) if claimed else {}
            fresh = [self._whole(firsts[key]) for key in claimed if key not in known]
            if fresh:
                await writer.append(fresh, subscribers, now)
                await self._hand_over(writer.uow, events_of(fresh, now))
        return self._outcome(sent, rejections | refused, claimed, known)

    def _whole(self, observation: Observation) -> Observation:
        derive = self._derive.get(observation.kind)
        return observation if derive is None else replace(observation, content=derive(observation.content))

    async def _subscribers(self, sent: Sequence[Observation]) -> Mapping[str, Subscriber]:
        found = await self._directory.subscribers({each.subscription for each in sent if each.subscription})
        return {each: subscriber for each, subscriber in found.items() if isinstance(subscriber, Subscriber)}

    async def _refusals(
        self, sent: Sequence[Observation], subscribers: Mapping[str, Subscriber], now: int
    ) -> dict[int, Rejection]:
        latest = now + self._ahead // timedelta(microseconds=1)
        located = {
            subscribers[each.subscription].subscription.customer
            for each in sent
            if each.kind == _LOCATION and each.subscription in subscribers
        }
        customers = await self._people.customers(located) if located else {}
        consenting = {each for each, facts in customers.items() if facts.places}
        refused: dict[int, Rejection] = {}
        for each in sent:
            subscriber = subscribers.get(each.subscription)
            if each.micros > latest:
                refused[each.position] = _in_future(each.micros, self._ahead)
            elif each.subscription and subscriber is None:
                description = f"there is no subscriptions/{each.subscription}"
                refused[each.position] = Rejection(Reason.SUBSCRIPTION_NOT_FOUND, "subscription", description)
            elif each.kind == _LOCATION and subscriber and subscriber.subscription.customer not in consenting:
                customer = subscriber.subscription.customer
                description = f"customers/{customer} has not consented to the use of location"
                refused[each.position] = Rejection(Reason.CONSENT_MISSING, "location_update", description)
        return refused

    def _outcome(
        self,
        sent: Sequence[Observation],
        rejections: dict[int, Rejection],
        claimed: Mapping[ObservationKey, int],
        known: Mapping[ObservationKey, int],
    ) -> Outcome:
        accepted = set(claimed) - set(known)
        stored = {**claimed, **known}
        first = set(accepted)
        duplicates = 0
        for each in sent:
            if each.position in rejections:
                continue
            if each.key in first:
                first.discard(each.key)
            elif stored[each.key] == each.digest():
                duplicates += 1
            else:
                description = f"{each.source}/{each.id} is stored with other content"
                rejections[each.position] = Rejection(Reason.OBSERVATION_CONFLICT, "observation_id", description)
        return Outcome(len(accepted), duplicates, rejections)


def _in_future(micros: int, ahead: timedelta) -> Rejection:
    shown = from_micros(micros).isoformat().replace("+00:00", "Z")
    description = f"{shown} is more than {round(ahead.total_seconds())} s ahead"
    return Rejection(Reason.OBSERVATION_IN_FUTURE, "observe_time", description)
