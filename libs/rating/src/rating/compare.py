"""What would the same usage have cost under each of several plans, for one subscriber and for thousands?"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm

import numpy as np
from numpy.typing import NDArray

from rating.blocks import AllowanceUse, Plan, blocks, grown
from rating.cycle import Cycle
from rating.errors import NotComparable
from rating.record import UsageColumns
from rating.tables import Numerators
from rating.tariff import Tariff
from rating.timeline import Ints, to_epoch


@dataclass(frozen=True, slots=True)
class PlanCosts:
    """What each subscriber's usage costs under each plan; exact."""

    tariffs: tuple[Tariff, ...]
    cycles: tuple[Cycle, ...]
    costs: Numerators
    """Over `scale`; by subscriber, cycle and plan: the bill's total, recurring charges included."""
    scale: int
    unrated: Ints
    """By subscriber and plan: how many records the plan has no price for. Such a plan can't be recommended."""
    uses: tuple[tuple[AllowanceUse, ...], ...] = ()
    """By plan: what subscribers used of each of its allowances; none of allowances that nobody had."""

    @property
    def totals(self) -> Numerators:
        """Over `scale`; by subscriber and plan: the sum over all cycles."""
        result: Numerators = self.costs.sum(axis=1)
        return result

    def cost(self, plan: int, subscriber: int = 0) -> Fraction | None:
        """The sum over all cycles; None when the plan has no price for some of the usage."""
        if self.unrated[subscriber, plan]:
            return None
        return Fraction(sum(int(cost) for cost in self.costs[subscriber, :, plan]), self.scale)

    def ranking(self, subscriber: int = 0) -> tuple[int, ...]:
        """The plans that price all of the usage, cheapest first; equal ones in the order given."""
        costs = {plan: self.cost(plan, subscriber) for plan in range(len(self.tariffs))}
        rated = {plan: cost for plan, cost in costs.items() if cost is not None}
        return tuple(sorted(rated, key=rated.__getitem__))

    def best(self) -> Ints:
        """Each subscriber's cheapest plan that prices all usage, the first of equals; -1 when none does."""
        totals = self.totals.astype(object)
        most = max(totals.max(initial=0), 0) + 1
        found = np.argmin(np.where(self.unrated > 0, most, totals), axis=1)
        return np.where((self.unrated == 0).any(axis=1), found, -1)


def compare_plans(
    columns: UsageColumns,
    tariffs: Sequence[Tariff],
    cycles: Sequence[Cycle],
    subscriber: NDArray[np.int64] | None = None,
    subscribers: int | None = None,
) -> PlanCosts:
    """What the usage costs under each tariff, cycle by cycle, recurring charges included.

    `cycles` are in order and don't overlap; every record starts in one of them. `subscriber` numbers each record's
    subscriber from 0 (without it, all records are one's); `subscribers` is how many there are, for those without usage.
    To price past usage at today's prices give `tariff.as_of(now)`. Raises NotComparable for two currencies and for
    records outside all cycles.
    """
    currencies = sorted({tariff.currency for tariff in tariffs})
    if len(currencies) != 1:
        raise NotComparable("tariffs", currencies, "at least one tariff, and one currency for all of them")
    owner = np.zeros(len(columns), np.int64) if subscriber is None else np.asarray(subscriber).astype(np.int64)
    if len(owner) != len(columns) or (len(owner) and owner.min() < 0):
        raise NotComparable("subscriber", f"{len(owner)} numbers", f"{len(columns)} numbers, 0 or more")
    count = subscribers or int(owner.max(initial=0)) + 1
    if len(owner) and owner.max() >= count:
        raise NotComparable("subscriber", int(owner.max()), f"numbers under {count}, the number of subscribers")
    plans = [Plan.of(tariff, cycles) for tariff in tariffs]
    scale = lcm(*(plan.scale for plan in plans))
    costs = np.zeros((count, len(cycles), len(plans)), object)
    unrated = np.zeros((count, len(plans)), np.int64)
    uses: list[list[tuple[AllowanceUse, ...]]] = [[] for _ in plans]
    for block in blocks(columns, owner, _cycle_of(columns, cycles), count, cycles):
        here = slice(block.first, block.first + block.count)
        for number, plan in enumerate(plans):
            found = block.cost(plan, scale)
            costs[here, :, number], unrated[here, number] = found.costs, found.unrated
            uses[number].append(found.uses)
    return PlanCosts(tuple(tariffs), tuple(cycles), costs, scale, unrated, tuple(map(_joined, uses)))


def _joined(parts: Sequence[tuple[AllowanceUse, ...]]) -> tuple[AllowanceUse, ...]:
    """The uses of all blocks, one after another: each block has the same allowances."""
    joined = []
    for same in zip(*parts, strict=True):
        scale = lcm(*(use.scale for use in same))
        amount = np.concatenate([grown(use.amount, scale // use.scale) for use in same])
        used = np.concatenate([grown(use.used, scale // use.scale) for use in same])
        joined.append(AllowanceUse(same[0].allowance, amount, used, scale))
    return tuple(joined)


def _cycle_of(columns: UsageColumns, cycles: Sequence[Cycle]) -> Ints:
    for before, after in pairwise(cycles):
        if after.start < before.end:
            raise NotComparable("cycles", after.start.isoformat(), f"a start at or after {before.end.isoformat()}")
    starts = np.array([to_epoch(cycle.start) for cycle in cycles], np.int64)
    ends = np.array([to_epoch(cycle.end) for cycle in cycles], np.int64)
    if not len(cycles):
        raise NotComparable("cycles", "none", "at least one bill cycle")
    found = np.searchsorted(starts, columns.start, side="right") - 1
    outside = np.flatnonzero((found < 0) | (columns.start >= ends[found]))
    if len(outside):
        raise NotComparable("columns", f"record {outside[0]}", "records that start within one of the cycles")
    return found
