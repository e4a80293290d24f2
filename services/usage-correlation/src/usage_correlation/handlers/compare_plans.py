"""What would a subscription's real usage of a bill cycle have cost under other plans?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

import rating
from rating import Cycle, Tariff, UsageColumns
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.refusals import Refusal
from usage_correlation.errors import InvalidValue, NotRateable, PlanNotFound
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Clock, Usage
from usage_correlation.handlers.summarise_usage import cycle_asked_for


@dataclass(frozen=True, slots=True)
class PlanCost:
    """What the usage costs under a plan."""

    plan: str
    total: Fraction
    """Usage and recurring charges, rounded as the tariff declares."""
    recurring: Fraction


@dataclass(frozen=True, slots=True)
class PlanComparison:
    """The usage of one cycle priced under several plans of one currency."""

    current_plan: str
    currency: str
    costs: tuple[PlanCost, ...]
    """Cheapest first, ties by plan."""
    record_count: int


class ComparePlans:
    """Prices the cycle's records anew under each plan."""

    def __init__(self, directory: Directory, usage: Usage, clock: Clock) -> None:
        self._directory = directory
        self._usage = usage
        self._clock = clock

    async def __call__(self, subscription_id: str, plans: Sequence[str], cycle_micros: int | None) -> PlanComparison:
        """Compare `plans` (none: all that are sold) with the plan in force now, which is always among them.

        Among all plans that are sold, those in another currency, those that have no price for some of the usage and
        those not in force yet are left out: they can't be recommended. Raises SubscriptionNotFound; PlanNotFound and
        InvalidValue for plans asked for by name that are unknown or can't be compared; NotRateable when the plan in
        force itself has no price for the usage.
        """
        await self._directory.catch_up()
        subscription = (await self._directory.subscriber(subscription_id)).subscription
        now = self._clock.now()
        cycle = cycle_asked_for(subscription, now, cycle_micros)
        current = subscription.plan_at(to_micros(now))
        if current is None:
            raise InvalidValue("subscription", subscription_id, "a subscription that holds a plan now")
        tariffs = await self._tariffs(current, plans, cycle, now)
        columns = await self._usage.columns(subscription_id, cycle, tariffs[current].currency)
        costs = _price(columns, tariffs, cycle, current, asked=frozenset(plans))
        return PlanComparison(current, tariffs[current].currency, costs, len(columns))

    async def _tariffs(
        self, current: str, plans: Sequence[str], cycle: BillCycle, now: datetime
    ) -> Mapping[str, Tariff]:
        """The tariffs to compare by plan, each with prices for the cycle."""
        candidates = plans or await self._directory.active_plans()
        found = await self._directory.tariffs({current, *candidates})
        tariffs = {plan: _in_force(_known(plan, found[plan]), cycle, now) for plan in found}
        mine = tariffs[current]
        if mine is None:
            raise NotRateable(current, "has no tariff in force")
        for plan in plans:
            theirs = tariffs[plan]
            if theirs is None or theirs.currency != mine.currency:
                expected = f"plans in {mine.currency} whose tariff is in force, as that of plans/{current} is"
                raise InvalidValue("plans", f"plans/{plan}", expected)
        return {
            plan: tariff for plan, tariff in tariffs.items() if tariff is not None and tariff.currency == mine.currency
        }


def _known(plan: str, tariff: Tariff | Refusal) -> Tariff:
    if isinstance(tariff, Refusal):
        raise PlanNotFound(plan)
    return tariff


def _in_force(tariff: Tariff, cycle: BillCycle, now: datetime) -> Tariff | None:
    """The tariff if it was in force when the cycle began, else its present prices; None when it has none yet."""
    if tariff.version_at(cycle.start) is not None:
        return tariff
    return tariff.as_of(now) if tariff.version_at(now) is not None else None


def _price(
    columns: UsageColumns, tariffs: Mapping[str, Tariff], cycle: BillCycle, current: str, *, asked: frozenset[str]
) -> tuple[PlanCost, ...]:
    plans = sorted(tariffs)
    stretch = Cycle(cycle.start, cycle.end)
    compared = rating.compare_plans(columns, [tariffs[plan] for plan in plans], [stretch])
    costs = []
    for number, plan in enumerate(plans):
        total = compared.cost(number)
        if total is None:
            _check_dispensable(plan, int(compared.unrated[0, number]), current, asked)
            continue
        recurring = rating.recurring_amounts(tariffs[plan], stretch)
        costs.append(PlanCost(plan, total, sum((each.amount for each in recurring), Fraction(0))))
    return tuple(sorted(costs, key=lambda cost: (cost.total, cost.plan)))


def _check_dispensable(plan: str, unrated: int, current: str, asked: frozenset[str]) -> None:
    if plan == current:
        raise NotRateable(plan, f"has no rate for {unrated} of the records, so that nothing can be compared with it")
    if plan in asked:
        raise InvalidValue(
            "plans", f"plans/{plan}", f"plans with a rate for all of the usage; {unrated} records have none"
        )
