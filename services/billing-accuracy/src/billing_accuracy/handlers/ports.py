"""What do the use cases keep, tell and count?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Protocol

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.disputes.dispute import Dispute, DisputeState
from billing_accuracy.domain.entries import AccountEntry
from billing_accuracy.domain.findings import CorrectionLine, Finding, FindingClass, HoldState, Release, Verdict
from billing_accuracy.domain.quotes import Quote
from billing_accuracy.domain.runs.systematic import SystematicError
from billing_accuracy.domain.usage import Balance
from billing_accuracy.handlers.runs.ports import RunReports


@dataclass(frozen=True, slots=True)
class BillRun:
    """A set of bills that go out together."""

    bill_run_id: str
    display_name: str
    currency: str
    create_time: datetime


@dataclass(frozen=True, slots=True)
class RunReport:
    """What was found in a bill run so far."""

    bills: int
    lines: int
    records: int
    verdicts: Mapping[Verdict, int]
    findings: Mapping[FindingClass, tuple[int, Fraction]]
    """How many, and their differences summed."""


@dataclass(frozen=True, slots=True)
class BillCheck:
    """The check of one bill, as it is kept."""

    bill_run_id: str
    bill_id: str
    digest: bytes
    """Of the bill's content."""
    subscription: str
    customer: str
    plan: str
    start: datetime
    end: datetime
    currency: str
    billed_total: Fraction
    expected_total: Fraction
    verdict: Verdict
    hold_state: HoldState
    findings: tuple[Finding, ...]
    correction: tuple[CorrectionLine, ...]
    line_count: int
    record_count: int
    check_time: datetime
    release: Release | None = None
    amount_due: Fraction | None = None
    """As the bill states it; None when it doesn't."""
    region: str = ""
    """The customer's IANA time zone."""

    @property
    def bill_check_id(self) -> str:
        """A bill is checked once per run."""
        return f"{self.bill_run_id}.{self.bill_id}"


@dataclass(frozen=True, slots=True)
class CheckFilter:
    """Which checks to list; what is empty or None doesn't matter."""

    bill_run_id: str = ""
    customer: str = ""
    verdict: Verdict | None = None
    hold_state: HoldState | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What is kept, as it is at one moment."""

    runs: "BillRuns"
    checks: "BillChecks"
    entries: "Entries"
    disputes: "Disputes"
    quotes: "Quotes"
    reports: RunReports


class BillRuns(Protocol):
    """Bill runs as they are kept."""

    async def add(self, run: BillRun) -> None:
        """Keep a new one; raises AlreadyExists."""

    async def get(self, bill_run_id: str) -> BillRun:
        """Raises BillRunNotFound."""

    async def page(self, before: tuple[datetime, str] | None, size: int) -> Sequence[BillRun]:
        """The newest `size` that come before `before`."""

    async def reports(self, bill_run_ids: Collection[str]) -> Mapping[str, RunReport]:
        """What was found in each."""


class BillChecks(Protocol):
    """Bill checks as they are kept."""

    async def get_many(self, bill_run_id: str, bill_ids: Collection[str]) -> Mapping[str, BillCheck]:
        """Those that exist, by bill."""

    async def add(self, checks: Sequence[BillCheck]) -> Collection[str]:
        """Keep new ones; the bills whose check is new. Those known, whatever their content, are left alone."""

    async def get(self, bill_check_id: str, *, lock: bool = False) -> BillCheck:
        """Raises BillCheckNotFound; with `lock`, nobody else changes it until this unit of work ends."""

    async def page(self, wanted: CheckFilter, after: tuple[str, str], size: int) -> Sequence[BillCheck]:
        """The first `size` by run and bill that come after `after`."""

    async def last_of(self, subscriptions: Collection[str]) -> Mapping[str, BillCheck]:
        """The newest check of each subscription that has one, without its findings."""

    async def before(self, check: BillCheck) -> BillCheck | None:
        """The newest check of a bill of the same subscription whose period ends where this one's begins."""

    async def save_release(self, check: BillCheck) -> None:
        """Write that it was released."""


EntryKey = tuple[str, str]
"""Source and id of an account entry."""


class Entries(Protocol):
    """Account entries as they are kept, and what is known of balances."""

    async def add(self, entries: Sequence[tuple[AccountEntry, bytes]]) -> Mapping[EntryKey, bytes]:
        """Keep those that are new, with digests of their content; the digests of those that were known, by key."""

    async def between(
        self, subscriptions: Collection[str], start: datetime, end: datetime
    ) -> Mapping[str, Sequence[AccountEntry]]:
        """Those that took effect in the interval, by subscription, in order of time."""

    async def page(
        self,
        subscription: str,
        interval: tuple[datetime | None, datetime | None],
        after: tuple[datetime, str, str] | None,
        size: int,
    ) -> Sequence[AccountEntry]:
        """The first `size` of one subscription in [start, end) that come after `after`, by time, source and id."""

    async def balances(self, bills: Sequence[Bill]) -> Mapping[str, Balance]:
        """What was owed at the start of each bill's period and paid in it, by bill; without those that nobody knows."""


class Quotes(Protocol):
    """What was promised, as it is kept."""

    async def add(self, quotes: Sequence[tuple[Quote, bytes]]) -> Mapping[EntryKey, bytes]:
        """Keep those that are new, with digests of their content; the digests of those that were known, by key."""

    async def latest(self, subscriptions: Collection[str]) -> Mapping[str, Quote]:
        """The newest of each subscription that has one."""

    async def of(self, subscription: str, size: int) -> Sequence[Quote]:
        """The newest `size` of one subscription."""


@dataclass(frozen=True, slots=True)
class DisputeFilter:
    """Which disputes to list; what is empty or None doesn't matter."""

    customer: str = ""
    bill_check_id: str = ""
    state: DisputeState | None = None


class Disputes(Protocol):
    """Disputes as they are kept."""

    async def add(self, dispute: Dispute) -> None:
        """Keep a new one; raises AlreadyExists."""

    async def get(self, dispute_id: str, *, lock: bool = False) -> Dispute:
        """Raises DisputeNotFound; with `lock`, nobody else changes it until this unit of work ends."""

    async def save(self, dispute: Dispute) -> None:
        """Write a changed one; it must be locked."""

    async def page(self, wanted: DisputeFilter, before: tuple[datetime, str] | None, size: int) -> Sequence[Dispute]:
        """The newest `size` that were opened before `before`."""

    async def of_bill(self, bill_check_id: str) -> Sequence[Dispute]:
        """All about one bill; from here on, others who open one about it wait until this unit of work ends."""

    async def of_subscription(self, subscription: str, size: int) -> Sequence[Dispute]:
        """The newest `size` of one subscription."""

    async def resolved_before(self, moment: datetime, size: int) -> Sequence[Dispute]:
        """Some that were resolved before a moment and not closed since, locked; those that others hold are left out."""


class Announcements(Protocol):
    """What the others are told, once the unit of work is committed."""

    def bill_held(self, check: BillCheck) -> None:
        """It was held."""

    def bill_released(self, check: BillCheck) -> None:
        """It was let go."""

    def systematic_error_found(self, run: BillRun, error: SystematicError) -> None:
        """So many bills of the run have it that it comes from the system."""


class Tally(Protocol):
    """What is counted."""

    def settled(self, dispute: Dispute) -> None:
        """A dispute was resolved."""

    def checked(self, checks: Sequence[BillCheck]) -> None:
        """Bills were checked for the first time."""


@dataclass(frozen=True, slots=True)
class Work:
    """One change: what it sees and writes, whom it tells, when it happens."""

    runs: BillRuns
    checks: BillChecks
    entries: Entries
    disputes: Disputes
    quotes: Quotes
    announce: Announcements
    now: datetime
    reports: RunReports
