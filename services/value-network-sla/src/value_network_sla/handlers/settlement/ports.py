"""What do settlements need from the outside?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from apportioning.evidence.canonical import Bundle
from value_network_sla.domain.network import NetworkBook, ProviderBudget, ValueNetwork
from value_network_sla.domain.settlement.audit import AuditEntry, Step
from value_network_sla.domain.settlement.contest import Contest
from value_network_sla.domain.settlement.income import Earned, Income
from value_network_sla.domain.settlement.statement import AgreementSummary, Item, Period, Statement


class Networks(Protocol):
    """Versions of value networks as they are kept."""

    async def add(self, network: ValueNetwork) -> ValueNetwork:
        """Keep a new one, or give the one that is the same but for its time; raises AlreadyExists."""

    async def get(self, name: str) -> ValueNetwork:
        """Raises ValueNetworkNotFound."""

    async def book(self) -> NetworkBook:
        """All of them."""

    async def page(self, service: str | None, after: str, size: int) -> Sequence[ValueNetwork]:
        """The first `size` whose name comes after `after`, by name; of one service, or of all."""

    async def learn(self, service: str, start_ns: int, end_ns: int, least: int) -> tuple[Sequence[ProviderBudget], int]:
        """Budgets by operation, from the sessions that began within [start, end); and from how many sessions."""


class Incomes(Protocol):
    """Income as it is kept."""

    async def add(self, incomes: Sequence[Income], now: datetime) -> Sequence[tuple[str, str]]:
        """Keep those that are new; (source, id) of these."""

    async def known(self, keys: Sequence[tuple[str, str]]) -> Sequence[Income]:
        """Those that are kept."""

    async def place(self, period: Period | None = None) -> None:
        """Note who took part in the sessions that earned something; of one period, or of all where it isn't known."""

    async def take_back(self, trace_ids: Collection[bytes]) -> None:
        """Nobody had a hand in what these traces earned: they are no sessions after all."""

    async def earned(self, period: Period) -> Sequence[Earned]:
        """The incomes that begin in a period, added up."""


class Statements(Protocol):
    """Statements as they are kept, and what they are worked out from."""

    async def lock(self, partner: str) -> None:
        """Nobody else settles with the partner until this unit of work ends."""

    async def add(self, statement: Statement) -> None:
        """Keep a new one, for good."""

    async def get(self, name: str) -> Statement:
        """Raises StatementNotFound."""

    async def overlapping(self, partner: str, period: Period) -> Sequence[Statement]:
        """Statements to a partner on periods that share a moment with this one, in the order of issue."""

    async def page(
        self, partner: str | None, after: tuple[str, datetime, int] | None, size: int
    ) -> Sequence[Statement]:
        """The first `size` after `after`: by partner, latest period first, latest first; of one partner, or of all."""

    async def unsettled_windows(self, agreements: Collection[str], period: Period) -> int:
        """How many windows of these agreements that begin in the period are not judged for good yet."""

    async def visits(self, period: Period) -> Mapping[str, int]:
        """By agreement: visits in windows that begin in the period."""

    async def breached(self, partner: str, agreements: Collection[str], period: Period) -> Sequence[str]:
        """Names of breaches in windows that begin in the period and may concern the partner, by window."""

    async def summaries(
        self, partner: str, objectives: Mapping[str, int], period: Period
    ) -> Sequence[AgreementSummary]:
        """How the partner's agreements, given with their objectives, were kept."""


class Contests(Protocol):
    """Contests as they are kept."""

    async def add(self, contest: Contest) -> None:
        """Keep a new one. Raises AlreadyExists, and ContestRefused while the line is contested already."""

    async def get(self, name: str, *, for_change: bool = False) -> Contest:
        """Raises ContestNotFound. `for_change`: nobody else changes it until this unit of work ends."""

    async def put(self, contest: Contest) -> None:
        """Keep what has become of it."""

    async def upheld(self, partner: str, period: Period) -> Sequence[Contest]:
        """Contests of the partner about this very period that were upheld, wholly or in part, by name."""

    async def settle(self, names: Sequence[str], statement: str) -> None:
        """Note which statement holds their adjustments, where none did yet."""

    async def page(self, partner: str | None, after: str, size: int, *, pending_only: bool) -> Sequence[Contest]:
        """The first `size` whose name comes after `after`, by name; of one partner, or of all."""


class Audit(Protocol):
    """The audit log."""

    async def enter(self, step: Step) -> AuditEntry:
        """Add a step after the last one of its partner."""

    async def page(self, partner: str, after: int, size: int) -> Sequence[AuditEntry]:
        """The first `size` after that number, oldest first."""


@dataclass(frozen=True, slots=True)
class KeptBundle:
    """A bundle, in full."""

    name: str
    """`evidence/{evidence}`."""
    parties: Sequence[str]
    """`partners/{partner}` of whom it concerns."""
    bundle: Bundle
    sampled: bool
    """It was kept as one of a share of all, and may be forgotten; money does not depend on it."""
    create_time: datetime


class EvidenceBundles(Protocol):
    """Bundles as they are kept."""

    async def put(self, bundles: Sequence[KeptBundle]) -> None:
        """Keep them, in place of earlier ones of the same names."""

    async def get(self, name: str) -> KeptBundle:
        """Raises EvidenceNotFound."""

    async def missing(self, since: datetime, after: bytes, most: int) -> Sequence[bytes]:
        """The first trace ids after `after`, at most so many, of sessions whose bundle is not kept for good, or is of
        before the session was closed anew: of those with a bad visit in a window in breach that costs money and began
        since then.
        """

    async def sessions_of(self, agreement: str, window_start: datetime) -> Sequence[str]:
        """Sessions with a bad visit in a window: `sessions/{session}`, in order."""

    async def purge(self, before: datetime) -> int:
        """Forget sampled bundles from before then; how many. What money depends on is kept for good."""


class Credits(Protocol):
    """What partners owe back of their fees."""

    async def items(self, partner: str, period: Period, now: datetime, claimed: Collection[str]) -> Sequence[Item]:
        """One for each objective and period of the objective that ended in this period; `claimed` are keys of those
        that were claimed in time, by a statement.
        """


@dataclass(frozen=True, slots=True)
class SettlementRecords:
    """All that is kept of settlements, as one transaction sees it."""

    networks: Networks
    incomes: Incomes
    statements: Statements
    contests: Contests
    audit: Audit
    evidence: EvidenceBundles
    credits: Credits


@dataclass(frozen=True, slots=True)
class SettlementTerms:
    """How statements and evidence are handled here."""

    claim: timedelta
    """How long after its issue a statement may be contested."""
    sample_ppm: int
    """The share of all sessions whose bundles are kept."""
