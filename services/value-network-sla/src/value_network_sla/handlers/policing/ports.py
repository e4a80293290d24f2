"""What do the use cases of policing need from the outside?"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, TypeVar

from value_network_sla.domain.partner import Partner
from value_network_sla.domain.policing.alert import Alert, Proof
from value_network_sla.domain.policing.budget import Tally
from value_network_sla.domain.policing.burn import AlertState
from value_network_sla.domain.policing.exclusions import DeclaredExclusion, Stretch
from value_network_sla.domain.policing.measurement import Measurement
from value_network_sla.domain.policing.objective import Objective, ObjectiveBook
from value_network_sla.domain.policing.parts import ObjectivePart
from value_network_sla.domain.policing.series import Series
from value_network_sla.domain.policing.violation import Violation
from value_network_sla.domain.policing.windows import Period
from value_network_sla.domain.session import Session

R = TypeVar("R")


class Objectives(Protocol):
    """Revisions of objectives as they are kept."""

    async def lock(self) -> None:
        """Nobody else adds revisions until this unit of work ends."""

    async def book(self, names: Collection[str] | None = None) -> ObjectiveBook:
        """All revisions of these objectives, or of all."""

    async def add(self, objectives: Sequence[Objective]) -> None:
        """Keep new revisions, and have their objectives judged."""

    async def names(self, partner: str | None, after: str, size: int) -> Sequence[str]:
        """The first `size` names after `after`, in order; of one partner's, or of all."""


class Exclusions(Protocol):
    """Declared exclusions as they are kept."""

    async def add(self, exclusion: DeclaredExclusion) -> DeclaredExclusion:
        """Keep a new one, or give the one that is the same but for its time; raises AlreadyExists."""

    async def remove(self, name: str) -> DeclaredExclusion:
        """Raises ExclusionNotFound."""

    async def of(self, partners: Collection[str]) -> Sequence[DeclaredExclusion]:
        """All that are about these partners."""

    async def page(self, partner: str | None, after: str, size: int) -> Sequence[DeclaredExclusion]:
        """The first `size` whose name comes after `after`, by name; of one partner, or of all."""


RevisionKey = tuple[str, int]
"""Name of an objective and number of its revision."""


class Mark(NamedTuple):
    """A minute of an objective that is to be counted anew."""

    objective: str
    minute: datetime


class Due(NamedTuple):
    """An objective that is to be judged."""

    objective: str
    judged_until: datetime
    """End of the periods that are judged already."""


class Judged(NamedTuple):
    """An objective that was judged."""

    objective: str
    judged_until: datetime
    """As above."""
    due: datetime
    """When it has to be looked at again, if nothing comes in before."""


class Range(NamedTuple):
    """A stretch of time of a revision, from the start of a slice to the start of another."""

    objective: Objective
    period: Period


class Counts(Protocol):
    """Events by minute and hour, and what is to be counted anew."""

    async def take_due(self, now: datetime, size: int) -> Sequence[Due]:
        """Objectives with marks, or whose time has come, that nobody else judges until this unit of work ends."""

    async def take_marks(self, objectives: Collection[str], size: int) -> Sequence[Mark]:
        """At most so many marks of these objectives, taken away, each once."""

    async def mark_measured(self, objectives: Sequence[Objective], within: Period | None) -> None:
        """Have the minutes counted anew in which something was measured that tells of these, from when they hold on."""

    async def mark_visited(self, objectives: Collection[str], within: Period) -> None:
        """Have the minutes counted anew in which there were visits that tell of these."""

    async def recount(
        self, marks: Sequence[Mark], book: ObjectiveBook, excluded: Mapping[RevisionKey, Sequence[Stretch]]
    ) -> None:
        """Count the minutes anew from what was measured and visited, but for what is excluded."""

    async def tallies(self, ranges: Sequence[Range]) -> Sequence[Tally]:
        """One for each range."""

    async def done(self, judged: Sequence[Judged]) -> None:
        """Note how far objectives are judged, and when they have to be looked at again."""

    async def proof(self, objective: Objective, period: Period, excluded: Sequence[Stretch]) -> Proof:
        """What shows bad events of the stretch."""


class ObjectiveParts(Protocol):
    """What sessions put into objectives, so that it can be replaced."""

    async def version(self) -> str:
        """Another one whenever a revision of an objective that is told by traces is added or goes."""

    async def book(self) -> ObjectiveBook:
        """The objectives that are told by traces."""

    async def replace(
        self, sessions: Sequence[tuple[Session, Sequence[ObjectivePart]]], gone: Collection[bytes] = ()
    ) -> None:
        """Keep the parts of these sessions, in place of those before, and none of the traces `gone`."""


class Violations(Protocol):
    """Objectives missed for certain, as they are kept."""

    async def since(self, objectives: Collection[str], moment: datetime, book: ObjectiveBook) -> Sequence[Violation]:
        """Those that are not withdrawn: of periods that end after a moment, and of rolling windows those that go on."""

    async def add(self, violation: Violation) -> None:
        """Keep one, in place of a withdrawn one of the same window."""

    async def end(self, name: str, now: datetime) -> None:
        """A rolling window is kept again."""

    async def withdraw(self, name: str, now: datetime) -> None:
        """It is none after all: not read any more."""

    async def page(self, partner: str | None, before: tuple[datetime, str] | None, size: int) -> Sequence[Violation]:
        """The latest `size` before `before` (detect time and name), latest first; of one partner, or of all."""


class Alerts(Protocol):
    """Alerts as they are kept, and the changes that watchers are told of."""

    async def open(self, objectives: Collection[str]) -> Sequence[Alert]:
        """Those of these objectives that wait or fire."""

    async def put(self, alert: Alert) -> None:
        """Keep an alert as it is now; unless it waits, watchers are told."""

    async def forget(self, name: str) -> None:
        """An alert that never fired."""

    async def get(self, name: str) -> Alert:
        """Raises AlertNotFound, also for one that only waits."""

    async def page(
        self, partner: str | None, state: AlertState | None, before: tuple[datetime, str] | None, size: int
    ) -> Sequence[Alert]:
        """The latest `size` before `before` (fire time and name), latest first."""


class AlertLog(Protocol):
    """Changes of alerts in the order of their commit."""

    async def last_position(self) -> int:
        """Of the latest change; 0 before the first."""

    async def after(self, position: int, size: int) -> Sequence[tuple[int, Alert]]:
        """The first `size` changes after a position."""


class Stored(NamedTuple):
    """What became of measurements."""

    accepted: Sequence[Measurement]
    duplicates: int
    conflicting: Sequence[Measurement]
    """Of an id that is there with other content."""


class Measurements(Protocol):
    """Measurements as they are kept."""

    async def add(self, measurements: Sequence[Measurement], now: datetime) -> Stored:
        """Keep those that are new and have objectives count them."""

    async def series(
        self, partner: str, service: str, resource: str, metric: str, within: tuple[datetime | None, datetime | None]
    ) -> Series:
        """One series, in order of time; raises InvalidValue when it is too long to be looked at."""


class PartnerNames(Protocol):
    """Whether partners are there."""

    async def get(self, name: str) -> Partner:
        """Raises PartnerNotFound."""


class Tell(Protocol):
    """What the others are told, once the unit of work is committed."""

    def alert_changed(self, alert: Alert) -> None:
        """An alert fired or is over."""

    def objective_missed(self, violation: Violation) -> None:
        """It became certain that an objective is missed."""


@dataclass(frozen=True, slots=True)
class PolicingRecords:
    """All that policing keeps, as one transaction sees it."""

    partners: PartnerNames
    objectives: Objectives
    exclusions: Exclusions
    counts: Counts
    violations: Violations
    alerts: Alerts
    measurements: Measurements


@dataclass(frozen=True, slots=True)
class PolicingWork:
    """One change: what it sees and writes, whom it tells, when it happens."""

    records: PolicingRecords
    tell: Tell
    now: datetime


class PolicingTransactions(Protocol):
    """Where changes are made that no idempotent call asked for."""

    async def change(self, make: Callable[[PolicingWork], Awaitable[R]]) -> R:
        """Do `make` in one transaction, again from the start when the database breaks it off for a conflict."""


@dataclass(frozen=True, slots=True)
class Settling:
    """When windows are over for good."""

    after: timedelta
    """So long after the end of a period its late events are in."""
