"""How do names, moments, money and pages cross the wire?"""

import re
from datetime import datetime
from fractions import Fraction
from typing import Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.interval_pb2 import Interval
from google.type.money_pb2 import Money

from mesh.api import Page, page_of
from usage_correlation.domain.amounts import NANOS, nearest_nanos
from usage_correlation.domain.moments import MICROS, from_micros
from usage_correlation.errors import InvalidValue

ALLOWANCE_POLICIES: Final = "allowancePolicies/"
CUSTOMERS: Final = "customers/"
LIMIT_POLICIES: Final = "limitPolicies/"
PATTERNS: Final = "patterns/"
PLANS: Final = "plans/"
POLICIES: Final = "spendPolicies/"
SIGNALS: Final = "signals/"
SUBSCRIPTIONS: Final = "subscriptions/"

_DEFAULT_PAGE: Final = 100
_SHOWN_CHARACTERS: Final = 80
_POLICY: Final = re.compile(r"spendPolicies/[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_ALLOWANCE_POLICY: Final = re.compile(r"allowancePolicies/[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_LARGEST_PAGE: Final = 1000
_NANOS_IN_MICRO: Final = 1000
# What protobuf allows: the years 1 to 9999.
_FIRST_SECOND: Final = -62_135_596_800
_LAST_SECOND: Final = 253_402_300_799


def page(request: Message) -> Page:
    """Which page a list request asks for: 100 at a time unless asked otherwise, 1,000 at most."""
    return page_of(request, default=_DEFAULT_PAGE, most=_LARGEST_PAGE)


def policy_id_from(name: str, field: str) -> str:
    """The id in a policy's name, where the proto has no rule for it. Raises InvalidValue."""
    if not _POLICY.fullmatch(name):
        raise InvalidValue(field, name[:_SHOWN_CHARACTERS], "the name of a spend policy, spendPolicies/…")
    return name.removeprefix(POLICIES)


def spending_limit_name(subscription: str, policy: str) -> str:
    """`subscriptions/{subscription}/spendingLimits/{limit_policy}`, of a subscription's name and a policy's id."""
    return f"{subscription}/spendingLimits/{policy}"


def allowance_policy_id_from(name: str, field: str) -> str:
    """The id in a policy's name, where the proto has no rule for it. Raises InvalidValue."""
    if not _ALLOWANCE_POLICY.fullmatch(name):
        raise InvalidValue(field, name[:_SHOWN_CHARACTERS], "the name of an allowance policy, allowancePolicies/…")
    return name.removeprefix(ALLOWANCE_POLICIES)


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


def money_of_micros(micros: int, currency: str) -> Money:
    """So many millionths."""
    return money_of_nanos(micros * _NANOS_IN_MICRO, currency)


def amount_from(message: Money) -> Fraction:
    """The exact amount."""
    return Fraction(message.units * NANOS + message.nanos, NANOS)
