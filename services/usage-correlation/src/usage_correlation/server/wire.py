"""How do names, moments, money and pages cross the wire?"""

from datetime import datetime
from fractions import Fraction
from typing import Final, Protocol

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.interval_pb2 import Interval
from google.type.money_pb2 import Money

from usage_correlation.domain.amounts import NANOS, nearest_nanos
from usage_correlation.domain.moments import MICROS, from_micros
from usage_correlation.errors import InvalidValue

CUSTOMERS: Final = "customers/"
PLANS: Final = "plans/"
POLICIES: Final = "spendPolicies/"
SIGNALS: Final = "signals/"
SUBSCRIPTIONS: Final = "subscriptions/"

_DEFAULT_PAGE: Final = 100
_LARGEST_PAGE: Final = 1000
_NANOS_IN_MICRO: Final = 1000
# What protobuf allows: the years 1 to 9999.
_FIRST_SECOND: Final = -62_135_596_800
_LAST_SECOND: Final = 253_402_300_799


class Paged(Protocol):
    """A request for a page."""

    page_size: int


def page_size(request: Paged) -> int:
    """How many to give: 100 unless asked otherwise, 1,000 at most."""
    return min(request.page_size or _DEFAULT_PAGE, _LARGEST_PAGE)


def timestamp(moment: datetime | int) -> Timestamp:
    """A moment, or microseconds since 1970, as it crosses the wire."""
    message = Timestamp()
    if isinstance(moment, datetime):
        message.FromDatetime(moment)
    else:
        message.FromMicroseconds(moment)
    return message


def micros_from(message: Timestamp, field: str) -> int:
    """Microseconds since 1970; finer digits are dropped. Raises InvalidValue for what protobuf calls no timestamp."""
    if not is_valid(message):
        value = f"{message.seconds} s {message.nanos} ns"
        raise InvalidValue(field, value, "a moment in the years 1 to 9999 with 0 to 999,999,999 nanoseconds")
    return message.seconds * MICROS + message.nanos // _NANOS_IN_MICRO


def is_valid(message: Timestamp) -> bool:
    """Whether protobuf's own rules for timestamps are kept; parsing doesn't check them."""
    return _FIRST_SECOND <= message.seconds <= _LAST_SECOND and 0 <= message.nanos < NANOS


def interval_from(message: Interval, field: str) -> tuple[int | None, int | None]:
    """[start, end) in microseconds; None for an absent bound. Raises InvalidValue."""
    start = micros_from(message.start_time, f"{field}.start_time") if message.HasField("start_time") else None
    end = micros_from(message.end_time, f"{field}.end_time") if message.HasField("end_time") else None
    if start is not None and end is not None and end < start:
        shown = from_micros(end).isoformat()
        raise InvalidValue(
            f"{field}.end_time", shown, f"a moment not before start_time, {from_micros(start).isoformat()}"
        )
    return start, end


def money(amount: Fraction, currency: str) -> Money:
    """An amount to the nearest billionth, which is as fine as Money can be."""
    return money_of_nanos(nearest_nanos(amount), currency)


def money_of_nanos(nanos: int, currency: str) -> Money:
    """So many billionths; units and nanos of a negative amount are both negative, as Money demands."""
    units, rest = divmod(abs(nanos), NANOS)
    sign = -1 if nanos < 0 else 1
    return Money(currency_code=currency, units=sign * units, nanos=sign * rest)


def amount_from(message: Money) -> Fraction:
    """The exact amount."""
    return Fraction(message.units * NANOS + message.nanos, NANOS)
