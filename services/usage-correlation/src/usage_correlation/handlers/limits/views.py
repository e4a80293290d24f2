"""Where does a subscription stand with its limits, now or in an earlier period?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from usage_correlation.domain.amounts import NANOS
from usage_correlation.domain.limits.events import ConsentTerms, LimitEvent, LimitStop, UnchargedTotal
from usage_correlation.domain.limits.periods import LimitCalendar
from usage_correlation.domain.limits.policies import NO_CHOICE, Choice, ChoiceKind, LimitPolicy, limit_in_force
from usage_correlation.domain.limits.standing import Standing, opening
from usage_correlation.domain.moments import in_range, to_micros
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.errors import InvalidValue, SpendingLimitNotFound
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.limits.book import LimitBook
from usage_correlation.handlers.limits.ports import Held, LimitPolicies, LimitRecords
from usage_correlation.handlers.ports import Clock

_ALL_AT_ONCE = 1000
"""Events read at a time."""


@dataclass(frozen=True, slots=True)
class LimitView:
    """A spending limit as it is shown. Amounts on the policy's tax basis."""

    subscription: str
    customer: str
    policy: LimitPolicy
    standing: Standing
    choice: Choice
    consent_terms: ConsentTerms | None

    @property
    def limit_nanos(self) -> int | None:
        """The limit in force; None when there is none."""
        return limit_in_force(self.policy.terms, self.choice, self.standing.consents)

    @property
    def left(self) -> Fraction | None:
        """What is left of it, nothing at the least."""
        limit = self.limit_nanos
        return None if limit is None else max(Fraction(0), Fraction(limit, NANOS) - self.standing.spent)

    @property
    def chosen_nanos(self) -> int | None:
        """The customer's own limit, if one was chosen."""
        return self.choice.limit_nanos if self.choice.kind is ChoiceKind.LIMIT else None


@dataclass(frozen=True, slots=True)
class LimitRecord:
    """Everything about a subscription's limits."""

    subscription: str
    customer: str
    export_time: datetime
    policies: Sequence[LimitPolicy]
    """Those that apply, and each revision under which something happened."""
    limits: Sequence[LimitView]
    events: Sequence[LimitEvent]
    stops: Sequence[LimitStop]
    uncharged: Sequence[UnchargedTotal]


class ReadLimits:
    """Answers what is known of limits."""

    def __init__(
        self, directory: Directory, book: LimitBook, records: LimitRecords, policies: LimitPolicies, clock: Clock
    ) -> None:
        self._directory = directory
        self._book = book
        self._records = records
        self._kept = policies
        self._clock = clock
        self._calendar = LimitCalendar()

    async def subscriber(self, subscription_id: str) -> Subscriber:
        """Raises SubscriptionNotFound."""
        await self._directory.catch_up()
        await self._book.ready()
        return await self._directory.subscriber(subscription_id)

    def policies(self, subscriber: Subscriber) -> Sequence[LimitPolicy]:
        """Those that apply now, by id."""
        subscription = subscriber.subscription
        return self._book.of(subscription.id, subscription.plan_at(to_micros(self._clock.now())))

    async def one(self, subscription_id: str, policy_id: str, period_micros: int | None) -> LimitView:
        """One limit in the period around a moment, now by default. Raises SpendingLimitNotFound, InvalidValue."""
        subscriber = await self.subscriber(subscription_id)
        policies = [policy for policy in self.policies(subscriber) if policy.id == policy_id]
        if not policies:
            raise SpendingLimitNotFound(subscription_id, policy_id)
        return (await self._views(subscriber, policies, period_micros))[0]

    async def every(self, subscription_id: str, period_micros: int | None) -> list[LimitView]:
        """All that apply, by policy. Raises SubscriptionNotFound, InvalidValue."""
        subscriber = await self.subscriber(subscription_id)
        return await self._views(subscriber, self.policies(subscriber), period_micros)

    async def record(self, subscription_id: str) -> LimitRecord:
        """All of it. Raises SubscriptionNotFound."""
        subscriber = await self.subscriber(subscription_id)
        policies = self.policies(subscriber)
        events: list[LimitEvent] = []
        while True:
            after = events[-1].sequence if events else 0
            more = await self._records.events(subscriber.shard, subscriber.key, "", after, _ALL_AT_ONCE)
            events += more
            if len(more) < _ALL_AT_ONCE:
                break
        return LimitRecord(
            subscription=subscription_id,
            customer=subscriber.subscription.customer,
            export_time=self._clock.now(),
            policies=await self._kept.revisions(
                {(policy.id, policy.revision) for policy in policies}
                | {(event.policy, event.facts.policy_revision) for event in events if event.facts.policy_revision}
            ),
            limits=await self._views(subscriber, policies, None),
            events=events,
            stops=await self._records.stops([subscription_id], (None, None)),
            uncharged=await self._records.uncharged_totals(subscription_id),
        )

    async def _views(
        self, subscriber: Subscriber, policies: Sequence[LimitPolicy], period_micros: int | None
    ) -> list[LimitView]:
        micros = to_micros(self._clock.now()) if period_micros is None else period_micros
        if not in_range(micros):
            raise InvalidValue("period_time", f"{micros} microseconds", "a moment in the years 1970 to 9998")
        subscription = subscriber.subscription
        held = {policy.id: Held(subscriber.shard, subscriber.key, policy.id) for policy in policies}
        periods = {
            policy.id: self._calendar.period_at(policy.terms.period, micros, subscription) for policy in policies
        }
        choices = await self._records.choices(held.values())
        kept = await self._records.standings([(held[each], periods[each]) for each in held])
        found = []
        for policy in policies:
            choice = choices.get(held[policy.id].key, NO_CHOICE)
            there = kept.get((subscriber.key, policy.id, periods[policy.id].start_micros))
            standing = there.standing if there else opening(periods[policy.id], choice)
            terms = there.consent_terms if there and standing.stop_micros is not None else None
            found.append(LimitView(subscription.id, subscription.customer, policy, standing, choice, terms))
        return found
