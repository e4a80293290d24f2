"""How do moments, spans of time and amounts of money cross the wire?"""

from datetime import datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as MoneyMessage

from mesh.api import NoMoment, moment_of
from rating import MINOR_UNITS
from value_network_sla.domain.money import MICROS, Money
from value_network_sla.errors import InvalidValue

_NANOS = 1_000_000_000
_NANOS_PER_MICRO = 1_000
_MOST_UNITS = 10**12
"""No penalty is larger; what is, is a mistake in the sender's units, and a bigint of micro-units holds it."""


def moment_from(message: Timestamp, field: str) -> datetime:
    """The moment, to the microsecond; raises InvalidValue for one that no calendar has."""
    try:
        return moment_of(message)
    except NoMoment as error:
        raise InvalidValue(field, error.shown, error.EXPECTED) from error


def moment_of_ns(nanoseconds: int) -> Timestamp:
    """A moment in nanoseconds since the epoch as a message."""
    return Timestamp(seconds=nanoseconds // _NANOS, nanos=nanoseconds % _NANOS)


def ns_of_moment(message: Timestamp) -> int:
    """A moment in nanoseconds since the epoch."""
    return message.seconds * _NANOS + message.nanos


def ns_from(message: Duration, field: str) -> int:
    """A span of time in nanoseconds; raises InvalidValue for a malformed one."""
    nanoseconds = message.seconds * _NANOS + message.nanos
    if not -_NANOS < message.nanos < _NANOS or message.seconds * message.nanos < 0 or nanoseconds >= 2**63:
        shown = f"{message.seconds} s and {message.nanos} ns"
        raise InvalidValue(field, shown, "a duration of less than 292 years")
    return nanoseconds


def whole_seconds_from(message: Duration, field: str) -> timedelta:
    """A span of time; raises InvalidValue unless it is whole seconds."""
    if message.nanos:
        raise InvalidValue(field, f"{message.seconds} s and {message.nanos} ns", "whole seconds")
    return timedelta(seconds=message.seconds)


def duration_of_ns(nanoseconds: int) -> Duration:
    """A span of time, from 0 up, as a message."""
    return Duration(seconds=nanoseconds // _NANOS, nanos=nanoseconds % _NANOS)


def penalty_from(message: MoneyMessage, field: str) -> Money:
    """A payable amount, from 0 up; raises InvalidValue."""
    if message.currency_code not in MINOR_UNITS:
        raise InvalidValue(f"{field}.currency_code", message.currency_code, 'an ISO 4217 code such as "EUR"')
    shown = f"{message.units} units and {message.nanos} nanos"
    if message.units < 0 or not 0 <= message.nanos < _NANOS or message.units > _MOST_UNITS:
        raise InvalidValue(field, shown, f"an amount from 0 to {_MOST_UNITS}")
    micros, rest = divmod(message.nanos, _NANOS_PER_MICRO)
    money = Money(message.units * MICROS + micros, message.currency_code)
    if rest or not money.payable:
        decimals = MINOR_UNITS[message.currency_code]
        raise InvalidValue(field, shown, f"at most {decimals} decimals, as {message.currency_code} has")
    return money


def money_message(money: Money) -> MoneyMessage:
    """The amount as a message."""
    sign = -1 if money.micros < 0 else 1  # units and nanos have the same sign
    units, micros = divmod(abs(money.micros), MICROS)
    return MoneyMessage(currency_code=money.currency, units=sign * units, nanos=sign * micros * _NANOS_PER_MICRO)
