"""What would planned usage cost under a plan, over what is due anyway?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

import numpy as np

from rating import (
    Account,
    Cycle,
    Ledger,
    RatedColumns,
    Tariff,
    UsageColumns,
    bill_totals,
    draws_of,
    open_account,
    rate_batch,
    recurring_amounts,
)
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.moments import MICROS, from_micros
from usage_correlation.domain.plan_advice.advice import UsedAllowance


class Basis(StrEnum):
    """How a plan relates to the one in force."""

    CURRENT_PLAN = "CURRENT_PLAN"
    OTHER_PLAN = "OTHER_PLAN"
    PACK = "PACK"


@dataclass(frozen=True, slots=True)
class CostLine:
    """What one kind of charge would come to."""

    charge_code: str
    quantity: int
    covered: int
    """Units that allowances cover."""
    amount: Fraction


@dataclass(frozen=True, slots=True)
class UsageCost:
    """What usage would cost in one network; exact."""

    usage: Fraction
    """By how much bills grow."""
    lines: tuple[CostLine, ...]
    allowances: tuple[UsedAllowance, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A plan held from some moment of a bill cycle on, with what its account has and its lines have gathered."""

    tariff: Tariff
    cycle: BillCycle
    held_from_micros: int
    account: Account
    lines: Mapping[str, Fraction] = field(default_factory=dict)

    def held(self, cycle: BillCycle) -> Cycle:
        """The part of a cycle in which it is held."""
        return Cycle(from_micros(max(self.held_from_micros, cycle.start_micros)), cycle.end)

    def opened(self, cycle: BillCycle) -> Account:
        """Its account in a cycle: as it is now, or as it will begin."""
        if cycle == self.cycle:
            return self.account
        # What is left of this cycle's may roll over into the next; what will be left of the next nobody knows.
        previous = self.account if cycle.start_micros == self.cycle.end_micros else None
        return open_account(self.tariff, Cycle(cycle.start, cycle.end), self.held(cycle), previous)

    def gathered(self, cycle: BillCycle) -> Mapping[str, Fraction]:
        """What its lines have gathered in a cycle."""
        return self.lines if cycle == self.cycle else {}

    def recurring(self, cycles: Sequence[BillCycle]) -> Fraction:
        """Its recurring charges of these cycles, for the time in which it is held."""
        charges = (
            charge
            for cycle in cycles
            if self.tariff.version_at(self.held(cycle).start)
            for charge in recurring_amounts(self.tariff, Cycle(cycle.start, cycle.end), self.held(cycle))
        )
        return sum((charge.amount for charge in charges), Fraction(0))


def standing_from(tariff: Tariff, cycle: BillCycle, start_micros: int) -> Standing | None:
    """A plan that is taken at a moment; None when it is not in force by then."""
    if tariff.version_at(from_micros(start_micros)) is None:
        return None
    held = Cycle(from_micros(start_micros), cycle.end)
    return Standing(tariff, cycle, start_micros, open_account(tariff, Cycle(cycle.start, cycle.end), held))


def cost_under(standing: Standing, columns: UsageColumns, cycles: Sequence[BillCycle]) -> UsageCost | None:
    """The cost of usage that lies in these cycles; None when some of it has no price."""
    found = [_cost_in(standing, _within(columns, cycle), cycle) for cycle in cycles]
    priced = [each for each in found if each is not None]
    return _together(priced) if len(priced) == len(found) else None


def cost_with_pack(
    pack: Standing, current: Standing, columns: UsageColumns, cycles: Sequence[BillCycle]
) -> UsageCost | None:
    """The cost where a pack prices what it has a rate for, and the plan in force the rest.

    None when the pack prices nothing of it (it is of no use), or neither of them some of it.
    """
    parts: list[UsageCost] = []
    of_use = False
    for cycle in cycles:
        within = _within(columns, cycle)
        if not len(within):
            continue
        by_pack = _rated(pack, within, cycle).outcome == 0
        of_use |= bool(by_pack.any())
        for standing, mine in ((pack, by_pack), (current, ~by_pack)):
            part = _cost_in(standing, within.rows(mine), cycle)
            if part is None:
                return None
            parts.append(part)
    return _together(parts) if of_use else None


def _within(columns: UsageColumns, cycle: BillCycle) -> UsageColumns:
    start = columns.start * MICROS
    return columns.rows((start >= cycle.start_micros) & (start < cycle.end_micros))


def _rated(standing: Standing, columns: UsageColumns, cycle: BillCycle) -> RatedColumns:
    return rate_batch(columns, standing.tariff, Ledger.of(standing.tariff, [standing.opened(cycle)]))


def _cost_in(standing: Standing, columns: UsageColumns, cycle: BillCycle) -> UsageCost | None:
    if not len(columns):
        return UsageCost(Fraction(0), (), ())
    rated = _rated(standing, columns, cycle)
    if len(rated.failed):
        return None
    before = [int(standing.gathered(cycle).get(line, Fraction(0)) * rated.scale) for line in rated.lines]
    added = np.zeros(len(rated.lines), object)
    np.add.at(added, rated.line, rated.amount.astype(object))
    both = np.stack([np.array(before, object), np.array(before, object) + added])
    held = standing.held(cycle)
    totals = bill_totals(standing.tariff, Cycle(cycle.start, cycle.end), both, held)
    usage = Fraction(int(totals.totals[1] - totals.totals[0]), totals.scale)
    return UsageCost(usage, _lines(rated, added), _allowances(rated, standing.opened(cycle)))


def _lines(rated: RatedColumns, added: np.ndarray[tuple[int], np.dtype[np.object_]]) -> tuple[CostLine, ...]:
    rounding = rated.tariff.line_rounding
    details = rated.priced.details
    found = []
    for number in np.unique(rated.line).tolist():
        mine = rated.line == number
        exact = Fraction(int(added[number]), rated.scale)
        covered = int(details.covered[mine].sum()) if details else 0
        amount = rounding.apply(exact) if rounding else exact
        found.append(CostLine(rated.lines[number], int(rated.pieces.quantity[mine].sum()), covered, amount))
    return tuple(found)


def _allowances(rated: RatedColumns, account: Account) -> tuple[UsedAllowance, ...]:
    left: dict[str, Fraction] = {}
    for bucket in account.buckets:
        left[bucket.allowance] = left.get(bucket.allowance, Fraction(0)) + bucket.left
    used: dict[str, UsedAllowance] = {}
    for draws in draws_of(rated):
        allowance = draws.allowance
        before = used[allowance.id].used if allowance.id in used else Fraction(0)
        taken = before + Fraction(int(draws.taken.sum()), draws.scale)
        # The unit during which an allowance runs out may take more than is left; blocks take it on purpose.
        taken = taken if allowance.block else min(taken, left[allowance.id])
        used[allowance.id] = UsedAllowance(allowance.id, allowance.name, allowance.unit, left[allowance.id], taken)
    return tuple(used[name] for name in sorted(used) if used[name].used)


def _together(parts: Sequence[UsageCost]) -> UsageCost:
    lines: dict[str, CostLine] = {}
    for line in (line for part in parts for line in part.lines):
        known = lines.get(line.charge_code, CostLine(line.charge_code, 0, 0, Fraction(0)))
        lines[line.charge_code] = CostLine(
            line.charge_code,
            known.quantity + line.quantity,
            known.covered + line.covered,
            known.amount + line.amount,
        )
    uses: dict[str, UsedAllowance] = {}
    for use in (use for part in parts for use in part.allowances):
        seen = uses.get(use.allowance)
        uses[use.allowance] = (
            use
            if seen is None
            else UsedAllowance(use.allowance, use.name, use.unit, seen.amount + use.amount, seen.used + use.used)
        )
    usage = sum((part.usage for part in parts), Fraction(0))
    return UsageCost(usage, tuple(lines[code] for code in sorted(lines)), tuple(uses[name] for name in sorted(uses)))
