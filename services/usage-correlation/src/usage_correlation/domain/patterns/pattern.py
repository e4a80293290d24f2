"""What does a pattern say?"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from usage_correlation.domain.patterns.conditions import Expression
from usage_correlation.domain.patterns.event_types import EventType
from usage_correlation.domain.signals import SignalKind

SECOND: Final = 1_000_000
HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR
_LONGEST: Final[Mapping[str, int]] = {"day": 25 * HOUR, "week": 7 * DAY + HOUR, "month": 32 * DAY, "cycle": 32 * DAY}
_OF_CUSTOMER: Final = frozenset(("subscriber.region", "subscriber.life_cycle"))
ANY_GROUP: Final = "\x1e"
"""The group of events whose type lacks the group's fields: they belong to every group."""


@dataclass(frozen=True, slots=True)
class Period:
    """How time is cut: in the customer's calendar, or every so many microseconds since 1970."""

    calendar: str
    """day, week, month, cycle; empty for a fixed length."""
    micros: int

    @property
    def longest(self) -> int:
        """At most so many microseconds."""
        return _LONGEST.get(self.calendar, self.micros)


@dataclass(frozen=True, slots=True)
class EventClass:
    """One of the events that a pattern looks at."""

    name: str
    type: EventType
    where: Expression | None
    """None: all of the type."""


@dataclass(frozen=True, slots=True)
class Join:
    """An event counts only if another is near, or only if none is."""

    event: int
    """Which of the pattern's classes counts."""
    other: int
    """Which must be near."""
    on: str
    """cell, area, place; empty when the same subscriber is enough."""
    before: int
    after: int
    absent: bool


class Function(StrEnum):
    """What a measure makes of the events' values."""

    COUNT = "count"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    DISTINCT = "distinct"


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured of a class of events."""

    function: Function
    value: Expression | None
    """None for counts."""


class Test(StrEnum):
    """How a value is compared with a threshold."""

    AT_LEAST = "at_least"
    ABOVE = "above"
    AT_MOST = "at_most"
    BELOW = "below"

    @property
    def upward(self) -> bool:
        """Whether growing can only help."""
        return self in (Test.AT_LEAST, Test.ABOVE)


@dataclass(frozen=True, slots=True)
class Window:
    """A measure over a stretch of time."""

    event: int
    measure: Measure
    test: Test
    threshold: float
    least_count: int
    sliding: int
    """Microseconds up to each event; 0: it tumbles."""
    every: Period | None
    """The period that tumbles, or the step by which the window slides; None: it slides by events."""


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a sequence."""

    event: int
    absent: bool
    count: int
    within: int
    """The events of the step, in microseconds; 0: as long as the sequence."""
    after: int
    """At most so long after the step before; 0: as long as the sequence. Of an absence at the end: so long."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """Steps one after the other."""

    within: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Absence:
    """Silence where there was none."""

    event: int
    silent: int
    days: int
    least_days: int
    least_events: int


@dataclass(frozen=True, slots=True)
class Change:
    """A period against those before it."""

    event: int
    every: Period
    measure: Measure
    periods: int
    same_weekday: bool
    least_periods: int
    upward: bool
    sigmas: float | None
    ratio: float | None
    least: float


What = Window | Sequence | Absence | Change


@dataclass(frozen=True, slots=True)
class Raises:
    """The signal."""

    kind: SignalKind
    labels: tuple[tuple[str, Expression], ...]
    measures: tuple[tuple[str, Expression], ...]
    severity: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A document that was read."""

    name: str
    subscribers: Expression | None
    classes: tuple[EventClass, ...]
    group_by: tuple[str, ...]
    joins: tuple[Join, ...]
    what: What
    raises: Raises
    once_per: Period | None
    """None: once for each window, silence or changed period."""
    lateness: int
    settled: bool
    """Raised when nothing earlier is to be expected, instead of at once."""
    state_digest: str
    """Of all that decides what is counted: as long as it stays, so does what was counted."""

    @property
    def in_periods(self) -> bool:
        """Whether sums by period are kept; else the events themselves are."""
        if isinstance(self.what, Window):
            return self.what.every is not None
        return isinstance(self.what, Absence | Change)

    @property
    def period(self) -> Period:
        """By which sums are kept."""
        if isinstance(self.what, Window | Change) and self.what.every is not None:
            return self.what.every
        return Period("day", 0)

    @property
    def measured(self) -> tuple[int, Measure]:
        """Which class is measured, and how; of absences, counted."""
        if isinstance(self.what, Window | Change):
            return self.what.event, self.what.measure
        event = self.what.event if isinstance(self.what, Absence) else 0
        return event, Measure(Function.COUNT, None)

    @property
    def horizon(self) -> int:
        """How far back, in microseconds, an event can matter to what happens now."""
        near = max((max(join.before, join.after) for join in self.joins), default=0)
        match self.what:
            case Window():
                return self.what.sliding + (self.what.every.longest if self.what.every else 0) + near
            case Sequence():
                return self.what.within + self.what.steps[-1].after + near
            case Absence():
                return self.what.silent + (self.what.days + 1) * DAY
            case Change():
                step = 7 * DAY + HOUR if self.what.same_weekday else self.what.every.longest
                return (self.what.periods + 2) * step + self.lateness
        raise TypeError(f"a pattern of {type(self.what).__name__}")

    @property
    def needs_customer(self) -> bool:
        """Whether the customer must be known: for what the customer is like, and the consent to the use of places."""
        places = {name for each in self.classes for name, field in each.type.fields.items() if field.place}
        used = set(self.group_by)
        for expression in (
            self.subscribers,
            self.measured[1].value,
            *(each.where for each in self.classes),
            *(each for _, each in self.raises.labels),
        ):
            used |= expression.tree.variables if expression is not None else set()
        return bool(self.joins) or not used.isdisjoint(places | _OF_CUSTOMER)

    @property
    def slow_conditions(self) -> tuple[str, ...]:
        """Those that are looked at row by row."""
        found = [self.subscribers, *(each.where for each in self.classes), self.measured[1].value]
        return tuple(each.text for each in found if each is not None and each.work is None and not _is_text(each))


def _is_text(expression: Expression) -> bool:
    return expression.type == "STRING"
