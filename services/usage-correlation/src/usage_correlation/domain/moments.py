"""How is a moment counted where millions of them are compared? In microseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROS: Final = 1_000_000
EARLIEST_MICROS: Final = 0
LATEST_MICROS: Final = 253_370_764_800 * MICROS
"""The end of the year 9998: beyond it a time zone could move a moment out of what a datetime holds."""

_MICROSECOND: Final = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return (moment - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The moment, in UTC."""
    return EPOCH + timedelta(microseconds=micros)


def in_range(micros: int) -> bool:
    """Whether usage can lie at this moment: in the years 1970 to 9998, which is what can be rated."""
    return EARLIEST_MICROS <= micros < LATEST_MICROS
