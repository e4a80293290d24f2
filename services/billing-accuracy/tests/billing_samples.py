"""Tariffs, subscriptions with their calls, and the bills that are right for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import yaml

from billing_accuracy.domain.bills import TOTAL, Bill, BillLine, LineType
from billing_accuracy.domain.checking import Checked, check
from billing_accuracy.domain.findings import CorrectionLine
from billing_accuracy.domain.policy import VerdictPolicy
from billing_accuracy.domain.policy_document import load_policy
from billing_accuracy.domain.usage import BillCase, PlanPeriod, Subscription, segments_of
from billing_accuracy.domain.usage_table import UsageTable
from rating import Service, Tariff, UsageColumns, load_tariff, make_bill, rate_lines

START = datetime(2026, 2, 1, 5, tzinfo=UTC)
"""Midnight in New York, whose clock the tariffs follow."""
END = datetime(2026, 3, 1, 5, tzinfo=UTC)
SINCE = datetime(2024, 1, 1, tzinfo=UTC)
CENTS = {"method": "half_up", "decimals": 2}
POLICY: VerdictPolicy = load_policy("ROUNDING: {note_only: true}")


def tariff_document(
    name: str = "standard",
    *,
    prices: Sequence[str] = ("0.17", "0.085", "0.045", "0.27"),
    monthly: str | None = None,
    rounding: Mapping[str, object] | None = None,
    currency: str = "USD",
    since: str = "2020-01-01",
    **more: object,
) -> str:
    """Calls by day, evening and night, and calls abroad, by the minute; `more` goes into every rate."""
    bands = ["day", "evening", "night"]
    rates: list[dict[str, object]] = [
        {"line": f"voice.{band}", "zone": "home", "band": band, "price": price}
        for band, price in zip(bands, prices, strict=False)
    ]
    rates.append({"line": "voice.international", "zone": "abroad", "price": prices[3]})
    version: dict[str, Any] = {
        "from": since,
        "schedules": [
            {
                "id": "clock",
                "bands": [
                    {"band": "day", "from": "08:00", "to": "17:00"},
                    {"band": "evening", "from": "17:00", "to": "22:00"},
                    {"band": "night", "from": "22:00", "to": "08:00"},
                ],
            }
        ],
        "zones": [{"id": "home", "prefixes": ["1"]}, {"id": "abroad", "prefixes": ["4"]}],
        "rates": [{"service": "voice", "per": "minute", **rate, **more} for rate in rates],
    }
    if monthly is not None:
        version["recurring"] = [{"line": "monthly", "name": "Monthly", "amount": monthly, "proration": "by_day"}]
    document = {
        "format": "cxmesh-tariff/1",
        "id": name,
        "name": name,
        "currency": currency,
        "time_zone": "America/New_York",
        "rounding": {"line": CENTS} if rounding is None else rounding,
        "versions": [version],
    }
    return yaml.safe_dump(document, sort_keys=False)


DOCUMENTS = {
    "plans/standard": tariff_document(),
    "plans/saver": tariff_document("saver", prices=("0.10", "0.085", "0.02", "0.27"), monthly="9.99"),
    "plans/by-minute": tariff_document("by-minute", increment="minute", connection_fee="0.05", monthly="5.00"),
    "plans/exact": tariff_document("exact", rounding={"bill": CENTS}, monthly="7.77"),
    "plans/even": tariff_document("even", rounding={"line": {"method": "half_even", "decimals": 2}}),
}
TARIFFS: dict[str, Tariff] = {name: load_tariff(text) for name, text in DOCUMENTS.items()}


@dataclass(frozen=True)
class Call:
    """A call, `at` so long after the period's start."""

    at: timedelta
    seconds: int
    destination: str = "12125550100"


def day(seconds: int, number: int = 0) -> Call:
    """At ten in the morning, on the day of this number."""
    return Call(timedelta(days=number, hours=10), seconds)


def evening(seconds: int, number: int = 0) -> Call:
    """At six."""
    return Call(timedelta(days=number, hours=18), seconds)


def night(seconds: int, number: int = 0) -> Call:
    """At eleven at night."""
    return Call(timedelta(days=number, hours=23), seconds)


def abroad(seconds: int, number: int = 0) -> Call:
    """To London, at noon."""
    return Call(timedelta(days=number, hours=12), seconds, "442071838750")


CALLS = (day(7200), day(5400, 1), day(3600, 2), evening(6000), evening(5844, 20), night(906, 3), abroad(600, 4))
"""By day 45.90, in the evening 16.779, at night 0.6795, abroad 2.70 under the standard plan."""


@dataclass(frozen=True)
class Account:
    """A subscription with its plans and calls."""

    calls: Sequence[Call] = CALLS
    plans: Sequence[tuple[str, datetime]] = (("plans/standard", SINCE),)
    """With the moment from which each was in force."""
    name: str = "subscriptions/s-1"
    tariffs: Mapping[str, Tariff] = field(default_factory=lambda: TARIFFS, repr=False)
    start: datetime = START
    end: datetime = END
    customer: str = ""
    """Empty: nobody in particular."""
    bill_cycle_day: int = 1
    time_zone: str = "UTC"

    @property
    def subscription(self) -> Subscription:
        """As the profile has it."""
        starts: list[datetime | None] = [start for _, start in self.plans]
        ends = [*starts[1:], None][: len(starts)]
        periods = [PlanPeriod(plan, start, end) for (plan, start), end in zip(self.plans, ends, strict=True)]
        customer = self.customer or "customers/c-1"
        return Subscription(self.name, customer, tuple(periods), self.bill_cycle_day, self.time_zone)

    def bill(self, *lines: BillLine, total: Fraction | str | None = None) -> Bill:
        """A bill of these lines, whose total is their sum unless given."""
        summed = sum((line.amount for line in lines), Fraction())
        asked = summed if total is None else Fraction(total)
        return Bill("b-1", self.name, self.start, self.end, "USD", lines, asked, b"")

    def right_bill(self) -> Bill:
        """As the rater makes it: each plan's lines, those without an amount too, and the recurring charges."""
        lines: list[BillLine] = []
        table = usage_table([self])
        segments = segments_of(self.bill(), self.subscription)
        for number, segment in enumerate(segments):
            first, last = table.rows(self.name, segment.held)
            tariff = self.tariffs[segment.plan]
            rated = rate_lines(table.columns.rows(slice(first, last)), tariff).of()
            made = make_bill(tariff, segment.cycle, rated, segment.held)
            lines += [
                BillLine(f"{number}-{one.name}", LineType.USAGE, one.name, one.records, one.quantity, micro(one.amount))
                for one in made.lines
            ]
            lines += [
                BillLine(f"{number}-{one.line}", LineType.RECURRING, one.line, None, None, micro(one.amount))
                for one in made.recurring
            ]
        rounding = self.tariffs[segments[-1].plan].bill_rounding
        summed = sum((line.amount for line in lines), Fraction())
        return self.bill(*lines, total=summed if rounding is None else rounding.apply(summed))

    def case(self, bill: Bill) -> BillCase:
        """The bill with the plans that it is checked against."""
        return BillCase(bill, self.subscription, segments_of(bill, self.subscription))

    def check(self, bill: Bill, policy: VerdictPolicy = POLICY) -> Checked:
        """What the check of a bill finds."""
        return check([self.case(bill)], usage_table([self]), self.tariffs, policy)[0]

    def found(self, bill: Bill) -> list[tuple[str, str, str]]:
        """Class, charge code and difference of each finding."""
        findings = self.check(bill).findings
        return [(one.finding_class.value, one.charge_code, f"{float(one.difference):+.2f}") for one in findings]


def usage_table(accounts: Iterable[Account]) -> UsageTable:
    """The calls of several subscriptions, as the usage service hands them over."""
    rows: list[tuple[int, int, str]] = []
    ranges: dict[str, tuple[int, int]] = {}
    for one in sorted(accounts, key=lambda one: one.name):
        low = len(rows)
        micros = [((one.start + call.at), call) for call in one.calls]
        rows += sorted((int(at.timestamp() * 1_000_000), call.seconds, call.destination) for at, call in micros)
        ranges[one.name] = (low, len(rows))
    starts = np.array([start for start, _, _ in rows], np.int64)
    columns = UsageColumns.of(
        service=Service.VOICE,
        start=starts // 1_000_000,
        quantity=np.array([seconds for _, seconds, _ in rows], np.int64),
        destination=[destination for _, _, destination in rows],
    )
    return UsageTable(columns, starts, ranges)


def micro(amount: Fraction) -> Fraction:
    """What a bill can say: to the micro-unit, ties to even."""
    return Fraction(round(amount * 1_000_000), 1_000_000)


def usage_line(code: str, amount: str, records: int | None = None, quantity: int | None = None) -> BillLine:
    """A line of usage, its id its code."""
    return BillLine(code, LineType.USAGE, code, records, quantity, Fraction(amount))


def with_line(bill: Bill, code: str, **changes: Any) -> Bill:
    """The bill with one line changed; the total follows."""
    lines = tuple(replace(line, **changes) if line.charge_code == code else line for line in bill.lines)
    moved = sum((line.amount for line in lines), Fraction()) - sum((line.amount for line in bill.lines), Fraction())
    return replace(bill, lines=lines, total=bill.total + moved)


def with_amounts(bill: Bill, **amounts: str) -> Bill:
    """The bill with other amounts, by the last part of the code; the total follows."""
    for part, amount in amounts.items():
        bill = with_line(bill, f"voice.{part}", amount=Fraction(amount))
    return bill


def without(bill: Bill, code: str) -> Bill:
    """The bill without the lines of a code; the total follows."""
    gone = sum((line.amount for line in bill.lines if line.charge_code == code), Fraction())
    lines = tuple(line for line in bill.lines if line.charge_code != code)
    return replace(bill, lines=lines, total=bill.total - gone)


def with_more(bill: Bill, *lines: BillLine) -> Bill:
    """The bill with more lines; the total follows."""
    return replace(bill, lines=(*bill.lines, *lines), total=bill.total + sum(line.amount for line in lines))


def replaced(bill: Bill, correction: Sequence[CorrectionLine]) -> Bill:
    """The bill made anew: reversed lines are gone, added ones stand in their place."""
    gone = {one.reversed_line_id for one in correction}
    kept = tuple(line for line in bill.lines if line.line_id not in gone)
    return _corrected(bill, kept, [one for one in correction if not one.reversed_line_id], correction)


def booked(bill: Bill, correction: Sequence[CorrectionLine]) -> Bill:
    """The bill with every line of the correction added, reversals as credits."""
    return _corrected(bill, bill.lines, correction, correction)


def _corrected(
    bill: Bill, kept: Sequence[BillLine], added: Sequence[CorrectionLine], correction: Sequence[CorrectionLine]
) -> Bill:
    types = {line.line_id: line.line_type for line in bill.lines}
    recurring = {"monthly": LineType.RECURRING}
    lines = [
        BillLine(
            f"correction-{number}",
            types.get(one.reversed_line_id, recurring.get(one.charge_code, LineType.USAGE)),
            one.charge_code,
            None,
            None,
            one.amount,
        )
        for number, one in enumerate(added)
        if one.charge_code != TOTAL
    ]
    moved = sum((one.amount for one in correction), Fraction())
    return replace(bill, lines=(*kept, *lines), total=bill.total + moved)
