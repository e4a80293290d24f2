"""What do a subscription's records of a bill cycle cost, in the order in which they drew on allowances?"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from rating import Tariff, rollover_cycles
from usage_correlation.domain.accounts import shared_allowances
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.consumption.history import History, no_history
from usage_correlation.domain.consumption.pooled_cycle import Pool, needs_pool, pooled_plans, rate_pooled
from usage_correlation.domain.consumption.rated_cycle import RatedCycle, rate_cycle
from usage_correlation.domain.consumption.stretches import (
    MOST_CYCLES_BACK,
    PlanStretch,
    cycles_back,
    plan_stretches,
    plans_of,
)
from usage_correlation.domain.limits.events import UnchargedUsage
from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.domain.refusals import Refusal
from usage_correlation.domain.subscribers import Subscriber, Subscription
from usage_correlation.errors import InvalidValue, PlanNotFound, SubscriptionNotFound, UsageError
from usage_correlation.handlers.consumption.histories import histories
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Clock, Usage
from usage_correlation.handlers.summarise_usage import cycle_asked_for


@dataclass(frozen=True, slots=True)
class RatedUsage:
    """A bill cycle so far, with whose it is."""

    subscriber: Subscriber
    rated: RatedCycle
    stretches: tuple[PlanStretch, ...]
    """All plans of the cycle, also those that are only going to be held."""
    tariffs: Mapping[str, Tariff]
    """Of these plans."""
    history: History
    """All that was read: the cycle, and where asked for or needed the cycles before it."""
    uncharged: Sequence[UnchargedUsage] = ()
    """What spending limits let not be charged in the cycle, by start; `rated` is without it."""

    @property
    def subscription(self) -> Subscription:
        """Whose cycle it is."""
        return self.subscriber.subscription


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What must be read to rate a cycle."""

    subscriber: Subscriber
    cycle: BillCycle
    stretches: tuple[PlanStretch, ...]
    tariffs: Mapping[str, Tariff]
    interval: tuple[int, int]
    members: Sequence[Subscriber] = ()
    """Who must be rated together; empty where every cycle begins anew and nothing is shared."""
    pooled: Mapping[str, Tariff] = field(default_factory=dict)
    """Tariffs of all that they held."""

    @property
    def names(self) -> set[str]:
        """Whose usage must be read."""
        return {self.subscriber.subscription.id, *(member.subscription.id for member in self.members)}

    def rated(self, found: Mapping[str, History], uncharged: Iterable[UnchargedUsage], now: int) -> RatedUsage:
        """The cycle so far, rated."""
        begun = tuple(each for each in self.stretches if each.start_micros <= now) or self.stretches[:1]
        nothing = no_history()
        read = {name: found.get(name, nothing).between(*self.interval) for name in self.names}
        mine = read[self.subscriber.subscription.id]
        if self.members:
            pool = Pool(self.subscriber, self.members, read, {**self.pooled, **self.tariffs})
            rated = rate_pooled(pool, self.cycle, begun)
        else:
            rated = rate_cycle(mine, self.cycle, begun, self.tariffs)
        within = [row for row in uncharged if self.cycle.start_micros <= row.start_micros < self.cycle.end_micros]
        rated = rated.without(within) if within else rated
        return RatedUsage(self.subscriber, rated, self.stretches, self.tariffs, mine, within)


class Uncharged(Protocol):
    """Knows what spending limits let not be charged."""

    async def uncharged_of(
        self, subscriptions: Collection[str], interval: tuple[int, int]
    ) -> Mapping[str, Sequence[UnchargedUsage]]:
        """Of records that began in [start, end) microseconds, by subscription and start; those without have none."""


class RateUsage:
    """Reads and rates bill cycles."""

    def __init__(self, directory: Directory, usage: Usage, uncharged: Uncharged, clock: Clock) -> None:
        self._directory = directory
        self._usage = usage
        self._uncharged = uncharged
        self._clock = clock

    async def __call__(
        self, subscription_id: str, cycle_micros: int | None, *, with_keys: bool = False, cycles_before: int = 0
    ) -> RatedUsage:
        """The cycle around a moment, now by default; also reads the usage of so many cycles before it.

        Raises SubscriptionNotFound, PlanNotFound, and InvalidValue for a cycle in which the subscription held no plan.
        """
        await self._directory.catch_up()
        wanted = await self._wanted(await self._directory.subscriber(subscription_id), cycle_micros, cycles_before)
        found = await histories(self._usage, wanted.names, wanted.interval, with_keys=with_keys or bool(wanted.members))
        interval = (wanted.cycle.start_micros, wanted.cycle.end_micros)
        uncharged = (await self._uncharged.uncharged_of([subscription_id], interval)).get(subscription_id, ())
        # Who makes thousands of records must not hold up the calls of others.
        return await asyncio.to_thread(wanted.rated, found, uncharged, to_micros(self._clock.now()))

    async def many(self, subscription_ids: Sequence[str], cycles_before: int) -> Mapping[str, RatedUsage | UsageError]:
        """The running cycles of many, read with three statements; the error of one that can't be rated."""
        await self._directory.catch_up()
        subscribers = await self._directory.subscribers(subscription_ids)
        answers: dict[str, RatedUsage | UsageError] = {}
        wanted: dict[str, _Wanted] = {}
        for each in subscription_ids:
            subscriber = subscribers.get(each)
            try:
                if not isinstance(subscriber, Subscriber):
                    raise SubscriptionNotFound(each)
                wanted[each] = await self._wanted(subscriber, None, cycles_before)
            except UsageError as error:
                answers[each] = error
        now = to_micros(self._clock.now())
        cycles = [one.cycle for one in wanted.values()]
        uncharged: Mapping[str, Sequence[UnchargedUsage]] = {}
        if cycles:
            around = (min(each.start_micros for each in cycles), max(each.end_micros for each in cycles))
            uncharged = await self._uncharged.uncharged_of(list(wanted), around)
        for pooled in (False, True):
            group = {each: one for each, one in wanted.items() if bool(one.members) is pooled}
            if group:
                interval = (
                    min(one.interval[0] for one in group.values()), max(one.interval[1] for one in group.values())
                )  # fmt: skip
                names = {name for one in group.values() for name in one.names}
                found = await histories(self._usage, names, interval, with_keys=pooled)
                answers |= await asyncio.to_thread(_rate_all, group, found, uncharged, now)
        return answers

    async def _wanted(self, subscriber: Subscriber, cycle_micros: int | None, cycles_before: int) -> _Wanted:
        subscription = subscriber.subscription
        cycle = cycle_asked_for(subscription, self._clock.now(), cycle_micros)
        stretches = plan_stretches(subscription, cycle)
        if not stretches:
            asked = from_micros(cycle.start_micros if cycle_micros is None else cycle_micros).isoformat()
            expected = f"a moment in a bill cycle in which subscriptions/{subscription.id} held a plan"
            raise InvalidValue("cycle_time", asked, expected)
        tariffs = await tariffs_of(self._directory, plans_of(stretches))
        since = cycles_back(subscription, cycle, cycles_before)[0].start_micros
        alone = _Wanted(subscriber, cycle, stretches, tariffs, (since, cycle.end_micros))
        return await self._pooled(alone) if needs_pool(tariffs) else alone

    async def _pooled(self, wanted: _Wanted) -> _Wanted:
        """With those whose usage counts too, and from the first cycle that may still matter on."""
        subscription, members = wanted.subscriber.subscription, [wanted.subscriber]
        if any(shared_allowances(tariff) for tariff in wanted.tariffs.values()):
            households = await self._directory.households([subscription.customer])
            others = households.get(subscription.customer, ())
            members += [each for each in others if each.key != wanted.subscriber.key]
        rolls = any(rollover_cycles(tariff) for tariff in wanted.tariffs.values())
        cycles = cycles_back(subscription, wanted.cycle, MOST_CYCLES_BACK if rolls else 0)
        answers = await self._directory.tariffs(pooled_plans(members, cycles))
        known = {plan: tariff for plan, tariff in answers.items() if isinstance(tariff, Tariff)}
        since = min(wanted.interval[0], cycles[0].start_micros)
        return replace(wanted, members=members, pooled=known, interval=(since, wanted.interval[1]))


def _rate_all(
    group: Mapping[str, _Wanted],
    found: Mapping[str, History],
    uncharged: Mapping[str, Sequence[UnchargedUsage]],
    now: int,
) -> dict[str, RatedUsage]:
    """Rate many cycles."""
    return {each: one.rated(found, uncharged.get(each, ()), now) for each, one in group.items()}


async def tariffs_of(directory: Directory, plans: frozenset[str]) -> dict[str, Tariff]:
    """The tariffs of plans; raises PlanNotFound."""
    tariffs: dict[str, Tariff] = {}
    for plan, tariff in (await directory.tariffs(plans)).items():
        if isinstance(tariff, Refusal):
            raise PlanNotFound(plan)
        tariffs[plan] = tariff
    return tariffs
