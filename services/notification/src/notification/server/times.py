"""How do moments cross the wire? To the microsecond, as PostgreSQL keeps them."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from notification.errors import InvalidValue

_NANOS = 1_000_000_000


def moment_from(message: Timestamp, field: str) -> datetime:
    """The moment, aware and in UTC; raises InvalidValue for one that no calendar has."""
    expected = "a time between the years 1 and 9999"
    if not 0 <= message.nanos < _NANOS:
        raise InvalidValue(field, expected, value=f"{message.nanos} ns")
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidValue(field, expected, value=f"{message.seconds} s") from error


def moment_message(moment: datetime | None) -> Timestamp | None:
    """The moment as a message; None stays, for a field that is not set."""
    if moment is None:
        return None
    message = Timestamp()
    message.FromDatetime(moment)
    return message
