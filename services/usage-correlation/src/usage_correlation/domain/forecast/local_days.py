"""On which civil day, and at what time on the clock, does a moment fall, for thousands of moments at once?"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

HOUR: Final = 3600
DAY: Final = 24 * HOUR
_HOURS: Final = 24
_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LocalDays:
    """Consecutive civil days in a time zone, numbered from 0."""

    first: date
    hours: Integers
    """Seconds since 1970 at which each hour on the clock begins, by day and hour. An hour that clocks skip begins with
    the jump's end; of one that they repeat it is the first."""
    midnights: Integers
    """By day, and the one after the last."""

    @classmethod
    def between(cls, zone: ZoneInfo, start: int, end: int) -> "LocalDays":
        """The days that [start, end), in seconds since 1970, touches."""
        first = _local_date(start, zone)
        return cls.of(zone, first, (_local_date(max(end - 1, start), zone) - first).days + 1)

    @classmethod
    def of(cls, zone: ZoneInfo, first: date, count: int) -> "LocalDays":
        """So many days."""
        midnights = np.array([_midnight(first + number * _ONE_DAY, zone) for number in range(count + 1)], np.int64)
        hours = midnights[:-1, None] + np.arange(_HOURS) * HOUR
        for odd in np.flatnonzero(np.diff(midnights) != DAY).tolist():
            hours[odd] = _hours(first + odd * _ONE_DAY, zone)
        return cls(first, hours, midnights)

    def __len__(self) -> int:
        return len(self.hours)

    @property
    def weekdays(self) -> Integers:
        """By day; Monday is 0."""
        return (np.arange(len(self)) + self.first.weekday()) % 7

    def place(self, starts: Integers) -> tuple[Integers, Integers]:
        """(day, seconds on the clock) of moments within the days."""
        day: Integers = np.searchsorted(self.midnights, starts, side="right") - 1
        wall = starts - self.midnights[day]
        # Where clocks were turned, what has passed since midnight is not what the clock shows.
        odd = np.flatnonzero(np.diff(self.midnights)[day] != DAY)
        for row in odd.tolist():
            hours = self.hours[day[row]]
            hour = int(np.searchsorted(hours, starts[row], side="right")) - 1
            wall[row] = hour * HOUR + min(int(starts[row] - hours[hour]), HOUR - 1)
        return day, wall

    def moments(self, day: Integers, wall: Integers) -> Integers:
        """When the clock shows so many seconds on each day."""
        found: Integers = self.hours[day, wall // HOUR] + wall % HOUR
        return found


def _local_date(epoch: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(epoch, UTC).astimezone(zone).date()


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def _hours(day: date, zone: ZoneInfo) -> list[int]:
    found = [int(datetime(day.year, day.month, day.day, h, tzinfo=zone).timestamp()) for h in range(_HOURS)]
    # Hours before a jump over midnight belong to the day before: the day begins with the jump.
    return list(accumulate(found, max))
