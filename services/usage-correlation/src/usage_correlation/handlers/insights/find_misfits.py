"""Whose plan doesn't suit what they really use, and what would the better one have saved?"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

import numpy as np

import rating
from rating import Cycle, PlanCosts, Tariff
from usage_correlation.domain.amounts import nearest_nanos
from usage_correlation.domain.bill_cycles import BillCalendar, BillCycle
from usage_correlation.domain.insights.details import PlanMisfit
from usage_correlation.domain.insights.misfit import MisfitTerms, is_misfit
from usage_correlation.domain.signals import Signal, SignalKind
from usage_correlation.domain.subscribers import Subscription
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.insights.ports import ClosedCycle, PastUsage
from usage_correlation.handlers.insights.told import Told, month_of
from usage_correlation.handlers.ports import Clock

Stretch = tuple[BillCycle, ...]
"""Bill cycles, oldest first."""
Found = tuple[ClosedCycle, PlanMisfit, tuple[str | int, ...]]
_QUARTER: Final = 3


class FindMisfits:
    """Prices the last cycles of each subscription under every plan that is sold, at today's prices, exact.

    Left out are subscriptions that didn't hold their plan through all of the cycles, and plans in another currency or
    without a price for some of the usage.
    """

    insight: Final = "plan-misfit"

    def __init__(self, directory: Directory, usage: PastUsage, told: Told, clock: Clock, terms: MisfitTerms) -> None:
        self._directory = directory
        self._usage = usage
        self._told = told
        self._clock = clock
        self._terms = terms
        self._calendar = BillCalendar()

    async def __call__(self, cycles: Sequence[ClosedCycle]) -> Sequence[Signal]:
        """A signal for each misfit."""
        subscribers = await self._told.subscribers(cycles)
        groups: dict[tuple[str, Stretch], list[ClosedCycle]] = {}
        for closed in cycles:
            subscriber = subscribers.get(closed.subscription)
            held = None if subscriber is None else self._held(subscriber.subscription, closed.cycle)
            if held is not None:
                groups.setdefault(held, []).append(closed)
        if not groups:
            return []
        sold = await self._directory.active_plans()
        tariffs = await self._tariffs({*sold, *(plan for plan, _ in groups)})
        found: list[Found] = []
        for (plan, stretch), members in groups.items():
            if plan in tariffs:
                candidates = [each for each in sold if each in tariffs and each != plan]
                found += await self._compare([plan, *candidates], stretch, members, tariffs)
        return await self._told.signals(SignalKind.PLAN_MISFIT, found, subscribers)

    def _held(self, subscription: Subscription, last: BillCycle) -> tuple[str, Stretch] | None:
        """The plan, and the cycles up to the last one; None when another plan was held in them or none is held now."""
        stretch = [last]
        while len(stretch) < self._terms.cycles:
            before = stretch[0].start_micros - 1
            if before < subscription.activate_micros:
                return None
            stretch.insert(0, self._calendar.cycle_at(before, subscription.bill_cycle_day, subscription.zone))
        current = subscription.plan_periods[-1] if subscription.plan_periods else None
        if current is None or current.end_micros is not None or current.start_micros > stretch[0].start_micros:
            return None
        return current.plan, tuple(stretch)

    async def _tariffs(self, plans: set[str]) -> Mapping[str, Tariff]:
        """Of the plans, at today's prices; without those that have none today."""
        now = self._clock.now()
        found = await self._directory.tariffs(plans)
        return {
            plan: tariff.as_of(now)
            for plan, tariff in found.items()
            if isinstance(tariff, Tariff) and tariff.version_at(now) is not None
        }

    async def _compare(
        self, candidates: Sequence[str], stretch: Stretch, members: Sequence[ClosedCycle], tariffs: Mapping[str, Tariff]
    ) -> list[Found]:
        """The first of the candidates is the plan held."""
        plan = candidates[0]
        plans = [each for each in candidates if tariffs[each].currency == tariffs[plan].currency]
        names, interval = [each.subscription for each in members], (stretch[0].start_micros, stretch[-1].end_micros)
        columns, owners = await self._usage.columns(names, interval, tariffs[plan].currency)
        costs = rating.compare_plans(
            columns,
            [tariffs[each] for each in plans],
            [Cycle(each.start, each.end) for each in stretch],
            np.array(owners, np.int64),
            len(members),
        )
        records = np.bincount(np.array(owners, np.int64), minlength=len(members)).tolist()
        judged = [self._judge(costs, number) for number in range(len(members))]
        return [
            (closed, self._detail(plan, plans[better], stretch, costs, number, better, records[number]), what)
            for number, (closed, better) in enumerate(zip(members, judged, strict=True))
            if better is not None
            # Once a quarter for each better plan: every month the same advice would be a nuisance.
            for what in [(plan, plans[better], month_of(closed.cycle) // _QUARTER)]
        ]

    def _judge(self, costs: PlanCosts, subscriber: int) -> int | None:
        """The plan that is better, as a place among those compared, of which the first is held."""
        current = costs.cost(0, subscriber)
        ranking = costs.ranking(subscriber)
        if current is None or not ranking or ranking[0] == 0:
            return None
        better = costs.cost(ranking[0], subscriber)
        if better is None or not is_misfit(current, better, self._terms):
            return None
        return ranking[0]

    def _detail(
        self, plan: str, better: str, stretch: Stretch, costs: PlanCosts, subscriber: int, place: int, records: int
    ) -> PlanMisfit:
        return PlanMisfit(
            current_plan=plan,
            better_plan=better,
            stretch=BillCycle(stretch[0].start_micros, stretch[-1].end_micros),
            cycles=len(stretch),
            current_nanos=nearest_nanos(costs.cost(0, subscriber) or Fraction(0)),
            better_nanos=nearest_nanos(costs.cost(place, subscriber) or Fraction(0)),
            currency=costs.tariffs[0].currency,
            records=records,
        )
