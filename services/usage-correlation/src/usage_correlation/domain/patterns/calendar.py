"""In which of the customer's hours and days does a moment lie?"""

from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from usage_correlation.domain.bill_cycles import BillCalendar
from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.domain.patterns.columns import Ints
from usage_correlation.domain.patterns.pattern import DAY, HOUR, Period

_SLOT: Final = HOUR // 4
"""Clocks change on quarters of an hour."""
_KEPT: Final = 100_000
_WEEKDAYS: Final = 7
Bounds = tuple[int, int]


class Calendar:
    """Finds periods; what it found it keeps, since most events lie in few of them."""

    def __init__(self) -> None:
        self._bill = BillCalendar()
        self._offsets: dict[tuple[str, int], int] = {}
        self._bounds: dict[tuple[str, int, str, int], Bounds] = {}
        self._earlier: dict[tuple[str, int, int, bool], list[Bounds]] = {}

    def local(self, times: Ints, zones: list[ZoneInfo], zone_of: NDArray[Any]) -> Ints:
        """Moments as the customers' clocks show them, in microseconds; Any: indices of any integer type."""
        slots = times // _SLOT
        codes = slots * len(zones) + zone_of
        different, inverse = np.unique(codes, return_inverse=True)
        offsets = [self._offset(zones[code % len(zones)], code // len(zones)) for code in different.tolist()]
        return times + np.array(offsets, np.int64)[inverse]

    def _offset(self, zone: ZoneInfo, slot: int) -> int:
        key = (zone.key, slot)
        found = self._offsets.get(key)
        if found is None:
            if len(self._offsets) > _KEPT:
                self._offsets.clear()
            offset = from_micros(slot * _SLOT).astimezone(zone).utcoffset() or timedelta(0)
            found = self._offsets[key] = offset // timedelta(microseconds=1)
        return found

    def bounds(self, period: Period, micros: int, zone: ZoneInfo, day: int) -> Bounds:
        """The period around a moment, [start, end); `day` is that of the bill cycle."""
        if not period.calendar:
            start = micros - micros % period.micros
            return start, start + period.micros
        key = (period.calendar, day if period.calendar == "cycle" else 0, zone.key, micros // _SLOT)
        found = self._bounds.get(key)
        if found is None:
            if len(self._bounds) > _KEPT:
                self._bounds.clear()
            found = self._bounds[key] = self._around(period.calendar, micros - micros % _SLOT, zone, day)
        return found

    def starts(self, period: Period, times: Ints, zones: list[tuple[ZoneInfo, int]], zone_of: NDArray[Any]) -> Ints:
        """The starts of the periods around many moments; `zones` with the day of the bill cycle; Any: see `local`."""
        if not period.calendar:
            return times - times % period.micros
        codes = (times // _SLOT) * len(zones) + zone_of
        different, inverse = np.unique(codes, return_inverse=True)
        starts = [
            self.bounds(period, code // len(zones) * _SLOT, *zones[code % len(zones)])[0] for code in different.tolist()
        ]
        return np.array(starts, np.int64)[inverse]

    def earlier(self, period: Period, start: int, zone: ZoneInfo, count: int, *, same_weekday: bool) -> list[Bounds]:
        """The `count` comparable periods before the one that starts at `start`, newest first."""
        key = (f"{period.calendar}{period.micros}{zone.key}", start, count, same_weekday)
        found = self._earlier.get(key)
        if found is None:
            if len(self._earlier) > _KEPT:
                self._earlier.clear()
            step = _WEEKDAYS if same_weekday else 1
            found = []
            bounds = (start, start)
            for number in range(1, count * step + 1):
                bounds = self.bounds(period, bounds[0] - 1, zone, 1)
                if number % step == 0:
                    found.append(bounds)
            self._earlier[key] = found
        return found

    def _around(self, calendar: str, micros: int, zone: ZoneInfo, day: int) -> Bounds:
        if calendar in ("month", "cycle"):
            cycle = self._bill.cycle_at(micros, day if calendar == "cycle" else 1, zone)
            return cycle.start_micros, cycle.end_micros
        local = from_micros(micros).astimezone(zone).date()
        length = 1 if calendar == "day" else _WEEKDAYS
        first = local - timedelta(days=0 if calendar == "day" else local.weekday())
        return _midnight(first, zone), _midnight(first + timedelta(days=length), zone)


def _midnight(date: Any, zone: ZoneInfo) -> int:
    """Where clocks jump over it, the jump; where it comes twice, the first. Any: a datetime.date, which has no zone."""
    return to_micros(datetime(date.year, date.month, date.day, tzinfo=zone))


def weekdays(local: Ints) -> Ints:
    """1 for Monday to 7 for Sunday, of local moments; 1970 began on a Thursday."""
    return (local // DAY + 3) % _WEEKDAYS + 1
