"""Over which stretch of time is an objective judged, when does it begin and end, and which slice does a moment fall in?

OpenSLO v1 knows rolling windows (`isRolling`) and calendar windows (`calendar` with a start and a time zone), both with
a duration in shorthand: a number and m, h, d, w, M, Q or Y. Minutes and hours are time that passes; days and longer are
steps of the calendar, so that a day in spring may have 23 hours. A start that the clock skips is put an hour on, as the
clock does; one that the clock has twice is the first of the two.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
_SHORTHAND: Final = re.compile(r"([1-9][0-9]{0,5})([mhdwMQY])")
_MONTHS_A_YEAR: Final = 12


class Unit(StrEnum):
    """What a duration counts."""

    MINUTE = "m"
    HOUR = "h"
    DAY = "d"
    WEEK = "w"
    MONTH = "M"
    QUARTER = "Q"
    YEAR = "Y"


_PASSING: Final = {
    Unit.MINUTE: timedelta(minutes=1),
    Unit.HOUR: timedelta(hours=1),
    Unit.DAY: timedelta(days=1),
    Unit.WEEK: timedelta(weeks=1),
}
_DAYS: Final = {Unit.DAY: 1, Unit.WEEK: 7}
_MONTHS: Final = {Unit.MONTH: 1, Unit.QUARTER: 3, Unit.YEAR: _MONTHS_A_YEAR}


@dataclass(frozen=True, slots=True)
class Duration:
    """A number of minutes, hours, days, weeks, months, quarters or years."""

    number: int
    unit: Unit

    def __str__(self) -> str:
        """As in a document."""
        return f"{self.number}{self.unit}"

    @property
    def passing(self) -> timedelta | None:
        """How long it lasts, a day having 24 hours; None for months and longer, which last as long as they do."""
        step = _PASSING.get(self.unit)
        return None if step is None else self.number * step

    @property
    def about(self) -> timedelta:
        """How long it lasts, a month having 30 days: to choose how often to look, never to judge by."""
        return self.passing or timedelta(days=30 * self.number * _MONTHS[self.unit])


def duration_from(text: str) -> Duration | None:
    """What a shorthand such as 28d says; None when it is none."""
    found = _SHORTHAND.fullmatch(text)
    return None if found is None else Duration(int(found[1]), Unit(found[2]))


class Period(NamedTuple):
    """A stretch of time in UTC."""

    start: datetime
    end: datetime
    """Exclusive."""


@dataclass(frozen=True, slots=True)
class RollingWindow:
    """What came last. It has no periods: at every minute there is another one."""

    duration: timedelta
    """Whole minutes."""

    def until(self, moment: datetime) -> Period:
        """The window that ends with the minute that `moment` falls into."""
        end = floor_minute(moment) + MINUTE
        return Period(end - self.duration, end)


@dataclass(frozen=True, slots=True)
class CalendarWindow:
    """Periods that follow each other without a gap, before and after the start that is named."""

    duration: Duration
    start: datetime
    """Of one of the periods: local time in `zone`, without an offset."""
    zone: str
    """IANA name."""

    def at(self, moment: datetime) -> Period:
        """The period that `moment` falls into."""
        number = (moment - self._begin(0)) // self.duration.about
        while self._begin(number) > moment:
            number -= 1
        while self._begin(number + 1) <= moment:
            number += 1
        return Period(self._begin(number), self._begin(number + 1))

    def before(self, period: Period) -> Period:
        """The period before."""
        return self.at(period.start - timedelta(microseconds=1))

    def after(self, period: Period) -> Period:
        """The period after."""
        return self.at(period.end)

    def _begin(self, number: int) -> datetime:
        """Start of a period in UTC; number 0 is the one that is named."""
        unit, steps = self.duration.unit, number * self.duration.number
        if unit in _MONTHS:
            return self._utc(_add_months(self.start, steps * _MONTHS[unit]))
        if unit in _DAYS:
            return self._utc(self.start + timedelta(days=steps * _DAYS[unit]))
        return self._utc(self.start) + steps * _PASSING[unit]

    def _utc(self, local: datetime) -> datetime:
        return local.replace(tzinfo=ZoneInfo(self.zone), fold=0).astimezone(UTC)


Window = RollingWindow | CalendarWindow


def floor_minute(moment: datetime) -> datetime:
    """The start of the minute."""
    return moment.replace(second=0, microsecond=0)


def floor_to(moment: datetime, grain: timedelta, origin: datetime = EPOCH) -> datetime:
    """The last moment not after `moment` that is whole grains away from the origin."""
    return origin + (moment - origin) // grain * grain


def slice_start(window: Window, grain: timedelta, moment: datetime) -> datetime:
    """Start of the slice that `moment` falls into.

    Slices of a calendar window are counted from the start of its period, and the last one may be cut short by the
    period's end; those of a rolling window from the epoch.
    """
    origin = window.at(moment).start if isinstance(window, CalendarWindow) else EPOCH
    return floor_to(moment, grain, origin)


def slices_in(period: Period, grain: timedelta) -> int:
    """How many slices a calendar period has, one that is cut short included."""
    return -(-(period.end - period.start) // grain)


def _add_months(start: datetime, months: int) -> datetime:
    """The same day of a later month, or its last day when it has none of that number."""
    index = start.year * _MONTHS_A_YEAR + start.month - 1 + months
    year, month = divmod(index, _MONTHS_A_YEAR)
    last = calendar.monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=min(start.day, last))
