"""Which time band is in force at a moment of the tariff's wall clock?

A schedule is a partition of the week into bands. Rows that run past midnight are cut there, so that a week is seven
civil days, each a list of (second of the day, band) without gap or overlap.
"""

from collections.abc import Iterable
from dataclasses import dataclass

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_SECONDS = 86_400
EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday."""


@dataclass(frozen=True, slots=True)
class BandRow:
    """One row of a schedule as declared: a band on certain weekdays between two times of day."""

    band: str
    days: tuple[int, ...]
    """Weekdays on which the row starts, 0 = Monday."""
    start: int
    """Second of the day."""
    end: int
    """Second of the day, up to 86,400; at or before `start`: on the next day."""


DayPlan = tuple[tuple[int, str], ...]
"""(second of the day at which it starts, band), in order, the first at 0."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A partition of the week into bands."""

    id: str
    week: tuple[DayPlan, ...]
    """Seven day plans, Monday first."""

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands' names, in order of their first appearance in the week."""
        return tuple(dict.fromkeys(band for plan in self.week for _, band in plan))

    def day_plan(self, day: int) -> DayPlan:
        """The plan of a civil day, counted from 1970-01-01."""
        return self.week[(day + EPOCH_WEEKDAY) % 7]


@dataclass(frozen=True, slots=True)
class Clash:
    """A stretch of the week that no row or more than one row covers."""

    day: int
    start: int
    end: int
    rows: tuple[int, ...]
    """Indexes of the rows that claim it: none for a gap."""

    def __str__(self) -> str:
        what = f"rows {' and '.join(str(row) for row in self.rows)} overlap" if self.rows else "no row covers"
        return f"{what} {DAYS[self.day]} {clock(self.start)}-{clock(self.end)}"


def clock(second: int) -> str:
    """A second of the day as people write it."""
    hours, rest = divmod(second, 3600)
    text = f"{hours:02d}:{rest // 60:02d}"
    return f"{text}:{rest % 60:02d}" if rest % 60 else text


def build_schedule(schedule_id: str, rows: Iterable[BandRow]) -> tuple[Schedule, list[Clash]]:
    """The schedule that the rows make, and every gap and overlap; the schedule is sound when there is none."""
    rows = tuple(rows)
    spans: list[list[tuple[int, int, int]]] = [[] for _ in DAYS]
    for index, row in enumerate(rows):
        for day in row.days:
            for on_day, start, end in _civil_days(day, row):
                spans[on_day].append((start, end, index))
    clashes = [clash for day in range(7) for clash in _clashes(day, spans[day])]
    week = tuple(_day_plan(sorted(day_spans), rows) for day_spans in spans)
    return Schedule(schedule_id, week), clashes


def _civil_days(day: int, row: BandRow) -> list[tuple[int, int, int]]:
    if row.end > row.start:
        return [(day, row.start, row.end)]
    parts = [(day, row.start, DAY_SECONDS), ((day + 1) % 7, 0, row.end)]
    return [part for part in parts if part[1] < part[2]]


def _clashes(day: int, spans: list[tuple[int, int, int]]) -> list[Clash]:
    edges = sorted({0, DAY_SECONDS, *(edge for start, end, _ in spans for edge in (start, end))})
    clashes: list[Clash] = []
    for start, end in zip(edges, edges[1:], strict=False):
        rows = tuple(index for low, high, index in spans if low <= start and end <= high)
        if len(rows) == 1:
            continue
        last = clashes[-1] if clashes else None
        if last and last.end == start and last.rows == rows:
            clashes[-1] = Clash(day, last.start, end, rows)
        else:
            clashes.append(Clash(day, start, end, rows))
    return clashes


def _day_plan(spans: list[tuple[int, int, int]], rows: tuple[BandRow, ...]) -> DayPlan:
    plan: list[tuple[int, str]] = []
    for start, _, index in spans:
        if not plan or plan[-1][1] != rows[index].band:
            plan.append((start, rows[index].band))
    return tuple(plan)
