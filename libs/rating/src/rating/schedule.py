"""Which time band is in force at a moment of the tariff's wall clock?

A schedule is a partition of the week into bands. Rows that run past midnight are cut there, so that a week is seven
civil days, each a list of (second of the day, band) without gap or overlap. Rows for the days of a calendar (public
holidays, seasons) lie above the week.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations, pairwise, product

from rating.calendar import EPOCH_DAY, Calendar, common_day

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_SECONDS = 86_400
EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday."""


@dataclass(frozen=True, slots=True)
class BandRow:
    """One row of a schedule as declared: a band on certain weekdays between two times of day."""

    band: str
    days: tuple[int, ...]
    """Weekdays on which the row starts, 0 = Monday. Not looked at when there is a calendar."""
    start: int
    """Second of the day."""
    end: int
    """Second of the day, up to 86,400; at or before `start`: on the next day."""
    calendar: Calendar | None = None
    """The row holds on these days instead, above the rows for weekdays."""


DayPlan = tuple[tuple[int, str], ...]
"""(second of the day at which it starts, band), in order, the first at 0."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A partition of the week into bands."""

    id: str
    week: tuple[DayPlan, ...]
    """Seven day plans, Monday first."""
    special: tuple[BandRow, ...] = ()
    """Rows for the days of calendars."""

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands' names, in order of their first appearance in the week."""
        weekly = (band for plan in self.week for _, band in plan)
        return tuple(dict.fromkeys([*weekly, *(row.band for row in self.special)]))

    def day_plan(self, day: int) -> DayPlan:
        """The plan of a civil day, counted from 1970-01-01."""
        plan = self.week[(day + EPOCH_WEEKDAY) % 7]
        if not self.special:
            return plan
        today = EPOCH_DAY + timedelta(days=day)
        return _overlaid(plan, [*self._spans(today, 0), *self._spans(today - timedelta(days=1), 1)])

    def _spans(self, start_day: date, later: int) -> list[tuple[int, int, str]]:
        """(start, end, band) of what special rows that start on a day cover so many days later."""
        rows = [row for row in self.special if row.calendar and start_day in row.calendar]
        return [(start, end, row.band) for row in rows for after, start, end in _cut(row) if after == later]


@dataclass(frozen=True, slots=True)
class Clash:
    """A stretch of some weekdays that no row or more than one row covers."""

    days: tuple[int, ...]
    start: int
    end: int
    rows: tuple[int, ...]
    """Indexes of the rows that claim it: none for a gap."""

    def __str__(self) -> str:
        what = f"rows {' and '.join(str(row) for row in self.rows)} overlap" if self.rows else "no row covers"
        days = "every day" if len(self.days) == len(DAYS) else ", ".join(DAYS[day] for day in self.days)
        return f"{what} {days} {clock(self.start)}-{clock(self.end)}"


def clock(second: int) -> str:
    """A second of the day as people write it."""
    hours, rest = divmod(second, 3600)
    text = f"{hours:02d}:{rest // 60:02d}"
    return f"{text}:{rest % 60:02d}" if rest % 60 else text


def build_schedule(schedule_id: str, rows: Iterable[BandRow]) -> tuple[Schedule, list[Clash]]:
    """The schedule that the rows make, and every gap and overlap; the schedule is sound when there is none."""
    rows = tuple(rows)
    special = tuple(row for row in rows if row.calendar)
    spans: list[list[tuple[int, int, int]]] = [[] for _ in DAYS]
    for index, row in enumerate(rows):
        for day in row.days if row.calendar is None else ():
            for after, start, end in _cut(row):
                spans[(day + after) % 7].append((start, end, index))
    days_of: dict[tuple[int, int, tuple[int, ...]], list[int]] = {}
    for day, day_spans in enumerate(spans):
        for stretch in _clashes(day_spans):
            days_of.setdefault(stretch, []).append(day)
    clashes = [Clash(tuple(days), *stretch) for stretch, days in days_of.items()]
    week = tuple(_day_plan(sorted(day_spans), rows) for day_spans in spans)
    return Schedule(schedule_id, week, special), clashes


def _cut(row: BandRow) -> list[tuple[int, int, int]]:
    """(days later, start, end) of each civil day that a row covers."""
    if row.end > row.start:
        return [(0, row.start, row.end)]
    parts = [(0, row.start, DAY_SECONDS), (1, 0, row.end)]
    return [part for part in parts if part[1] < part[2]]


def _overlaid(plan: DayPlan, spans: list[tuple[int, int, str]]) -> DayPlan:
    """A day plan with stretches of other bands laid over it."""
    if not spans:
        return plan
    edges = sorted({start for start, _ in plan} | {edge for span in spans for edge in span[:2]} - {DAY_SECONDS})
    result: list[tuple[int, str]] = []
    for edge in edges:
        over = [band for start, end, band in spans if start <= edge < end]
        band = over[0] if over else [name for start, name in plan if start <= edge][-1]
        if not result or result[-1][1] != band:
            result.append((edge, band))
    return tuple(result)


def special_clashes(schedule: Schedule) -> list[str]:
    """Where rows for the days of calendars overlap one another."""
    clashes = []
    for one, other in combinations(schedule.special, 2):
        if one.calendar is None or other.calendar is None:
            continue
        for (after, start, end), (other_after, low, high) in product(_cut(one), _cut(other)):
            # A row's second half lies on the day after its own: shift the calendars so that both speak of one day.
            day = common_day(one.calendar, other.calendar, other_after - after)
            if day and start < high and low < end:
                clashes.append(f"two bands on {day} {clock(max(start, low))}-{clock(min(end, high))}")
    return clashes


def _clashes(spans: list[tuple[int, int, int]]) -> list[tuple[int, int, tuple[int, ...]]]:
    """(start, end, rows) of every stretch of a day that has no row or several."""
    edges = sorted({0, DAY_SECONDS, *(edge for start, end, _ in spans for edge in (start, end))})
    found: list[tuple[int, int, tuple[int, ...]]] = []
    for start, end in pairwise(edges):
        rows = tuple(index for low, high, index in spans if low <= start and end <= high)
        if len(rows) == 1:
            continue
        if found and found[-1][1:] == (start, rows):
            start = found.pop()[0]  # noqa: PLW2901  # the stretch before goes on
        found.append((start, end, rows))
    return found


def _day_plan(spans: list[tuple[int, int, int]], rows: tuple[BandRow, ...]) -> DayPlan:
    plan: list[tuple[int, str]] = []
    for start, _, index in spans:
        if not plan or plan[-1][1] != rows[index].band:
            plan.append((start, rows[index].band))
    return tuple(plan)
