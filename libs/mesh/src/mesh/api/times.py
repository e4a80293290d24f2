"""How do moments cross the wire? To the microsecond, as PostgreSQL keeps them."""

from datetime import UTC, datetime
from typing import Final, overload

from google.protobuf.timestamp_pb2 import Timestamp

_NANOS: Final = 1_000_000_000


class NoMoment(ValueError):  # noqa: N818 - says what it is
    """A timestamp that no calendar has. Each service tells of it in its own words."""

    EXPECTED: Final = "a time between the years 1 and 9999"

    def __init__(self, shown: str) -> None:
        super().__init__(f"{shown}: expected {self.EXPECTED}")
        self.shown = shown
        """What was sent instead."""


def moment_of(message: Timestamp) -> datetime:
    """The moment, aware and in UTC; finer digits than microseconds are dropped. Raises NoMoment."""
    if not 0 <= message.nanos < _NANOS:
        raise NoMoment(f"{message.nanos} ns")
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise NoMoment(f"{message.seconds} s") from error


@overload
def moment_message(moment: datetime) -> Timestamp: ...


@overload
def moment_message(moment: None) -> None: ...


@overload
def moment_message(moment: datetime | None) -> Timestamp | None: ...


def moment_message(moment: datetime | None) -> Timestamp | None:
    """The moment as a message; None stays, for a field that is not set."""
    if moment is None:
        return None
    message = Timestamp()
    message.FromDatetime(moment)
    return message
