"""What does the stored usage of many bills come to? One pass per tariff."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import numpy as np

from billing_accuracy.domain.amounts import as_billed
from billing_accuracy.domain.bills import LineType
from billing_accuracy.domain.entries import LINE_TYPES, EntryAmount, EntryKind, amount_on_bill
from billing_accuracy.domain.expected import ChargePart, ExpectedBill, ExpectedCharge, merge_charges
from billing_accuracy.domain.following import Beside, BillRules, Share
from billing_accuracy.domain.prices import charge_codes
from billing_accuracy.domain.rollover import accounts_before
from billing_accuracy.domain.uncharged import Stopped
from billing_accuracy.domain.usage import BillCase, Segment, UsageTable, micros_of, rows_of
from rating import (
    Account,
    Ledger,
    Line,
    LineColumns,
    RecurringAmount,
    Rounding,
    Tariff,
    open_account,
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
class _Rated:
    """Segments of one plan, one a bill, rated."""

    tariff: Tariff
    segments: Mapping[int, Segment]
    """By index of the case."""
    lines: LineColumns
    records: Mapping[int, int]
    """Records rated, by index of the case."""


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
        self._rated = [self._rate(tariffs[plan], segments) for plan, segments in _one_per_bill(cases)]

    def record_count(self, index: int) -> int:
        """Records of a bill that were rated."""
        return sum(rated.records.get(index, 0) for rated in self._rated)

    def unrated_count(self, index: int) -> int:
        """Records in a bill's period that no plan in force then has a price for."""
        case = self._cases[index]
        return self._usage.count(case.bill.subscription, case.segments[0].cycle) - self.record_count(index)

    def rounding(self, index: int) -> Rounding | None:
        """Of a bill's total: as the plan declares that is in force when the bill is made."""
        return self._tariffs[self._cases[index].plans[-1]].bill_rounding

    def due(self, index: int) -> Due:
        """A bill's charges without their derivation, and its rules: all that it takes to see that it is right."""
        return self._due(index, _figures)

    def expected(self, index: int) -> ExpectedBill:
        """Everything about what a bill should be."""
        case, due = self._cases[index], self._due(index, _derived)
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

    def _due(self, index: int, charges_of: Callable[[_Rated, int], list[ExpectedCharge]]) -> Due:
        case = self._cases[index]
        # What is taken off comes to an exact amount: that takes the derivation.
        make = self._derived_less if case.account.uncharged else charges_of
        of_segments = [(rated, make(rated, index)) for rated in self._rated if index in rated.segments]
        of_segments.sort(key=lambda one: one[0].segments[index].held.start)
        entries = list(self._entries(case))
        charges = [charge for _, found in of_segments for charge in found]
        charges += [_entry_charge(one, self._tariffs[case.segments[number].plan]) for number, one in entries]
        shares = [
            _share(rated.tariff, rated.segments[index], found, [one for at, one in entries if at == number])
            for number, (rated, found) in enumerate(of_segments)
        ]
        beside = [
            Beside(number, one.line, one.amount, taxed=not one.entry.tax_exempt)
            for number, one in entries
            if _is_beside(one)
        ]
        return Due(merge_charges(charges), BillRules(shares, beside))

    def _derived_less(self, rated: _Rated, index: int) -> list[ExpectedCharge]:
        case, held = self._cases[index], rated.segments[index].held
        start, end = micros_of(held.start), micros_of(held.end)
        mine = [one for one in case.account.uncharged if start <= one.start_micros < end]
        rows = self._usage.rows_at(case.bill.subscription, [one.start_micros for one in mine])
        quantities = [int(self._usage.columns.quantity[row]) if row >= 0 else 0 for row in rows]
        stopped = Stopped(rated.segments[index].plan, mine, quantities)
        return [stopped.off(charge) for charge in _derived(rated, index)]

    def _ledger(self, tariff: Tariff, segments: Mapping[int, Segment]) -> Ledger:
        """An account for each case: with its allowances, as they are when its segment starts."""
        accounts = [Account()] * len(self._cases)
        if self._allowances is not Allowances.NONE and any(version.allowances for version in tariff.versions):
            begun = {index: one for index, one in segments.items() if one.held.start == one.cycle.start}
            [plan] = {segment.plan for segment in segments.values()}
            before = accounts_before(tariff, plan, list(begun), self._cases, self._usage)
            for index, segment in segments.items():
                held = segment.held if self._allowances is Allowances.AS_DECLARED else segment.cycle
                accounts[index] = open_account(tariff, segment.cycle, held, before.get(index))
        return Ledger.of(tariff, accounts)

    def _entries(self, case: BillCase) -> Iterator[tuple[int, EntryAmount]]:
        """What the account's entries put on the bill, with the numbers of their segments."""
        for entry in case.account.entries:
            number = case.segment_of(entry)
            amount = amount_on_bill(entry, self._tariffs[case.segments[number].plan])
            if amount is not None:
                yield number, amount

    def _rate(self, tariff: Tariff, segments: Mapping[int, Segment]) -> _Rated:
        rows, labels = rows_of(segments, self._cases, self._usage)
        ledger = self._ledger(tariff, segments)
        lines = rate_lines(self._usage.columns_for(tariff, rows), tariff, labels, ledger)
        indices, counts = np.unique(labels[lines.outcome == 0], return_counts=True)
        return _Rated(tariff, segments, lines, dict(zip(indices.tolist(), counts.tolist(), strict=True)))


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


def _one_per_bill(cases: Sequence[BillCase]) -> list[tuple[str, dict[int, Segment]]]:
    """The segments by plan. Two stretches of one plan in one period are rated apart, as they are billed."""
    groups: dict[tuple[str, int], dict[int, Segment]] = defaultdict(dict)
    for index, case in enumerate(cases):
        stretches: Counter[str] = Counter()
        for segment in case.segments:
            groups[segment.plan, stretches[segment.plan]][index] = segment
            stretches[segment.plan] += 1
    return [(plan, segments) for (plan, _), segments in groups.items()]


def _figures(rated: _Rated, index: int) -> list[ExpectedCharge]:
    lines = rated.lines
    low, high = np.searchsorted(lines.bill, [index, index + 1])
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
    return charges + [_recurring_charge(one) for one in _recurring(rated, index)]


def _derived(rated: _Rated, index: int) -> list[ExpectedCharge]:
    charges = [_usage_charge(line, rated.tariff) for line in rated.lines.of(index)]
    return charges + [_recurring_charge(one, ChargePart(one, rated.tariff)) for one in _recurring(rated, index)]


def _usage_charge(line: Line, tariff: Tariff) -> ExpectedCharge:
    records, quantity = frozenset({line.records}), frozenset({line.quantity})
    amount = as_billed(line.amount, None)
    return ExpectedCharge(line.name, _USAGE, records, quantity, amount, (ChargePart(line, tariff),))


def _recurring_charge(one: RecurringAmount, *parts: ChargePart) -> ExpectedCharge:
    return ExpectedCharge(one.line, _RECURRING, _NONE, _NONE, as_billed(one.amount, None), parts)


def _recurring(rated: _Rated, index: int) -> tuple[RecurringAmount, ...]:
    segment = rated.segments[index]
    return recurring_amounts(rated.tariff, segment.cycle, segment.held)
