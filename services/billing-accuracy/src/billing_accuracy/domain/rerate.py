"""What does the stored usage of many bills come to, under the plans in force or under others? One pass per tariff."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from billing_accuracy.domain.bills import LineType
from billing_accuracy.domain.compare import Alternatives
from billing_accuracy.domain.expected import ChargePart, ExpectedBill, ExpectedCharge, as_billed, merge_charges
from billing_accuracy.domain.prices import beyond_check, charge_codes
from billing_accuracy.domain.usage import BillCase, Segment, UsageTable, rows_of
from rating import (
    Account,
    Cycle,
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

    def __init__(self, cases: Sequence[BillCase], usage: UsageTable, tariffs: Mapping[str, Tariff]) -> None:
        """`tariffs` by plan: those in force in some segment, and others that a wrong bill may follow."""
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
        first, last = self._usage.rows(case.bill.subscription, case.segments[0].cycle)
        return last - first - self.record_count(index)

    def rounding(self, index: int) -> Rounding | None:
        """Of a bill's total: as the plan declares that is in force when the bill is made."""
        return self._tariffs[self._cases[index].plans[-1]].bill_rounding

    def figures(self, index: int) -> dict[str, ExpectedCharge]:
        """A bill's charges without their derivation: all that it takes to see that it is right."""
        return merge_charges(
            charge for rated in self._rated if index in rated.segments for charge in _figures(rated, index)
        )

    def expected(self, index: int) -> ExpectedBill:
        """Everything about what a bill should be."""
        case = self._cases[index]
        return ExpectedBill(
            plans=case.plans,
            charges=merge_charges(
                charge for rated in self._rated if index in rated.segments for charge in _derived(rated, index)
            ),
            known_codes=frozenset(
                code for one in case.segments for code in charge_codes(self._tariffs[one.plan], one.held)
            ),
            unrated_records=self.unrated_count(index),
            rounding=self.rounding(index),
        )

    def alternatives(self, indices: Iterable[int]) -> dict[int, Alternatives]:
        """For these bills: what each tariff that was not in force all the time makes of the same usage.

        The subscription's own plans, past and to come, stand first: they are the likelier ones.
        """
        found: dict[int, dict[str, dict[str, Fraction]]] = {index: {} for index in indices}
        for plan, tariff in sorted(self._tariffs.items()):
            segments = {index: _throughout(plan, self._cases[index].segments) for index in found}
            segments = {index: one for index, one in segments.items() if self._may_follow(index, one)}
            if not segments:
                continue
            rated = self._rate(tariff, segments)
            for index, segment in segments.items():
                first, last = self._usage.rows(self._cases[index].bill.subscription, segment.held)
                if rated.records.get(index, 0) == last - first:
                    charges = merge_charges(_figures(rated, index)).items()
                    found[index][plan] = {code: charge.amount for code, charge in charges if charge.amount}
        return {index: self._own_first(index, amounts) for index, amounts in found.items()}

    def _may_follow(self, index: int, throughout: Segment) -> bool:
        """Whether a bill may follow a plan other than its own: one that had prices then, and needs no more to know."""
        tariff = self._tariffs[throughout.plan]
        is_other = set(self._cases[index].plans) != {throughout.plan}
        return (
            is_other
            and tariff.version_at(throughout.held.start) is not None
            and not beyond_check(tariff, throughout.held)
        )

    def _own_first(self, index: int, amounts: Mapping[str, Mapping[str, Fraction]]) -> Alternatives:
        own = {period.plan for period in self._cases[index].subscription.plan_periods}
        return dict(sorted(amounts.items(), key=lambda item: item[0] not in own))

    def _rate(self, tariff: Tariff, segments: Mapping[int, Segment]) -> _Rated:
        rows, labels = rows_of(segments, self._cases, self._usage)
        ledger = _ledger(tariff, segments, len(self._cases))
        lines = rate_lines(self._usage.columns.rows(rows), tariff, labels, ledger)
        indices, counts = np.unique(labels[lines.outcome == 0], return_counts=True)
        return _Rated(tariff, segments, lines, dict(zip(indices.tolist(), counts.tolist(), strict=True)))


def _one_per_bill(cases: Sequence[BillCase]) -> list[tuple[str, dict[int, Segment]]]:
    """The segments by plan. Two stretches of one plan in one period are rated apart, as they are billed."""
    groups: dict[tuple[str, int], dict[int, Segment]] = defaultdict(dict)
    for index, case in enumerate(cases):
        stretches: Counter[str] = Counter()
        for segment in case.segments:
            groups[segment.plan, stretches[segment.plan]][index] = segment
            stretches[segment.plan] += 1
    return [(plan, segments) for (plan, _), segments in groups.items()]


def _ledger(tariff: Tariff, segments: Mapping[int, Segment], count: int) -> Ledger:
    """An account for each of `count` cases: with its allowances, as they are when its segment starts."""
    accounts = [Account()] * count
    if any(version.allowances for version in tariff.versions):
        for index, segment in segments.items():
            accounts[index] = open_account(tariff, segment.cycle, segment.held)
    return Ledger.of(tariff, accounts)


def _throughout(plan: str, segments: Sequence[Segment]) -> Segment:
    """As if the plan had been in force in all of the segments."""
    return Segment(plan, segments[0].cycle, Cycle(segments[0].held.start, segments[-1].held.end))


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
