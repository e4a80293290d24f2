"""When does somebody call, by their own clock, and how much of it goes abroad?"""

import re
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from rating import SERVICE_CODES, Service, UsageColumns
from usage_correlation.domain.insights.churn import Column

_MINUTE: Final = 60
_HOUR: Final = 3600
_QUARTER_HOUR: Final = 900
"""Offsets from UTC, and their changes, are multiples of it."""
_DAY_BEGINS: Final = 8
_EVENING_BEGINS: Final = 17
_NIGHT_BEGINS: Final = 22
_SHORTEST_NUMBER: Final = 8
"""Digits. What is shorter is a short code of the home network."""
_NUMBER: Final = re.compile(rf"[0-9]{{{_SHORTEST_NUMBER},}}")


def local_hours(start: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """The hour, 0 to 23, that clocks in the zone show at each moment, given in seconds since 1970."""
    return (start + _offsets(start, zone)) // _HOUR % 24


def local_days(start: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """The calendar day, counted from 1970-01-01, that it is in the zone at each moment."""
    return (start + _offsets(start, zone)) // (24 * _HOUR)


def _offsets(start: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """Seconds from UTC at each moment."""
    quarters, which = np.unique(start // _QUARTER_HOUR, return_inverse=True)
    return np.array([_offset(int(quarter) * _QUARTER_HOUR, zone) for quarter in quarters], np.int64)[which]


def _offset(moment: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    if offset is None:
        raise AssertionError(f"{zone} has no offset from UTC")
    return int(offset.total_seconds())


def call_features(
    usage: UsageColumns, owner: NDArray[np.int64], owners: int, zone: ZoneInfo, domestic: str | None
) -> dict[str, Column]:
    """What each owner called, in the churn model's terms; `domestic` matches numbers within the country.

    Without `domestic` nobody knows which calls go abroad: these features are NaN then, and all calls count at home.
    """
    calls = np.flatnonzero(usage.service == SERVICE_CODES[Service.VOICE])
    minutes, mine = usage.quantity[calls] / _MINUTE, owner[calls]
    abroad = _abroad(usage.destination[calls], domestic)
    hours = local_hours(usage.start[calls], zone)

    def total(mask: NDArray[np.bool_], weights: Column | None = None) -> Column:
        chosen = None if weights is None else weights[mask]
        return np.bincount(mine[mask], chosen, owners).astype(np.float64)

    day = (hours >= _DAY_BEGINS) & (hours < _EVENING_BEGINS)
    evening = (hours >= _EVENING_BEGINS) & (hours < _NIGHT_BEGINS)
    unknown = np.full(owners, np.nan)
    return {
        "day_minutes": total(day & ~abroad, minutes),
        "evening_minutes": total(evening & ~abroad, minutes),
        "night_minutes": total(~day & ~evening & ~abroad, minutes),
        "international_minutes": unknown if domestic is None else total(abroad, minutes),
        "international_calls": unknown if domestic is None else total(abroad),
    }


def _abroad(destinations: NDArray[np.str_], domestic: str | None) -> NDArray[np.bool_]:
    if domestic is None:
        return np.zeros(len(destinations), bool)
    pattern = re.compile(domestic)
    numbers, which = np.unique(destinations, return_inverse=True)
    found = [bool(_NUMBER.fullmatch(str(each))) and not pattern.match(str(each)) for each in numbers]
    return np.array(found, bool)[which]
