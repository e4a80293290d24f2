"""What would a subscriber's real usage of the last bill cycles cost under every plan that they may take?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

import rating
from rating import AllowanceUse, Cycle, PlanCosts, Tariff, UsageColumns
from usage_correlation.domain.bill_cycles import BillCycle


class NoAdvice(StrEnum):
    """Why there is no advice for a subscription."""

    SUBSCRIPTION_NOT_FOUND = "SUBSCRIPTION_NOT_FOUND"
    NO_PLAN = "NO_PLAN"
    """It holds none now."""
    NO_COMPLETE_CYCLE = "NO_COMPLETE_CYCLE"
    """It is too early to tell: no whole bill cycle is over."""
    NOT_RATEABLE = "NOT_RATEABLE"
    """The plan in force has no price for some of the usage, so that nothing can be compared with it."""


@dataclass(frozen=True, slots=True)
class UsedAllowance:
    """What a plan's allowance would have been worth."""

    allowance: str
    name: str
    unit: str
    """A base unit, or money."""
    amount: Fraction
    """Over all cycles, in the unit."""
    used: Fraction
    """Blocks included, so that it may be more."""


@dataclass(frozen=True, slots=True)
class PlanOption:
    """What the usage would have cost under a plan; exact."""

    plan: str
    total: Fraction
    """Of all cycles, as bills would say: each cycle's lines, recurring charges, discounts and taxes, rounded."""
    recurring: Fraction
    """The recurring charges in it, before discounts and taxes."""
    saving: Fraction
    """How much less than under the plan in force; negative when it is dearer."""
    allowances: tuple[UsedAllowance, ...]
    """Those that were used, by name."""

    @property
    def usage(self) -> Fraction:
        """The rest: usage, with discounts and taxes."""
        return self.total - self.recurring


@dataclass(frozen=True, slots=True)
class Advice:
    """The plans for one subscription."""

    subscription: str
    plan: str
    """In force now."""
    currency: str
    cycles: tuple[BillCycle, ...]
    """Oldest first."""
    record_count: int
    options: tuple[PlanOption, ...]
    """Cheapest first, ties by name; the plan in force is one."""
    left_out: tuple[str, ...]
    """Plans that have no price for some of the usage."""

    @property
    def best(self) -> PlanOption:
        """The cheapest; the plan in force where another costs just as much."""
        return min(self.options, key=lambda option: (option.total, option.plan != self.plan))


def may_be_taken(tariff: Tariff, currency: str, now: datetime) -> bool:
    """Whether a plan that is sold can be had instead of one in a currency: it has prices in it now, and stands alone.

    A plan that names a fallback is a pack: it adds to another.
    """
    return tariff.currency == currency and tariff.fallback is None and tariff.version_at(now) is not None


@dataclass(frozen=True, slots=True)
class Group:
    """Subscriptions with the same bill cycles, and the plans that each of them may take."""

    cycles: tuple[BillCycle, ...]
    subscriptions: tuple[str, ...]
    current: tuple[str, ...]
    """Each one's plan in force."""
    tariffs: Mapping[str, Tariff]
    """All plans that are compared, in one currency, at today's prices."""


def advise(
    group: Group, columns: UsageColumns, subscriber: NDArray[np.int64], most: int | None = None
) -> list[Advice | tuple[str, NoAdvice]]:
    """Each subscription's advice, in order, with the `most` cheapest options and the plan in force (None: all).

    `subscriber` numbers each record's subscription.
    """
    plans = sorted(group.tariffs)
    stretches = [Cycle(cycle.start, cycle.end) for cycle in group.cycles]
    tariffs = [group.tariffs[plan] for plan in plans]
    costs = rating.compare_plans(columns, tariffs, stretches, subscriber, len(group.subscriptions))
    compared = _Compared(group, plans, costs, [_recurring(tariff, stretches) for tariff in tariffs])
    counts = np.bincount(subscriber, minlength=len(group.subscriptions)).tolist()
    totals, unrated = costs.totals.tolist(), costs.unrated.tolist()
    return [
        compared.advice(number, totals[number], unrated[number], counts[number], most)
        for number in range(len(group.subscriptions))
    ]


@dataclass(frozen=True, slots=True)
class _Compared:
    group: Group
    plans: Sequence[str]
    costs: PlanCosts
    recurring: Sequence[Fraction]
    """By plan."""

    def advice(
        self, number: int, totals: Sequence[int], unrated: Sequence[int], records: int, most: int | None
    ) -> Advice | tuple[str, NoAdvice]:
        group, plans = self.group, self.plans
        subscription, current = group.subscriptions[number], group.current[number]
        mine = plans.index(current)
        if unrated[mine]:
            return subscription, NoAdvice.NOT_RATEABLE
        # Plans stand by name, and sorting keeps the order of equals.
        ranked = sorted((place for place in range(len(plans)) if not unrated[place]), key=totals.__getitem__)
        shown = ranked[:most]
        shown += [mine] if mine not in shown else []
        return Advice(
            subscription=subscription,
            plan=current,
            currency=group.tariffs[current].currency,
            cycles=group.cycles,
            record_count=records,
            options=tuple(self._option(number, place, totals[place], totals[mine]) for place in shown),
            left_out=tuple(plan for place, plan in enumerate(plans) if unrated[place]),
        )

    def _option(self, number: int, place: int, total: int, mine: int) -> PlanOption:
        scale = self.costs.scale
        return PlanOption(
            self.plans[place],
            Fraction(total, scale),
            self.recurring[place],
            Fraction(mine - total, scale),
            _allowances(self.costs.uses[place], number),
        )


def _recurring(tariff: Tariff, cycles: Sequence[Cycle]) -> Fraction:
    charges = (charge for cycle in cycles for charge in rating.recurring_amounts(tariff, cycle))
    return sum((charge.amount for charge in charges), Fraction(0))


def _allowances(uses: Sequence[AllowanceUse], number: int) -> tuple[UsedAllowance, ...]:
    return tuple(
        UsedAllowance(
            use.allowance.id,
            use.allowance.name,
            use.allowance.unit,
            Fraction(int(use.amount[number]), use.scale),
            Fraction(int(use.used[number]), use.scale),
        )
        for use in sorted(uses, key=lambda use: use.allowance.id)
        if use.used[number]
    )
