"""What do we know of subscriptions, plans and policies, and is it still so?

Every process keeps its own memory of them. What changes is written to a change log in the database, in the transaction
of the change or of the event that told of it; every call reads first what came into the log since the last call. So no
call works with what was changed before it began, however many replicas there are. The lifetime of what is remembered
limits the damage if the profile's events fail to arrive.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from rating import Tariff
from usage_correlation.domain.allowance_policies import AllowancePolicy
from usage_correlation.domain.policies import SpendPolicy
from usage_correlation.domain.refusals import Reason, Refusal
from usage_correlation.domain.shards import shard_of
from usage_correlation.domain.subscribers import Subscriber, Subscription
from usage_correlation.errors import PlanNotFound, SubscriptionNotFound
from usage_correlation.handlers.cache import Cache
from usage_correlation.handlers.known_subscribers import KnownSubscribers
from usage_correlation.handlers.ledger_ports import RatedPlans, Subscribers
from usage_correlation.handlers.ports import (
    Catalogue,
    ChangeKind,
    ChangeLog,
    Changes,
    Clock,
    Keys,
    Plan,
    Policies,
    Profile,
    Tariffs,
)

Reload = Callable[[int], Awaitable[None]]
"""Reads something anew; told the version of the changes."""

_NEVER: Final = -1
_ALL_ACTIVE: Final = "active"
_MAX_PLANS: Final = 100_000
_MAX_HOUSEHOLDS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Sources:
    """Where knowledge comes from."""

    profile: Profile
    catalogue: Catalogue
    tariffs: Tariffs
    keys: Keys
    policies: Policies[SpendPolicy]
    changes: ChangeLog
    allowance_policies: Policies[AllowancePolicy]
    subscribers: Subscribers
    plans: RatedPlans


class Directory:
    """Remembers, and asks for what it doesn't remember, many at a time."""

    def __init__(self, sources: Sources, clock: Clock, *, subscribers: int, lifetime: timedelta) -> None:
        """Remember at most so many `subscribers`, and nothing for longer than `lifetime`."""
        self._from = sources
        self._subscribers = KnownSubscribers(subscribers, lifetime, clock)
        self._tariffs: Cache[Tariff | Refusal] = Cache(_MAX_PLANS, lifetime, clock)
        self._active: Cache[tuple[str, ...]] = Cache(1, lifetime, clock)
        self._version = _NEVER
        self._general: tuple[SpendPolicy, ...] = ()
        self._unread: set[ChangeKind] = set()
        self._reading = asyncio.Lock()
        self._allowance_policies: tuple[AllowancePolicy, ...] = ()
        self._households: Cache[tuple[str, ...]] = Cache(_MAX_HOUSEHOLDS, lifetime, clock)
        self._followers: list[tuple[ChangeKind, Reload]] = []
        self._outdated: list[tuple[ChangeKind, Callable[[], None]]] = []

    def follow(self, kind: ChangeKind, reload: Reload, outdate: Callable[[], None] | None = None) -> None:
        """At the first `catch_up`, and whenever something of a kind has changed, let others read it anew.

        `outdate` is told at once, before anything is awaited: no call may find old things under the new version.
        """
        self._followers.append((kind, reload))
        if outdate is not None:
            self._outdated.append((kind, outdate))

    @property
    def general_policies(self) -> tuple[SpendPolicy, ...]:
        """The spend policies for everybody or for the holders of a plan, as of the last `catch_up`."""
        return self._general

    @property
    def allowance_policies(self) -> tuple[AllowancePolicy, ...]:
        """The allowance policies for everybody or for the holders of a plan, as of the last `catch_up`."""
        return self._allowance_policies

    async def concerns(self, version: int, subscriptions: Collection[str], plans: Collection[str]) -> bool:
        """Whether any of these subscriptions or plans has changed since a version."""
        changes = await self._from.changes.since(version)
        if changes.changed is None:
            return True
        subjects = {ChangeKind.SUBSCRIPTION: frozenset(subscriptions), ChangeKind.PLAN: frozenset(plans)}
        return any(each in subjects.get(kind, ()) for kind, each in changes.changed)

    async def catch_up(self) -> int:
        """Forget what has changed, and tell as of which version that is; every call does this first."""
        changes = await self._from.changes.since(self._version)
        if changes.version > self._version:
            # Before anything is awaited: another call may not find what is to be forgotten under the new version.
            self._version = changes.version
            self._forget(changes)
            for kind, outdate in self._outdated:
                if changes.changed is None or any(changed is kind for changed, _ in changes.changed):
                    outdate()
            self._unread |= set(ChangeKind if changes.changed is None else (kind for kind, _ in changes.changed))
        if self._unread or self._reading.locked():
            # Nor may a call go on before what has changed was read anew, by itself or by the call that saw it first.
            async with self._reading:
                await self._read_anew()
        return changes.version

    async def _read_anew(self) -> None:
        """Read what has changed of what is remembered whole; what could not be read stays to be read."""
        while self._unread:
            unread, version = self._unread, self._version
            self._unread = set()
            try:
                if ChangeKind.POLICY in unread:
                    self._general = tuple(await self._from.policies.general())
                    self._allowance_policies = tuple(await self._from.allowance_policies.general())
                for kind, reload in self._followers:
                    if kind in unread:
                        await reload(version)
            except BaseException:
                self._unread |= unread
                raise

    def _forget(self, changes: Changes) -> None:
        if changes.changed is None:
            for cache in (self._subscribers, self._tariffs, self._active, self._households):
                cache.clear()
            return
        plans = [each for kind, each in changes.changed if kind is ChangeKind.PLAN]
        self._subscribers.forget([each for kind, each in changes.changed if kind is ChangeKind.SUBSCRIPTION])
        self._households.forget([each for kind, each in changes.changed if kind is ChangeKind.CUSTOMER])
        if plans:
            self._tariffs.forget(plans)
            self._active.clear()

    async def subscribers(self, ids: Iterable[str]) -> Mapping[str, Subscriber | Refusal]:
        """Those that exist, by id; a refusal for one that usage can't be placed on."""
        found, missing = self._subscribers.find(dict.fromkeys(ids))
        if not missing:
            return found
        generation = self._subscribers.generation
        answers = await self._from.profile.subscriptions(missing)
        learned = await self._beside(
            {each: answer for each, answer in answers.items() if isinstance(answer, Subscription)}
        )
        self._subscribers.keep(learned, generation)
        return {**_refused(answers), **found, **learned}

    async def households(self, customers: Collection[str]) -> Mapping[str, Sequence[Subscriber]]:
        """All subscriptions that each of some customers holds, by customer, without those that can't be used here."""
        found, missing = self._households.find(customers)
        generation = self._households.generation
        learned = {each: tuple(await self._from.profile.held_by(each)) for each in missing}
        self._households.keep(learned, generation)
        members = {**found, **learned}
        known = await self.subscribers({name for names in members.values() for name in names})
        return {
            customer: [each for name in names if isinstance(each := known.get(name), Subscriber)]
            for customer, names in members.items()
        }

    async def subscriber(self, subscription_id: str) -> Subscriber:
        """One; raises SubscriptionNotFound."""
        found = (await self.subscribers([subscription_id])).get(subscription_id)
        if not isinstance(found, Subscriber):
            raise SubscriptionNotFound(subscription_id)
        return found

    async def _beside(self, subscriptions: Mapping[str, Subscription]) -> dict[str, Subscriber]:
        """Subscriptions with what is kept of them here."""
        keys = await self._from.subscribers.learn(subscriptions) if subscriptions else {}
        policies = await self._from.policies.of_subscriptions(subscriptions)
        allowances = await self._from.allowance_policies.of_subscriptions(subscriptions)
        return {
            each: Subscriber(
                subscription,
                keys[each],
                shard_of(each),
                tuple(policies.get(each, ())),
                tuple(allowances.get(each, ())),
            )
            for each, subscription in subscriptions.items()
        }

    async def tariffs(self, plans: Collection[str]) -> Mapping[str, Tariff | Refusal]:
        """Each plan's tariff; a refusal for all usage under a plan that is unknown or can't be read."""
        found, missing = self._tariffs.find(plans)
        if not missing:
            return found
        generation = self._tariffs.generation
        known = await self._from.catalogue.plans(missing)
        await self._from.plans.learn(known.values())
        learned = {each: await self._from.tariffs.read(plan) for each, plan in known.items()}
        self._tariffs.keep(learned, generation)
        unknown = {each: _unknown_plan(each) for each in missing if each not in known}
        return {**found, **learned, **unknown}

    async def tariff(self, plan: str) -> Tariff:
        """One plan's tariff; raises PlanNotFound."""
        found = (await self.tariffs([plan]))[plan]
        if isinstance(found, Refusal):
            raise PlanNotFound(plan)
        return found

    async def active_plans(self) -> tuple[str, ...]:
        """The plans that are sold, by id."""
        found, _ = self._active.find([_ALL_ACTIVE])
        if found:
            return found[_ALL_ACTIVE]
        generation, tariffs_generation = self._active.generation, self._tariffs.generation
        plans: dict[str, Plan] = {plan.id: plan for plan in await self._from.catalogue.active_plans()}
        self._tariffs.keep(
            {each: await self._from.tariffs.read(plan) for each, plan in plans.items()}, tariffs_generation
        )
        active = tuple(sorted(plans))
        self._active.keep({_ALL_ACTIVE: active}, generation)
        return active


def _refused(answers: Mapping[str, Subscription | Refusal]) -> dict[str, Refusal]:
    """Those answers that are refusals."""
    return {each: answer for each, answer in answers.items() if isinstance(answer, Refusal)}


def _unknown_plan(plan: str) -> Refusal:
    return Refusal(Reason.NOT_RATEABLE, "subscription", f"its plan, plans/{plan}, is not in the catalogue")
