"""What does the usage of some subscribers cost under one plan after another, when plans share what they can?

Subscribers are taken in blocks whose arrays stay small. Within a block usage is measured once for all plans that differ
in prices and allowances alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Protocol

import numpy as np

from rating.accounts import open_account
from rating.allowance import Allowance
from rating.amounts import add, multiply, round_to, sum_by
from rating.bill import RecurringAmount, recurring_amounts
from rating.bill_totals import BillItems, rules_scale
from rating.cycle import Cycle, version_for
from rating.ledger import Ledger
from rating.lines import lines_from
from rating.record import UsageColumns
from rating.rollover import next_ledger
from rating.slots import Slot
from rating.sums import Measured, sum_parts
from rating.tables import Numerators, Tables, tables_of
from rating.tariff import Tariff, Version
from rating.timeline import Ints

RECORDS = 1 << 17
"""About how many records make a block."""
SUBSCRIBERS = 1 << 14
"""The most subscribers in a block, for those without usage."""


class LineAmounts(Protocol):
    """What lines of many bills come to: one row a line, ordered by bill."""

    @property
    def bill(self) -> Ints:
        """Number of the bill."""

    @property
    def line(self) -> Ints:
        """Index into `names`."""

    @property
    def amount(self) -> Numerators:
        """Over the scale of the tariff's tables."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of lines."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A tariff with what it charges in every cycle whatever the usage."""

    tariff: Tariff
    tables: Tables
    versions: tuple[Version, ...]
    """By cycle: the one whose recurring charges and bill rules hold."""
    recurring: tuple[tuple[RecurringAmount, ...], ...]
    """By cycle."""
    scale: int
    """Common denominator of all that it charges."""
    rolls_over: bool

    @classmethod
    def of(cls, tariff: Tariff, cycles: Sequence[Cycle], held: Cycle | None = None) -> "Plan":
        """`held`: the part of the cycle in which it was held (None: all). Raises Unrated for a later tariff."""
        tables = tables_of(tariff)
        versions = tuple(version_for(tariff, held or cycle) for cycle in cycles)
        recurring = tuple(recurring_amounts(tariff, cycle, held) for cycle in cycles)
        scale = lcm(tables.scale, *(charge.amount.denominator for charges in recurring for charge in charges))
        for version in dict.fromkeys(versions):
            scale *= rules_scale(version)
        rolls = any(allowance.rollover_cycles for version in tariff.versions for allowance in version.allowances)
        return cls(tariff, tables, versions, recurring, scale, rolls)

    def totals(self, cycle: int, lines: LineAmounts, count: int) -> Numerators:
        """What bills (by number) of one cycle come to over the plan's scale, from their lines."""
        version, recurring = self.versions[cycle], self.recurring[cycle]
        fixed = [int(charge.amount * self.scale) for charge in recurring]
        grow = self.scale // self.tables.scale
        if not (version.commitment or version.discounts or version.taxes):
            totals: Numerators = sum_by(lines.bill, lines.amount, count).astype(object) * grow + sum(fixed)
        else:
            names = (*lines.names, *(charge.line for charge in recurring))
            names += (version.commitment.line,) if version.commitment else ()
            charges = np.arange(len(recurring)) + len(lines.names)
            bill = np.concatenate([lines.bill, np.repeat(np.arange(count), len(recurring))])
            order = np.argsort(bill, kind="stable")
            line = np.concatenate([lines.line, np.tile(charges, count)])
            amount = np.concatenate([lines.amount.astype(object) * grow, np.array(fixed * count, object)])
            rounding = self.tariff.line_rounding
            items = BillItems(bill[order], line[order], amount[order], names, self.scale, count, rounding)
            totals = items.total(version)
        bill_rounding = self.tariff.bill_rounding
        if bill_rounding is None:
            return totals
        return round_to(totals, self.scale // bill_rounding.unit, bill_rounding.method)


@dataclass(frozen=True, slots=True)
class CycleUsage:
    """The usage of some subscribers in one cycle, in order of subscribers and starts."""

    cycle: Cycle
    columns: UsageColumns
    owner: Ints
    """By record: its subscriber, from 0 for the first of the block."""
    measured: Measured
    """What plans share of it."""


@dataclass(frozen=True, slots=True)
class AllowanceUse:
    """How much of an allowance subscribers had and used over all cycles."""

    allowance: Allowance
    amount: Numerators
    """By subscriber, over `scale`, in the allowance's unit; what rolled over counts once."""
    used: Numerators
    """The same, with blocks."""
    scale: int


@dataclass(frozen=True, slots=True)
class BlockCost:
    """What a block costs under a plan."""

    costs: Numerators
    """By subscriber and cycle."""
    unrated: Ints
    """By subscriber: records without a price."""
    uses: tuple[AllowanceUse, ...]


def note_use(uses: dict[str, AllowanceUse], slot: Slot) -> None:
    """Add what was used of a slot in one cycle, of accounts that each have a bucket of their own in it."""
    name = slot.definition.id
    fresh = slot.buckets[0].is_extended
    known = uses.get(name)
    scale = lcm(slot.scale, known.scale if known else 1)
    used = grown(slot.used[slot.row_of], scale // slot.scale)
    amount = grown(slot.amount[slot.row_of], scale // slot.scale) if fresh else np.zeros_like(used)
    if known:
        grow = scale // known.scale
        amount, used = add(grown(known.amount, grow), amount), add(grown(known.used, grow), used)
    uses[name] = AllowanceUse(slot.definition, amount, used, scale)


def grown(values: Numerators, factor: int) -> Numerators:
    """Numerators over a scale so many times finer."""
    return values if factor == 1 else multiply(values, np.array([factor], object))


@dataclass(frozen=True, slots=True)
class Block:
    """The usage of some subscribers."""

    first: int
    """Number of the first subscriber."""
    count: int
    """How many subscribers."""
    usage: tuple["CycleUsage", ...]
    """By cycle."""

    def cost(self, plan: Plan, scale: int) -> "BlockCost":
        """What the usage costs under a plan, over `scale`."""
        costs: Numerators = np.zeros((self.count, len(self.usage)), object)
        unrated = np.zeros(self.count, np.int64)
        uses: dict[str, AllowanceUse] = {}
        ledger = Ledger.of(plan.tariff, [])
        for number, usage in enumerate(self.usage):
            cycle = usage.cycle
            if plan.rolls_over and number:
                ledger = next_ledger(ledger, cycle)
            elif plan.tables.keeps_accounts:
                ledger = Ledger.repeated(plan.tariff, [open_account(plan.tariff, cycle)], self.count)
            summed = sum_parts(usage.columns, plan.tables, usage.owner, ledger=ledger, measured=usage.measured)
            costs[:, number] = plan.totals(number, lines_from(summed, plan.tables), self.count) * (scale // plan.scale)
            unrated += np.bincount(usage.owner[np.flatnonzero(summed.outcome)], minlength=self.count)
            ledger = summed.ledger or ledger
            for slot in ledger.slots:
                note_use(uses, slot)
        return BlockCost(costs, unrated, tuple(uses.values()))


def blocks(columns: UsageColumns, owner: Ints, cycle: Ints, count: int, cycles: Sequence[Cycle]) -> Iterator[Block]:
    """All usage in blocks of whole subscribers."""
    order = np.lexsort((columns.start, owner))
    ends = np.cumsum(np.bincount(owner, minlength=count))
    first = low = 0
    while first < count:
        # As many subscribers as fit, and at least one.
        fitting = int(np.searchsorted(ends, low + RECORDS, side="right"))
        until = min(max(fitting, first + 1), first + SUBSCRIBERS, count)
        high = int(ends[until - 1])
        rows = order[low:high]
        usage = []
        for number, each in enumerate(cycles):
            chosen = rows[cycle[rows] == number]
            usage.append(CycleUsage(each, columns.rows(chosen), owner[chosen] - first, Measured()))
        yield Block(first, until - first, tuple(usage))
        first, low = until, high
