"""What the billing system would send: the file's own charges as one bill run, and a second one with seeded errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from google.type.money_pb2 import Money

from cxmesh.billing.v1.bill_pb2 import LINE_TYPE_USAGE, Bill, BillLine, FindingClass
from cxmesh_cli.demo.calls import BillCycle
from cxmesh_cli.demo.subscribers import SECONDS_PER_MINUTE, Band, Subscriber

CURRENCY: Final = "USD"
CENT: Final = Decimal("0.01")
NANOS_PER_CENT: Final = 10_000_000
CENTS_PER_UNIT: Final = 100

RATE_PER_MINUTE: Final = {
    Band.DAY: Decimal("0.17"),
    Band.EVENING: Decimal("0.085"),
    Band.NIGHT: Decimal("0.045"),
    Band.INTERNATIONAL: Decimal("0.27"),
}
"""The rates behind the file's charges."""


@dataclass(frozen=True, slots=True)
class SeededError:
    """An error that was put into a bill, to see whether it is found."""

    bill: str
    """`bills/…`."""
    finding_class: FindingClass.ValueType
    """What the check should call it."""
    difference: Decimal
    """Billed less right, in US dollars."""


def bill_of(subscriber: Subscriber, cycle: BillCycle, run: str) -> Bill:
    """The bill that the file's charges make: a line per band with usage, no line for nothing."""
    bill = Bill(name=f"bills/{run}-{subscriber.number:05d}", subscription=subscriber.subscription)
    zone = ZoneInfo(subscriber.time_zone)
    bill.billing_period.start_time.FromDatetime(_midnight(cycle.start, zone))
    bill.billing_period.end_time.FromDatetime(_midnight(cycle.end, zone))
    for number, (band, usage) in enumerate(subscriber.usage.items(), start=1):
        if usage.calls:
            bill.lines.append(_line(str(number), band, usage.calls, usage.seconds, usage.charge))
    bill.total.CopyFrom(money(sum((amount(line.amount) for line in bill.lines), Decimal())))
    return bill


def seed_errors(bills: Sequence[Bill], count: int, seed: int = 1) -> list[SeededError]:
    """Put one error each into `count` of the bills, in place; every kind comes up in turn."""
    random = np.random.default_rng(seed)
    chosen = sorted(random.choice(len(bills), size=min(count, len(bills)), replace=False))
    return [_KINDS[turn % len(_KINDS)](bills[index]) for turn, index in enumerate(chosen)]


def money(value: Decimal) -> Money:
    """Exact cents as google.type.Money."""
    cents = int(value / CENT)
    units = abs(cents) // CENTS_PER_UNIT
    nanos = abs(cents) % CENTS_PER_UNIT * NANOS_PER_CENT
    sign = -1 if cents < 0 else 1
    return Money(currency_code=CURRENCY, units=sign * units, nanos=sign * nanos)


def amount(value: Money) -> Decimal:
    """google.type.Money as a decimal of its currency's units."""
    return Decimal(value.units) + Decimal(value.nanos).scaleb(-9)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _line(line_id: str, band: Band, calls: int, seconds: int, charge: Decimal) -> BillLine:
    return BillLine(
        line_id=line_id,
        line_type=LINE_TYPE_USAGE,
        charge_code=band.value,
        record_count=calls,
        quantity=seconds,
        amount=money(charge),
    )


def _at_rate(line: BillLine, rate: Decimal) -> Decimal:
    return (line.quantity * rate / SECONDS_PER_MINUTE).quantize(CENT, ROUND_HALF_UP)


def _find(bill: Bill, band: Band) -> BillLine:
    return next(line for line in bill.lines if line.charge_code == band.value)


def _change(bill: Bill, line: BillLine, charge: Decimal, kind: FindingClass.ValueType) -> SeededError:
    difference = charge - amount(line.amount)
    line.amount.CopyFrom(money(charge))
    _add_to_total(bill, difference)
    return SeededError(bill.name, kind, difference)


def _add_to_total(bill: Bill, difference: Decimal) -> None:
    bill.total.CopyFrom(money(amount(bill.total) + difference))


def _evening_at_day_rate(bill: Bill) -> SeededError:
    line = _find(bill, Band.EVENING)
    return _change(bill, line, _at_rate(line, RATE_PER_MINUTE[Band.DAY]), FindingClass.FINDING_CLASS_WRONG_BAND)


def _day_line_twice(bill: Bill) -> SeededError:
    copy = BillLine()
    copy.CopyFrom(_find(bill, Band.DAY))
    copy.line_id = "1-again"
    bill.lines.append(copy)
    _add_to_total(bill, amount(copy.amount))
    return SeededError(bill.name, FindingClass.FINDING_CLASS_DUPLICATE_LINE, amount(copy.amount))


def _night_line_lost(bill: Bill) -> SeededError:
    line = _find(bill, Band.NIGHT)
    difference = -_at_rate(line, RATE_PER_MINUTE[Band.NIGHT])
    billed = amount(line.amount)
    bill.lines.remove(line)
    _add_to_total(bill, -billed)
    return SeededError(bill.name, FindingClass.FINDING_CLASS_MISSING_USAGE, difference)


def _ten_minutes_too_many(bill: Bill) -> SeededError:
    line = _find(bill, Band.DAY)
    line.quantity += 10 * SECONDS_PER_MINUTE
    return _change(bill, line, _at_rate(line, RATE_PER_MINUTE[Band.DAY]), FindingClass.FINDING_CLASS_QUANTITY)


def _total_off_by_a_dollar(bill: Bill) -> SeededError:
    _add_to_total(bill, Decimal(1))
    return SeededError(bill.name, FindingClass.FINDING_CLASS_ARITHMETIC, Decimal(1))


def _day_off_by(cents: int, kind: FindingClass.ValueType) -> Callable[[Bill], SeededError]:
    def seed(bill: Bill) -> SeededError:
        line = _find(bill, Band.DAY)
        return _change(bill, line, amount(line.amount) + cents * CENT, kind)

    return seed


_KINDS: Final[Sequence[Callable[[Bill], SeededError]]] = (
    _evening_at_day_rate,
    _day_off_by(250, FindingClass.FINDING_CLASS_OVERCHARGE),
    _day_line_twice,
    _night_line_lost,
    _ten_minutes_too_many,
    _total_off_by_a_dollar,
    _day_off_by(-2, FindingClass.FINDING_CLASS_UNDERCHARGE),
)
