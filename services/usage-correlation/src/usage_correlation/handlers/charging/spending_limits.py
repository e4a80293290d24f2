"""How much more may be spent by the spending limits of the subscription?"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Protocol

import numpy as np

from rating import Ledger, UsageColumns, keeps_accounts, rate_for, rate_lines
from usage_correlation.domain.amounts import NANOS
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.charging.quotas import Planned, Pricing
from usage_correlation.domain.limits.metering import MeteredRecord, metered
from usage_correlation.domain.limits.periods import LimitCalendar
from usage_correlation.domain.limits.policies import NO_CHOICE, Action, Choice, LimitPolicy, limit_in_force
from usage_correlation.domain.limits.settling import LimitKey, StandingKey
from usage_correlation.domain.limits.standing import LimitState, Standing, opening
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.rated import PlanUsage
from usage_correlation.handlers.charging.ports import Room, Settling, Wish
from usage_correlation.handlers.limits.book import LimitBook
from usage_correlation.handlers.limits.ports import Held, Kept


class Standings(Protocol):
    """Where a subscription stands, read in the transaction that grants."""

    async def choices(self, settling: Settling, held: Sequence[Held]) -> Mapping[LimitKey, Choice]:
        """What the customer said."""

    async def standings(
        self, settling: Settling, wanted: Sequence[tuple[Held, BillCycle]]
    ) -> Mapping[StandingKey, Kept]:
        """Those that there are."""


class SpendingLimits:
    """The room that limit policies leave which stop usage; those that only notify leave all."""

    def __init__(self, book: LimitBook, standings: Standings) -> None:
        self._book = book
        self._standings = standings
        self._calendar = LimitCalendar()

    async def ready(self) -> None:
        """Read the policies, if they never were."""
        await self._book.ready()

    async def room(self, settling: Settling, wish: Wish, pricing: Pricing, planned: Planned) -> Room:
        """What may be spent on what is planned. Raises RatingError where there is no price for it."""
        subscription = wish.subscriber.subscription
        stopping = [
            policy for policy in self._book.of(subscription.id, wish.plan) if policy.terms.action is Action.STOP
        ]
        record = _counted(wish, pricing, planned, stopping, self._book) if stopping else None
        if record is None:
            return Room()
        held = {each.id: Held(wish.subscriber.shard, wish.subscriber.key, each.id) for each in record.policies}
        now = to_micros(wish.now)
        periods = {each.id: self._calendar.period_at(each.terms.period, now, subscription) for each in record.policies}
        choices = await self._standings.choices(settling, list(held.values()))
        kept = await self._standings.standings(settling, [(held[each], periods[each]) for each in held])
        room = Room()
        for policy in record.policies:
            choice = choices.get(held[policy.id].key, NO_CHOICE)
            there = kept.get((wish.subscriber.key, policy.id, periods[policy.id].start_micros))
            standing = there.standing if there else opening(periods[policy.id], choice)
            room = _narrower(room, _left(policy, choice, standing, record))
        return room


def _left(policy: LimitPolicy, choice: Choice, standing: Standing, record: MeteredRecord) -> Room:
    """What one policy leaves, in the prices of the tariff: the limit itself may be without tax, or with it."""
    if standing.state is LimitState.STOPPED:
        return Room(Fraction(0))
    limit = limit_in_force(policy.terms, choice, standing.consents)
    if limit is None:
        return Room()
    left = max(Fraction(limit, NANOS) - standing.spent, Fraction(0))
    taxed = record.cost(policy.terms.tax_basis)
    return Room(left * record.amount / taxed if taxed else None)


def _narrower(one: Room, other: Room) -> Room:
    lefts = [each.left for each in (one, other) if each.left is not None]
    return Room(min(lefts) if lefts else None)


def _counted(
    wish: Wish, pricing: Pricing, planned: Planned, policies: Sequence[LimitPolicy], book: LimitBook
) -> MeteredRecord | None:
    """What is planned, as the limits would count it; None when none of them does, or it costs nothing."""
    usage = _usage(wish, pricing, planned)
    found = metered([usage], [to_micros(planned.start)], book.scopes, lambda _account: policies)
    return found[0] if found else None


def _usage(wish: Wish, pricing: Pricing, planned: Planned) -> PlanUsage:
    tariff = pricing.tariff
    columns = UsageColumns.of(
        service=planned.service,
        start=[planned.start],
        quantity=[planned.quantity],
        destination=planned.destination,
        visited_network=planned.visited_network,
    )
    cost = rate_for(planned.of(planned.quantity), tariff, pricing.account).rating.amount
    nothing = columns.rows(np.zeros(0, np.int64))
    lines = rate_lines(nothing, tariff, ledger=Ledger.of(tariff, []) if keeps_accounts(tariff) else None)
    first = np.zeros(1, np.int64)
    return PlanUsage(wish.plan, tariff, first, columns, first, lines, found_costs=((cost.numerator,), cost.denominator))
