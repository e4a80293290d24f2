"""What does the stored usage of many bills come to? One pass per tariff."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cached_property

import numpy as np

from billing_accuracy.domain.amounts import as_billed
from billing_accuracy.domain.bills import LineType
from billing_accuracy.domain.entries import LINE_TYPES, EntryAmount, EntryKind, amount_on_bill
from billing_accuracy.domain.expected import ChargePart, ExpectedBill, ExpectedCharge, merge_charges
from billing_accuracy.domain.following import Beside, BillRules, Share
from billing_accuracy.domain.pools import Pools
from billing_accuracy.domain.prices import charge_codes
from billing_accuracy.domain.shared_use import SharedUse
from billing_accuracy.domain.uncharged import Stopped
from billing_accuracy.domain.usage import BillCase, Segment
from billing_accuracy.domain.usage_table import Ints, UsageTable, micros_of
from rating import (
    Account,
    Ledger,
    Line,
    LineColumns,
    RecurringAmount,
    Rounding,
    Tariff,
    UsageColumns,
    rate_batch,
    rate_lines,
    recurring_amounts,
)

_USAGE = frozenset({LineType.USAGE})
_RECURRING = frozenset({LineType.RECURRING})
_NONE = frozenset({0})
_ONE = frozenset({0, 1})
"""An act, which a line may count."""


class Allowances(StrEnum):
    """What is granted at the start of a period."""

    AS_DECLARED = "as declared"
    NONE = "none"
    WHOLE = "whole"
    """Whatever part of the period the plan was held."""


@dataclass(frozen=True, slots=True)
class Due:
    """A bill's charges, and the rules by which others follow from them."""

    charges: Mapping[str, ExpectedCharge]
    rules: BillRules


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A segment of a bill, as it was rated."""

    place: int
    """Its number in the lines."""
    segment: Segment


@dataclass(frozen=True)  # no slots: what is derived of it is kept with it
class _Rated:
    """All segments of one plan, rated. Two stretches of one plan in one period are rated apart, as they are billed."""

    tariff: Tariff
    stretches: Mapping[int, Sequence[_Stretch]]
    """By index of the case, in order."""
    lines: LineColumns
    records: Mapping[int, int]
    """Records rated, by place."""
    pools: Pools
    accounts: Sequence[Account]
    """What each place began with."""
    columns: UsageColumns
    places: Ints
    """By record."""

    @cached_property
    def _shared_use(self) -> SharedUse | None:
        """Looked at only where something is derived: it takes a second rating, record by record."""
        if not self.pools.share:
            return None
        rated = rate_batch(self.columns, self.tariff, Ledger.of(self.tariff, self.accounts), self.places)
        return SharedUse(rated, self.places, self.pools, self.accounts)

    def derived(self, stretch: _Stretch) -> list[ExpectedCharge]:
        """Its charges, with how they come about."""
        use = self._shared_use
        charges = [
            _usage_charge(line, self.tariff, use.steps(stretch.place, line.name) if use else ())
            for line in self.lines.of(stretch.place)
        ]
        return charges + [_recurring_charge(one, ChargePart(one, self.tariff)) for one in self._recurring(stretch)]

    def figures(self, stretch: _Stretch) -> list[ExpectedCharge]:
        """Its charges alone."""
        lines = self.lines
        low, high = np.searchsorted(lines.bill, [stretch.place, stretch.place + 1])
        charges = [
            ExpectedCharge(
                lines.names[lines.line[row]],
                _USAGE,
                frozenset({int(lines.records[row])}),
                frozenset({int(lines.quantity[row])}),
                as_billed(Fraction(int(lines.amount[row]), lines.scale), None),
            )
            for row in range(low, high)
        ]
        return charges + [_recurring_charge(one) for one in self._recurring(stretch)]

    def _recurring(self, stretch: _Stretch) -> tuple[RecurringAmount, ...]:
        return recurring_amounts(self.tariff, stretch.segment.cycle, stretch.segment.held)


class Rerating:
    """Bills of one call, rated again from their usage."""

    def __init__(
        self,
        cases: Sequence[BillCase],
        usage: UsageTable,
        tariffs: Mapping[str, Tariff],
        allowances: Allowances = Allowances.AS_DECLARED,
    ) -> None:
        """`tariffs` by plan: at least those in force in some segment."""
        self._allowances = allowances
        self._cases = cases
        self._usage = usage
        self._tariffs = tariffs
        self._rated = [self._rate(plan, stretches) for plan, stretches in _by_plan(cases).items()]

    def record_count(self, index: int) -> int:
        """Records of a bill that were rated."""
        return sum(rated.records.get(stretch.place, 0) for rated, stretch in self._stretches(index))

    def unrated_count(self, index: int) -> int:
        """Records in a bill's period that no plan in force then has a price for."""
        case = self._cases[index]
        return self._usage.count(case.bill.subscription, case.segments[0].cycle) - self.record_count(index)

    def rounding(self, index: int) -> Rounding | None:
        """Of a bill's total: as the plan declares that is in force when the bill is made."""
        return self._tariffs[self._cases[index].plans[-1]].bill_rounding

    def due(self, index: int) -> Due:
        """A bill's charges without their derivation, and its rules: all that it takes to see that it is right."""
        return self._due(index, _Rated.figures)

    def expected(self, index: int) -> ExpectedBill:
        """Everything about what a bill should be."""
        case, due = self._cases[index], self._due(index, _Rated.derived)
        codes = {code for one in case.segments for code in charge_codes(self._tariffs[one.plan], one.held)}
        return ExpectedBill(
            plans=case.plans,
            charges=due.charges,
            known_codes=frozenset(codes | due.charges.keys()),
            unrated_records=self.unrated_count(index),
            rounding=self.rounding(index),
            rules=due.rules,
            followers=due.rules.followers(),
        )

    def _stretches(self, index: int) -> list[tuple[_Rated, _Stretch]]:
        """A bill's segments, in order."""
        found = [(rated, stretch) for rated in self._rated for stretch in rated.stretches.get(index, ())]
        return sorted(found, key=lambda one: one[1].segment.held.start)

    def _due(self, index: int, charges_of: Callable[[_Rated, _Stretch], list[ExpectedCharge]]) -> Due:
        case = self._cases[index]
        of_segments = [
            # What is taken off comes to an exact amount: that takes the derivation.
            (rated, stretch, self._less(case, rated, stretch) if case.account.uncharged else charges_of(rated, stretch))
            for rated, stretch in self._stretches(index)
        ]
        entries = list(self._entries(case))
        charges = [charge for *_, found in of_segments for charge in found]
        charges += [_entry_charge(one, self._tariffs[case.segments[number].plan]) for number, one in entries]
        shares = [
            _share(rated.tariff, stretch.segment, found, [one for at, one in entries if at == number])
            for number, (rated, stretch, found) in enumerate(of_segments)
        ]
        beside = [
            Beside(number, one.line, one.amount, taxed=not one.entry.tax_exempt)
            for number, one in entries
            if _is_beside(one)
        ]
        return Due(merge_charges(charges), BillRules(shares, beside))

    def _less(self, case: BillCase, rated: _Rated, stretch: _Stretch) -> list[ExpectedCharge]:
        held = stretch.segment.held
        start, end = micros_of(held.start), micros_of(held.end)
        mine = [one for one in case.account.uncharged if start <= one.start_micros < end]
        rows = self._usage.rows_at(case.bill.subscription, [one.start_micros for one in mine])
        quantities = [int(self._usage.columns.quantity[row]) if row >= 0 else 0 for row in rows]
        stopped = Stopped(stretch.segment.plan, mine, quantities)
        return [stopped.off(charge) for charge in rated.derived(stretch)]

    def _entries(self, case: BillCase) -> Iterator[tuple[int, EntryAmount]]:
        """What the account's entries put on the bill, with the numbers of their segments."""
        for entry in case.account.entries:
            number = case.segment_of(entry)
            amount = amount_on_bill(entry, self._tariffs[case.segments[number].plan])
            if amount is not None:
                yield number, amount

    def _rate(self, plan: str, stretches: Sequence[tuple[int, Segment]]) -> _Rated:
        tariff = self._tariffs[plan]
        grants = self._allowances is not Allowances.NONE and any(version.allowances for version in tariff.versions)
        # Without allowances nothing is shared, and nobody's usage but the bill's own matters.
        pools = Pools.of(plan, self._cases, stretches, grouped=grants)
        rows, places = pools.rows(self._usage)
        accounts = [Account()] * len(pools.seats)
        if grants:
            accounts = pools.accounts(tariff, self._usage, whole=self._allowances is Allowances.WHOLE)
        columns = self._usage.columns_for(tariff, rows)
        lines = rate_lines(columns, tariff, places, Ledger.of(tariff, accounts))
        numbers, counts = np.unique(places[lines.outcome == 0], return_counts=True)
        records = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
        found: dict[int, list[_Stretch]] = defaultdict(list)
        for place, (index, segment) in enumerate(stretches):
            found[index].append(_Stretch(place, segment))
        return _Rated(tariff, found, lines, records, pools, accounts, columns, places)


def _is_beside(one: EntryAmount) -> bool:
    """Whether no discount and no commitment of the plan concerns it."""
    return one.entry.kind is not EntryKind.ONE_OFF or one.entry.tax_exempt


def _share(
    tariff: Tariff, segment: Segment, charges: Sequence[ExpectedCharge], entries: Sequence[EntryAmount]
) -> Share:
    version = tariff.version_at(segment.held.start)
    if version is None:
        raise ValueError(f"{segment.plan} has no prices at {segment.held.start.isoformat()}")
    items = [(charge.charge_code, charge.amount) for charge in charges]
    items += [(one.line, one.amount) for one in entries if not _is_beside(one)]
    return Share(tariff, version, segment.held, tuple(items))


def _entry_charge(one: EntryAmount, tariff: Tariff) -> ExpectedCharge:
    line_types = frozenset({LINE_TYPES[one.entry.kind]})
    return ExpectedCharge(one.line, line_types, _ONE, _ONE, one.amount, (ChargePart(one, tariff),))


def _by_plan(cases: Sequence[BillCase]) -> dict[str, list[tuple[int, Segment]]]:
    """The segments of all bills by plan, each with the index of its case."""
    found: dict[str, list[tuple[int, Segment]]] = defaultdict(list)
    for index, case in enumerate(cases):
        for segment in case.segments:
            found[segment.plan].append((index, segment))
    return found


def _usage_charge(line: Line, tariff: Tariff, more: tuple[str, ...]) -> ExpectedCharge:
    records, quantity = frozenset({line.records}), frozenset({line.quantity})
    amount = as_billed(line.amount, None)
    return ExpectedCharge(line.name, _USAGE, records, quantity, amount, (ChargePart(line, tariff, more),))


def _recurring_charge(one: RecurringAmount, *parts: ChargePart) -> ExpectedCharge:
    return ExpectedCharge(one.line, _RECURRING, _NONE, _NONE, as_billed(one.amount, None), parts)
