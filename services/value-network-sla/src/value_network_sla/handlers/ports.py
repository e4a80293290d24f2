"""What do the use cases need from the outside?"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from apportioning.assembly import Assembly
from value_network_sla.domain.agreement import Agreement, AgreementBook
from value_network_sla.domain.attainment import Attainment
from value_network_sla.domain.breach import Breach, Causes
from value_network_sla.domain.contribution import Contribution, WindowChange, WindowKey
from value_network_sla.domain.evidence_rule import KEEP_ALL, EvidenceRule
from value_network_sla.domain.partner import Partner
from value_network_sla.domain.session import Session
from value_network_sla.handlers.kept import Chunk, KeptSession, KeptTrace
from value_network_sla.handlers.pinpointing.ports import PathRuleRecords, UsualCallRecords
from value_network_sla.handlers.policing.ports import ObjectiveParts
from value_network_sla.handlers.sender_token_records import SenderTokens
from value_network_sla.handlers.settlement.ports import SettlementRecords

R = TypeVar("R")


class Partners(Protocol):
    """Partners as they are kept."""

    async def add(self, partner: Partner) -> Partner:
        """Keep a new one, or give the one that is the same but for its time; raises AlreadyExists."""

    async def get(self, name: str, *, lock: bool = False) -> Partner:
        """Raises PartnerNotFound; with `lock`, nobody else changes it until this unit of work ends."""

    async def save(self, partner: Partner) -> None:
        """Write a changed one; it must be locked."""

    async def page(self, only: str | None, after: str, size: int) -> Sequence[Partner]:
        """The first `size` whose name comes after `after`, by name; of them only the one named `only`, if given."""


class Agreements(Protocol):
    """Agreements as they are kept."""

    async def add(self, agreement: Agreement) -> Agreement:
        """Keep a new one, or give the one that is the same but for its time; raises AlreadyExists."""

    async def get(self, name: str) -> Agreement:
        """Raises AgreementNotFound."""

    async def book(self) -> AgreementBook:
        """All of them."""

    async def page(self, partner: str | None, after: str, size: int) -> Sequence[Agreement]:
        """The first `size` whose name comes after `after`, by name; of one partner, or of all."""


class Traces(Protocol):
    """Spans as they are kept, and which traces are waiting to be closed."""

    async def add(self, chunks: Sequence[Chunk], now: datetime) -> None:
        """Keep the spans, and open their traces."""

    async def take_quiet(self, quiet_since: datetime, open_since: datetime, traces: int) -> Sequence[bytes]:
        """Trace ids, at most so many, longest quiet first, that nobody else has taken: without a new span since
        `quiet_since`, or open since `open_since`. They are closed when this unit of work commits.
        """

    async def sizes(self, trace_ids: Collection[bytes]) -> Mapping[bytes, int]:
        """How many spans `spans_of` would read of each, at most."""

    async def spans_of(self, trace_ids: Collection[bytes]) -> Mapping[bytes, Assembly]:
        """The spans of the traces, of giant ones as many as are read of one."""

    async def get(self, trace_id: bytes) -> KeptTrace:
        """The spans of a trace by start; raises TraceNotFound."""


class Sessions(Protocol):
    """Closed sessions as they are kept."""

    async def put(self, sessions: Sequence[Session], now: datetime, evidence: EvidenceRule = KEEP_ALL) -> None:
        """Keep them, in place of what was known of the same ones; `evidence` says whose spans may go early."""

    async def remove(self, trace_ids: Collection[bytes]) -> Collection[bytes]:
        """Forget the sessions that these traces were; those that were one."""

    async def closed_before(self, trace_ids: Collection[bytes], moment: datetime, now: datetime) -> Collection[bytes]:
        """Those of the sessions that stay as they are: closed for the first time before then, or their spans go."""

    async def get(self, trace_id: bytes) -> KeptSession:
        """Raises SessionNotFound."""

    async def page(
        self,
        *,
        service: str | None,
        start_ns: int | None,
        end_ns: int | None,
        late_only: bool,
        before: tuple[int, bytes] | None,
        size: int,
    ) -> Sequence[KeptSession]:
        """The latest `size` that come before `before` (start and trace id), latest first, within [start, end)."""


@dataclass(frozen=True, slots=True)
class WindowState:
    """What is known of a window."""

    attainment: Attainment
    previous_visits: int
    """In the window before."""
    announced: bool
    """Whether a breach was announced, and not withdrawn."""
    settled: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """A customer whose session was late, or failed, because of visits of a window."""

    window: WindowKey
    customer: str
    start_ns: int
    """When the session began."""


class Windows(Protocol):
    """Counts of agreements' windows, and what each session put into them."""

    async def replace(
        self, sessions: Sequence[tuple[Session, Sequence[Contribution]]], gone: Collection[bytes] = ()
    ) -> Mapping[bytes, Sequence[Contribution]]:
        """Keep the contributions of sessions, and none of the traces `gone`; by trace id, what was there before."""

    async def change(self, changes: Sequence[WindowChange]) -> None:
        """Add to the counts. Until this unit of work ends, nobody else changes these windows."""

    async def states(self, windows: Collection[WindowKey], book: AgreementBook) -> Sequence[WindowState]:
        """Of the windows that have had visits."""

    async def open_windows(self) -> Sequence[WindowKey]:
        """All that are not settled yet."""

    async def lock(self, windows: Collection[WindowKey]) -> None:
        """Nobody else changes these windows until this unit of work ends."""

    async def settle(self, windows: Collection[WindowKey]) -> None:
        """Mark them as over and judged."""

    async def page(self, agreement: Agreement, before: datetime | None, size: int) -> Sequence[Attainment]:
        """The latest `size` windows that begin before `before`, latest first."""


class Breaches(Protocol):
    """Breaches as they are kept."""

    async def add(self, attainments: Sequence[Attainment], now: datetime) -> None:
        """Keep breaches that became certain, in place of withdrawn ones."""

    async def withdraw(self, windows: Collection[WindowKey], now: datetime) -> None:
        """Mark them as withdrawn: they are not read any more."""

    async def note_all_hit(self, windows: Collection[WindowKey]) -> Sequence[Hit]:
        """Note every customer hit in these windows so far; those that were not noted before."""

    async def note_hit(self, hits: Sequence[Hit]) -> Sequence[Hit]:
        """Note these; those that were not noted before."""

    async def of_windows(self, windows: Collection[WindowKey], book: AgreementBook) -> Sequence[Breach]:
        """The breaches of these windows."""

    async def get(self, name: str) -> Breach:
        """Raises BreachNotFound."""

    async def page(self, partner: str | None, before: tuple[datetime, str] | None, size: int) -> Sequence[Breach]:
        """The latest `size` that come before `before` (detect time and name), latest first; of one partner, or all."""

    async def with_causes(self, names: Sequence[str], book: AgreementBook) -> Sequence[tuple[Breach, Causes]]:
        """Breaches of these names, by window, with all that is known of their causes."""

    async def of_customer(self, customer: str, since: datetime) -> Sequence[Breach]:
        """Those detected since then that hit the customer, latest first."""


class Announcements(Protocol):
    """What the others are told, once the unit of work is committed."""

    def breach_detected(self, breach: Breach) -> None:
        """A breach became certain."""

    def customers_affected(self, breach: Breach, hits: Sequence[Hit]) -> None:
        """These customers, few enough for one notice, were hit by it."""


@dataclass(frozen=True, slots=True)
class Records:
    """All that is kept, as one transaction sees it."""

    partners: Partners
    agreements: Agreements
    traces: Traces
    sessions: Sessions
    windows: Windows
    breaches: Breaches
    path_rules: PathRuleRecords
    usual_calls: UsualCallRecords
    sender_tokens: SenderTokens
    settlement: SettlementRecords
    objective_parts: ObjectiveParts


@dataclass(frozen=True, slots=True)
class Work:
    """One change: what it sees and writes, whom it tells, when it happens."""

    records: Records
    announce: Announcements
    now: datetime


class Transactions(Protocol):
    """Where changes are made that no idempotent call asked for."""

    async def change(self, make: Callable[[Work], Awaitable[R]]) -> R:
        """Do `make` in one transaction, again from the start when the database breaks it off for a conflict."""
