"""What does the stored usage of many bills come to, under the plans in force or under others? One pass per tariff."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from rating import LineColumns, RecurringAmount, Tariff, rate_lines, recurring_amounts

from billing_accuracy.domain.bills import Bill, LineType
from billing_accuracy.domain.compare import Alternatives
from billing_accuracy.domain.expected import ExpectedBill, ExpectedCharge, merge_charges
from billing_accuracy.domain.usage import Segment, UsageTable, rows_of


@dataclass(frozen=True, slots=True)
class _Rated:
    """The segments of one plan, rated."""

    tariff: Tariff
    segments: Mapping[int, Segment]
    """By bill."""
    lines: LineColumns
    unrated: Mapping[int, int]
    """Records without a price, by bill."""


class Rerating:
    """Bills of one call, rated again from their usage."""

    def __init__(
        self, bills: Sequence[Bill], segments: Sequence[Segment], usage: UsageTable, tariffs: Mapping[str, Tariff]
    ) -> None:
        """`tariffs` by plan: those in force in some segment, and others that a wrong bill may follow."""
        self._bills = bills
        self._usage = usage
        self._tariffs = tariffs
        self._segments: dict[int, list[Segment]] = defaultdict(list)
        by_plan: dict[str, list[Segment]] = defaultdict(list)
        for segment in segments:
            self._segments[segment.bill].append(segment)
            by_plan[segment.plan].append(segment)
        # Two stretches of one plan in one period (changed and changed back) are rated apart, as they are billed.
        self._rated = [
            self._rate(tariffs[plan], part) for plan, all_of in by_plan.items() for part in _one_per_bill(all_of)
        ]
        self.record_counts = np.zeros(len(bills), dtype=np.int64)
        for rated in self._rated:
            np.add.at(self.record_counts, rated.lines.bill, rated.lines.records)

    def amounts(self, bill: int) -> dict[str, tuple[int, int, Fraction]]:
        """Records, quantity and amount by charge code: all that it takes to see that a bill is right."""
        found: dict[str, tuple[int, int, Fraction]] = {}
        for rated in self._rated:
            if bill in rated.segments:
                for code, records, quantity, amount in _lines(rated.lines, bill):
                    known = found.get(code, (0, 0, Fraction()))
                    found[code] = (known[0] + records, known[1] + quantity, known[2] + amount)
                for charge in _recurring(rated, bill):
                    known = found.get(charge.line, (0, 0, Fraction()))
                    found[charge.line] = (known[0], known[1], known[2] + charge.amount)
        return found

    def unrated(self, bill: int) -> int:
        """Records of a bill that its plans have no price for."""
        return sum(rated.unrated.get(bill, 0) for rated in self._rated)

    def expected(self, bill: int) -> ExpectedBill:
        """Everything about what a bill should be."""
        segments = self._segments[bill]
        tariffs = [self._tariffs[segment.plan] for segment in segments]
        return ExpectedBill(
            plan=segments[-1].plan,
            charges=merge_charges(
                charge for rated in self._rated if bill in rated.segments for charge in _charges(rated, bill)
            ),
            known_codes=frozenset(code for tariff in tariffs for code in _codes(tariff)),
            rates=_rates(tariffs[-1], segments[-1]),
            unrated_records=self.unrated(bill),
        )

    def alternatives(self, bills: Sequence[int]) -> dict[int, Alternatives]:
        """For these bills: what each tariff in no segment of theirs makes of the same usage."""
        found: dict[int, dict[str, dict[str, Fraction]]] = {bill: {} for bill in bills}
        for plan, tariff in sorted(self._tariffs.items()):
            others = [bill for bill in bills if all(one.plan != plan for one in self._segments[bill])]
            segments = [
                Segment(bill, plan, one.cycle, one.cycle) for bill in others for one in self._segments[bill][:1]
            ]
            if segments and all(tariff.version_at(one.cycle.start) for one in segments):
                rated = self._rate(tariff, segments)
                for bill in others:
                    found[bill][plan] = {code: amount for code, _, _, amount in _lines(rated.lines, bill)}
        return dict(found)

    def _rate(self, tariff: Tariff, segments: Sequence[Segment]) -> _Rated:
        rows, labels = rows_of(segments, self._bills, self._usage)
        lines = rate_lines(self._usage.columns.rows(rows), tariff, labels)
        bills, counts = np.unique(labels[lines.failed], return_counts=True)
        return _Rated(
            tariff=tariff,
            segments={segment.bill: segment for segment in segments},
            lines=lines,
            unrated=dict(zip(bills.tolist(), counts.tolist(), strict=True)),
        )


def _one_per_bill(segments: Sequence[Segment]) -> list[list[Segment]]:
    parts: list[list[Segment]] = []
    seen: dict[int, int] = defaultdict(int)
    for segment in segments:
        turn = seen[segment.bill]
        seen[segment.bill] += 1
        if turn == len(parts):
            parts.append([])
        parts[turn].append(segment)
    return parts


def _lines(lines: LineColumns, bill: int) -> list[tuple[str, int, int, Fraction]]:
    low, high = np.searchsorted(lines.bill, [bill, bill + 1])
    return [
        (
            lines.names[lines.line[row]],
            int(lines.records[row]),
            int(lines.quantity[row]),
            Fraction(int(lines.amount[row]), lines.scale),
        )
        for row in range(low, high)
    ]


def _charges(rated: _Rated, bill: int) -> list[ExpectedCharge]:
    charges = [
        ExpectedCharge(line.name, LineType.USAGE, line.records, line.quantity, line.amount, lines=(line,))
        for line in rated.lines.of(bill)
    ]
    charges += [
        ExpectedCharge(one.line, LineType.RECURRING, 0, 0, one.amount, recurring=(one,))
        for one in _recurring(rated, bill)
    ]
    return charges


def _recurring(rated: _Rated, bill: int) -> tuple[RecurringAmount, ...]:
    segment = rated.segments[bill]
    return recurring_amounts(rated.tariff, segment.cycle, segment.held)


def _codes(tariff: Tariff) -> set[str]:
    rates = {rate.line for version in tariff.versions for rate in version.rates}
    return rates | {charge.line for version in tariff.versions for charge in version.recurring}


def _rates(tariff: Tariff, segment: Segment) -> dict[str, Fraction]:
    """Prices of the version in force; a code with several prices, steps or fees has no rate that one could name."""
    version = tariff.version_at(segment.held.start)
    prices: dict[str, set[Fraction]] = defaultdict(set)
    for rate in version.rates if version else ():
        prices[rate.line] |= {step.price for step in rate.steps} | ({rate.connection_fee} - {Fraction()})
    return {code: next(iter(found)) for code, found in prices.items() if len(found) == 1}
