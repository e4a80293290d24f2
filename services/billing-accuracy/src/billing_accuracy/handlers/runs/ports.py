"""What do the use cases on whole bill runs need from the outside?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from billing_accuracy.domain.runs.exposure import BillingCause, Exposure, Place
from billing_accuracy.domain.runs.overlaps import BilledTime
from billing_accuracy.domain.runs.systematic import SystematicError


@dataclass(frozen=True, slots=True)
class StreamPlace:
    """Where in a stream of bills a batch ends."""

    stream_id: str
    position: int


@dataclass(frozen=True, slots=True)
class StreamProgress:
    """How far a stream has come."""

    stream_id: str
    position: int
    time: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """What bills that were checked add to the progress of a run, of one plan and region."""

    bills: int
    lines: int
    records: int


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run has come."""

    checked: int
    rejected: int
    lines: int
    records: int
    first_time: datetime | None
    last_time: datetime | None
    streams: Sequence[StreamProgress]


@dataclass(frozen=True, slots=True)
class RejectedBill:
    """A bill that couldn't be checked."""

    name: str
    """As it came."""
    reason: str
    field: str
    description: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Affected:
    """How many bills of a plan a cause has, in all regions."""

    checked: int
    exposure: Exposure


class RunReports(Protocol):
    """What is kept of runs as a whole."""

    async def lock(self, bill_run_id: str) -> None:
        """Whoever keeps checks of the same run waits until this unit of work ends."""

    async def billed_times(
        self, bill_run_id: str, subscriptions: Collection[str], without: Collection[str]
    ) -> Sequence[BilledTime]:
        """The times of bills of these subscriptions in the run, but of bills with these ids."""

    async def add(
        self,
        bill_run_id: str,
        batches: Mapping[tuple[str, str], Batch],
        exposures: Mapping[Place, Exposure],
        now: datetime,
    ) -> None:
        """Add up what was found; batches by plan and region."""

    async def affected(self, bill_run_id: str, causes: Collection[BillingCause]) -> Mapping[BillingCause, Affected]:
        """How often these causes were found so far."""

    async def add_systematic(self, bill_run_id: str, errors: Sequence[SystematicError]) -> Collection[BillingCause]:
        """Keep those that are new; the causes of these."""

    async def reach(self, bill_run_id: str, place: StreamPlace, now: datetime) -> None:
        """Everything up to there is durable, with this unit of work."""

    async def reject(self, bill_run_id: str, bills: Sequence[RejectedBill]) -> None:
        """Note that these couldn't be checked; a name that came before is noted anew."""

    async def accept(self, bill_run_id: str, names: Collection[str]) -> None:
        """These were checked after all."""

    async def progress(self, bill_run_id: str) -> RunProgress:
        """How far a run has come."""

    async def exposures(self, bill_run_id: str) -> Mapping[Place, Exposure]:
        """Everything that was found."""

    async def systematic(self, bill_run_id: str) -> Sequence[SystematicError]:
        """In the order in which they were found."""

    async def rejected(self, bill_run_id: str, after: str, size: int) -> Sequence[RejectedBill]:
        """The first `size` by name that come after `after`."""
