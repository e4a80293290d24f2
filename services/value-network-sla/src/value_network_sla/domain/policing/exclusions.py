"""What happened at a time, or to somebody, that the agreement does not hold against the partner?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from value_network_sla.domain.policing.windows import MINUTE, Period, floor_minute

_DAY: Final = timedelta(days=1)


class ExclusionKind(StrEnum):
    """Why it does not count."""

    MAINTENANCE = "MAINTENANCE"
    """Announced work."""
    FORCE_MAJEURE = "FORCE_MAJEURE"
    """What nobody could help."""
    CUSTOMER_FAULT = "CUSTOMER_FAULT"
    """The customer's own doing."""


@dataclass(frozen=True, slots=True)
class Weekly:
    """A stretch of time that comes again every week, by the clock of a zone."""

    weekdays: frozenset[int]
    """0 is Monday."""
    begin: time
    """Local, without an offset; whole minutes."""
    duration: timedelta
    """Whole minutes, at most a week."""
    zone: str
    """IANA name."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What is not counted. A scope that is empty means everything."""

    kind: ExclusionKind
    reason: str
    start: datetime
    """From then on, in UTC; whole minutes."""
    end: datetime | None
    """Exclusive; None for a weekly one that goes on."""
    weekly: Weekly | None = None
    """None: all the time from start to end."""
    resource: str = ""
    """The line, site or the like that was measured."""
    customer: str = ""
    """`customers/{customer}`."""

    def stretches(self, within: Period) -> Iterator[Period]:
        """The times in `within` that it excludes, in order of their start."""
        whole = _cut(Period(self.start, self.end or within.end), within)
        if whole is None:
            return
        if self.weekly is None:
            yield whole
            return
        for day in _days(whole, self.weekly):
            found = _cut(_occurrence(self.weekly, day), whole)
            if found is not None:
                yield found


@dataclass(frozen=True, slots=True)
class DeclaredExclusion:
    """An exclusion that was declared on its own, beside those that agreements name beforehand."""

    name: str
    """`exclusions/{exclusion}`."""
    partner: str
    """`partners/{partner}`."""
    objective: str
    """`objectives/{objective}`; empty means all of the partner's."""
    exclusion: Exclusion
    create_time: datetime


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time that is excluded, for whom."""

    period: Period
    resource: str
    customer: str


def stretches_of(exclusions: Iterable[Exclusion], within: Period) -> Sequence[Stretch]:
    """All that they exclude in `within`."""
    return tuple(
        Stretch(period, exclusion.resource, exclusion.customer)
        for exclusion in exclusions
        for period in exclusion.stretches(within)
    )


def covered_minutes(exclusions: Iterable[Exclusion], within: Period) -> int:
    """How many minutes of `within` are excluded for everybody and everything, each counted once."""
    total, reached = timedelta(0), within.start
    for stretch in sorted(stretches_of(exclusions, within), key=lambda each: each.period):
        if stretch.resource or stretch.customer:
            continue
        begin = max(stretch.period.start, reached)
        if stretch.period.end > begin:
            total += stretch.period.end - begin
            reached = stretch.period.end
    return total // MINUTE


def is_whole_minutes(moment: datetime) -> bool:
    """Whether a moment is the start of a minute."""
    return floor_minute(moment) == moment


def _days(whole: Period, weekly: Weekly) -> Iterator[date]:
    """The local days on which an occurrence that reaches into `whole` may begin."""
    zone = ZoneInfo(weekly.zone)
    day = (whole.start - weekly.duration).astimezone(zone).date() - _DAY
    last = whole.end.astimezone(zone).date()
    while day <= last:
        if day.weekday() in weekly.weekdays:
            yield day
        day += _DAY


def _occurrence(weekly: Weekly, day: date) -> Period:
    begin = datetime.combine(day, weekly.begin, ZoneInfo(weekly.zone)).astimezone(UTC)
    return Period(begin, begin + weekly.duration)


def _cut(period: Period, within: Period) -> Period | None:
    start, end = max(period.start, within.start), min(period.end, within.end)
    return Period(start, end) if start < end else None
