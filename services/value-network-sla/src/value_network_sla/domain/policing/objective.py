"""What is promised of a partner's service, by what is it told, and which revision of the promise holds when?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final

from value_network_sla.domain.credits import CreditTerms
from value_network_sla.domain.policing.budget import Budgeting, Target
from value_network_sla.domain.policing.burn import DEFAULT_CONDITIONS, BurnCondition
from value_network_sla.domain.policing.exclusions import Exclusion
from value_network_sla.domain.policing.windows import MINUTE, CalendarWindow, Window, slice_start

LATENCY: Final = "latency_ms"
"""Of a visit, by traces; of a probe, by measurements."""
SUCCESSES: Final = "successes"
ERRORS: Final = "errors"
VISITS: Final = "visits"
TRACE_METRICS: Final = (LATENCY, SUCCESSES, ERRORS, VISITS)
"""What traces tell of a visit."""


class Source(StrEnum):
    """Where the events come from."""

    TRACES = "traces"
    """Visits in closed sessions."""
    MEASUREMENTS = "measurements"
    """What was recorded by RecordMeasurements."""


class Role(StrEnum):
    """What a value of a series means for the objective."""

    THRESHOLD = "THRESHOLD"
    """It is an event, good when it compares well with the bound."""
    GOOD = "GOOD"
    """So many good events."""
    BAD = "BAD"
    """So many bad events."""
    TOTAL = "TOTAL"
    """So many events."""
    RAW_SUCCESS = "RAW_SUCCESS"
    """It is an event, good to this share."""
    RAW_FAILURE = "RAW_FAILURE"
    """It is an event, bad to this share."""


class Op(StrEnum):
    """How a value has to compare with the bound to be good."""

    LTE = "lte"
    GTE = "gte"
    LT = "lt"
    GT = "gt"

    def holds(self, value: Fraction, bound: Fraction) -> bool:
        """Whether the value is good."""
        if self is Op.LTE:
            return value <= bound
        if self is Op.GTE:
            return value >= bound
        return value < bound if self is Op.LT else value > bound


@dataclass(frozen=True, slots=True)
class Input:
    """One series that the objective reads."""

    role: Role
    metric: str


@dataclass(frozen=True, slots=True)
class Indicator:
    """By what it is told how well an objective is kept."""

    name: str
    source: Source
    inputs: tuple[Input, ...]
    op: Op | None = None
    """With the bound, of a THRESHOLD alone."""
    bound: Fraction | None = None
    operation: str = ""
    """Of traces: the operation visited; empty means any."""
    resource: str = ""
    """Of measurements: the line, site or the like; empty means any."""

    @property
    def metrics(self) -> Sequence[str]:
        """The names of the series."""
        return tuple(each.metric for each in self.inputs)


@dataclass(frozen=True, slots=True)
class AgreementTerms:
    """What an agreement says beside its objectives."""

    name: str
    """`terms/{terms}`."""
    credits: CreditTerms
    exclusions: tuple[Exclusion, ...] = ()
    """Those that are known beforehand."""


@dataclass(frozen=True, slots=True)
class Objective:
    """One revision of a promise."""

    name: str
    """`objectives/{objective}`."""
    revision: int
    """From 1."""
    partner: str
    """`partners/{partner}`."""
    service: str
    """The service to customers, e.g. "iptv"."""
    display_name: str
    description: str
    indicator: Indicator
    target: Target
    window: Window
    slice: timedelta
    """Length of a slice; a minute by Occurrences."""
    effective_time: datetime
    """From when on it holds."""
    create_time: datetime
    conditions: tuple[BurnCondition, ...] = DEFAULT_CONDITIONS
    terms: AgreementTerms | None = None
    minimum_sample: int = 0
    """With fewer events a window is not judged."""

    @property
    def key(self) -> str:
        """`objectives/{objective}/revisions/{revision}`."""
        return f"{self.name}/revisions/{self.revision}"

    @property
    def exclusions(self) -> Sequence[Exclusion]:
        """Those of its terms."""
        return () if self.terms is None else self.terms.exclusions

    def slice_of(self, moment: datetime) -> datetime:
        """Start of the slice that a moment falls into."""
        return slice_start(self.window, self.grain, moment)

    @property
    def window_length(self) -> timedelta:
        """How long its window is, a month having 30 days: to choose how often to look, never to judge by."""
        return self.window.duration.about if isinstance(self.window, CalendarWindow) else self.window.duration

    @property
    def grain(self) -> timedelta:
        """How finely events are put together before they are judged."""
        return MINUTE if self.target.method is Budgeting.OCCURRENCES else self.slice

    def holds_at(self, moment: datetime) -> bool:
        """Whether it is in effect; that of a calendar window only from the start of a period on."""
        if isinstance(self.window, CalendarWindow):
            return self.effective_time <= self.window.at(moment).start
        return self.effective_time <= moment


@dataclass(frozen=True, slots=True)
class ObjectiveBook:
    """All revisions of all objectives, asked by time and by what was seen."""

    objectives: Sequence[Objective]
    _revisions: Mapping[str, Sequence[Objective]] = field(init=False, repr=False, compare=False)
    _by_visit: Mapping[tuple[str, str], Sequence[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Of revisions that take effect at the same moment the one made later holds."""
        revisions: dict[str, list[Objective]] = {}
        for objective in sorted(self.objectives, key=lambda each: (each.effective_time, each.revision)):
            revisions.setdefault(objective.name, []).append(objective)
        by_visit: dict[tuple[str, str], dict[str, None]] = {}
        for each in self.objectives:
            if each.indicator.source is Source.TRACES:
                by_visit.setdefault((each.service, each.partner), {})[each.name] = None
        object.__setattr__(self, "_revisions", revisions)
        object.__setattr__(self, "_by_visit", {key: tuple(names) for key, names in by_visit.items()})

    @property
    def names(self) -> Sequence[str]:
        """Of objectives, whatever their revision."""
        return tuple(self._revisions)

    def revisions(self, name: str) -> Sequence[Objective]:
        """By the time that they take effect; none when there is no such objective."""
        return self._revisions.get(name, ())

    def at(self, name: str, moment: datetime) -> Objective | None:
        """The revision in effect at a moment; None before the first.

        A revision never splits a calendar period: one that takes effect within a period holds from the next on. The
        first of all holds at once, for there is nothing else, and its first period begins late.
        """
        for objective in reversed(self.revisions(name)):
            if objective.holds_at(moment):
                return objective
        first = next(iter(self.revisions(name)), None)
        return first if first is not None and first.effective_time <= moment else None

    def by_visit(self, service: str, partner: str) -> Sequence[str]:
        """Names of the objectives that have a revision told by visits to this partner in this service."""
        return self._by_visit.get((service, partner), ())


def book_of(objectives: Iterable[Objective]) -> ObjectiveBook:
    """The book of these."""
    return ObjectiveBook(tuple(objectives))
