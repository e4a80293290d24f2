"""Which civil days does a calendar of holidays or seasons name?"""

from dataclasses import dataclass
from datetime import date, timedelta

YEARS = range(1971, 9000)
"""The years that a tariff may speak of."""
EPOCH_DAY = date(1970, 1, 1)
_LEAP_YEAR = 2000
"""Every day of a year exists in it."""


@dataclass(frozen=True, slots=True)
class Days:
    """A stretch of days, both ends included: of one year, or of every year."""

    first: tuple[int, int, int]
    """Year, month, day; year 0: every year."""
    last: tuple[int, int, int]

    def __contains__(self, day: date) -> bool:
        if self.first[0]:
            return self.first <= (day.year, day.month, day.day) <= self.last
        this, first, last = (day.month, day.day), self.first[1:], self.last[1:]
        return first <= this <= last if first <= last else this >= first or this <= last


@dataclass(frozen=True, slots=True)
class Calendar:
    """Named days, such as a country's public holidays."""

    id: str
    entries: tuple[Days, ...]

    def __contains__(self, day: date) -> bool:
        return any(day in entry for entry in self.entries)

    def years(self) -> set[int]:
        """The years that the entries name."""
        return {end[0] for entry in self.entries for end in (entry.first, entry.last) if end[0]}


def parse_days(text: str) -> Days:
    """The days that "2026-12-25", "12-25" (every year) or "2026-12-24/2027-01-06" means; ValueError if none."""
    first, _, last = text.partition("/")
    ends = [_parse_day(first), _parse_day(last or first)]
    if (ends[0][0] == 0) != (ends[1][0] == 0):
        raise ValueError(f"{text!r} has a year at one end only")
    if ends[0][0] and ends[0] > ends[1]:
        raise ValueError(f"{text!r} ends before it starts")
    return Days(*ends)


def _parse_day(text: str) -> tuple[int, int, int]:
    yearly = text.count("-") == 1
    day = date.fromisoformat(f"{_LEAP_YEAR}-{text}" if yearly else text)
    if day.year not in YEARS:
        raise ValueError(f"{text!r} is not in the years {YEARS[0]} to {YEARS[-1]}")
    return (0 if yearly else day.year, day.month, day.day)


def common_day(one: Calendar, other: Calendar, shift: int = 0) -> date | None:
    """A day that one calendar names and that the other names so many days before; None when there is none."""
    # In years that neither names only yearly entries count. Two such years, leap and common, with the days around their
    # turn, stand for all of them.
    named = one.years() | other.years() | {_LEAP_YEAR, _LEAP_YEAR + 1}
    for year in sorted(named | {year + 1 for year in named} | {year - 1 for year in named}):
        start = date(year, 1, 1)
        for offset in range((date(year + 1, 1, 1) - start).days):
            day = start + timedelta(days=offset)
            if day in one and day - timedelta(days=shift) in other:
                return day
    return None
