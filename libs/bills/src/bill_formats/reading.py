"""What comes out of a file of bills, and how is what stands in it turned into fields of a bill?"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from cxmesh.billing.v1.bill_pb2 import Bill, LineType

_SHOWN: Final = 80
_NANOS: Final = 9
_FINEST: Final = 6
"""Digits after the point that a bill may have: micro-units."""
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
LINE_TYPES: Final = {name.removeprefix("LINE_TYPE_").lower(): number for name, number in LineType.items() if number}
"""By their names in mapping files: `usage`, `recurring`, `one_off`, …"""


@dataclass(frozen=True, slots=True)
class ReadBill:
    """A bill, and where it began."""

    place: int
    """Line, or number of the document, from 1."""
    bill: Bill


@dataclass(frozen=True, slots=True)
class BillReject:
    """Something that is no bill."""

    place: int
    bill_id: str
    """Empty when even that can't be told."""
    field: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.bill_id or self.place}: {self.field}: {self.value!r}: expected {self.expected}"


class BillsRefused(Exception):  # noqa: N818 - reads as what became of the file
    """Nothing can be made of the file, or of its rest; the message says where and why."""


class BadBill(Exception):  # noqa: N818 - becomes a BillReject
    """A field of one bill can't be read."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field}: {value!r}: expected {expected}")
        self.field = field
        self.value = str(value)[:_SHOWN]
        self.expected = expected

    def at(self, place: int, bill_id: str) -> BillReject:
        """As it is reported."""
        return BillReject(place, bill_id, self.field, self.value, self.expected)


Read = ReadBill | BillReject


def resource_name(prefix: str, field: str, value: str) -> str:
    """`{prefix}/{value}`; characters that a name can't have are refused, not replaced."""
    if not _ID.fullmatch(value):
        raise BadBill(field, value, "1 to 63 letters, digits, dots, dashes or underscores, the first a letter or digit")
    return f"{prefix}/{value}"


def money(field: str, text: str, currency: str) -> Money:
    """An exact amount from decimal text, to the micro-unit."""
    if not _CURRENCY.fullmatch(currency):
        raise BadBill(f"{field} (currency)", currency, "an ISO 4217 code")
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        amount = Decimal("NaN")
    exponent = amount.as_tuple().exponent
    if not amount.is_finite() or not isinstance(exponent, int):
        raise BadBill(field, text, "a decimal amount")
    if exponent < -_FINEST and amount != round(amount, _FINEST):
        raise BadBill(field, text, f"at most {_FINEST} digits after the point")
    nanos = int(amount.scaleb(_NANOS))
    units, rest = divmod(abs(nanos), 10**_NANOS)
    sign = -1 if nanos < 0 else 1
    if units > 10**12:
        raise BadBill(field, text, "at most 10^12")
    return Money(currency_code=currency, units=sign * units, nanos=sign * rest)


def amount_of(value: Money) -> Decimal:
    """The exact amount."""
    return Decimal(value.units) + Decimal(value.nanos).scaleb(-_NANOS)


def whole(field: str, text: str, factor: int = 1) -> int:
    """A count of base units: decimal text times a factor, which must come out whole."""
    try:
        number = Decimal(text.strip()) * factor
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number != number.to_integral_value() or number < 0:
        raise BadBill(field, text, "a number of 0 or more that comes to whole base units")
    return int(number)


def moment(field: str, text: str, zone: ZoneInfo) -> datetime:
    """An instant; a time without an offset is in `zone`, and a date is its midnight."""
    try:
        if len(text) == len("2026-01-01"):
            parsed = datetime.combine(date.fromisoformat(text), time(), zone)
        else:
            parsed = datetime.fromisoformat(text)
    except ValueError:
        raise BadBill(field, text, "a date or a time as ISO 8601 has them") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)).astimezone(UTC)


def end_moment(field: str, text: str, zone: ZoneInfo) -> datetime:
    """The instant at which a period is over: the midnight after a last day, or the instant after a last millisecond."""
    if len(text) == len("2026-01-01"):
        start = moment(field, text, zone).astimezone(zone)
        return datetime.combine(start.date() + timedelta(days=1), time(), zone).astimezone(UTC)
    end = moment(field, text, zone)
    last = end.microsecond % 1_000_000
    if end.second == 59 and (last == 0 or last >= 999_000):  # noqa: PLR2004 - 23:59:59 and 23:59:59.999 are meant inclusively
        return end.replace(microsecond=0) + timedelta(seconds=1)
    return end


def set_period(bill: Bill, start: datetime, end: datetime) -> None:
    """The time that a bill is for."""
    if start >= end:
        raise BadBill("billing_period.end_time", end.isoformat(), f"later than {start.isoformat()}")
    bill.billing_period.start_time.CopyFrom(_stamp(start))
    bill.billing_period.end_time.CopyFrom(_stamp(end))


def _stamp(instant: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(instant)
    return stamp
