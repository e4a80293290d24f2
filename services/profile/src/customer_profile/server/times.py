"""How do moments, times of day and spans of time cross the wire? To the microsecond, as PostgreSQL keeps them."""

from datetime import datetime, time, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.timeofday_pb2 import TimeOfDay

from customer_profile.errors import InvalidValue
from mesh.api import NoMoment, moment_of

_LONGEST = timedelta(days=366)
"""No interaction takes a year; more is a mistake in the sender's units."""


def moment_from(message: Timestamp, field: str) -> datetime:
    """The moment, aware and in UTC; raises InvalidValue for one that no calendar has."""
    try:
        return moment_of(message)
    except NoMoment as error:
        raise InvalidValue(field, error.EXPECTED, value=error.shown) from error


def span_from(message: Duration, field: str) -> timedelta:
    """The span of time; raises InvalidValue for a malformed or impossible one."""
    try:
        span = timedelta(microseconds=message.ToNanoseconds() // 1000)
    except (ValueError, OverflowError) as error:
        raise InvalidValue(field, "a duration of 0 s to a year", value=f"{message.seconds} s") from error
    if not timedelta(0) <= span <= _LONGEST:
        raise InvalidValue(field, "a duration of 0 s to a year", value=f"{message.seconds} s")
    return span


def span_message(span: timedelta | None) -> Duration | None:
    """The span of time as a message; None stays."""
    if span is None:
        return None
    message = Duration()
    message.FromTimedelta(span)
    return message


def time_of_day_from(message: TimeOfDay, field: str) -> time:
    """The time of day, to the second; raises InvalidValue for one that no clock shows."""
    expected = "a whole second from 00:00:00 to 23:59:59"
    if message.nanos:
        raise InvalidValue(field, expected, value=f"{message.nanos} ns")
    try:
        return time(message.hours, message.minutes, message.seconds)
    except ValueError as error:
        shown = f"{message.hours}:{message.minutes}:{message.seconds}"
        raise InvalidValue(field, expected, value=shown) from error


def time_of_day_message(of_day: time) -> TimeOfDay:
    """The time of day as a message."""
    return TimeOfDay(hours=of_day.hour, minutes=of_day.minute, seconds=of_day.second)
