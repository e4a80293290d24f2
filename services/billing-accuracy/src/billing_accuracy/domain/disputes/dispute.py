"""Where does a dispute stand, and where can it go from there?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Final

from billing_accuracy.domain.disputes.policy import DisputePolicy
from billing_accuracy.domain.findings import Finding


class DisputeState(StrEnum):
    """States; the names of cxmesh.billing.v1.DisputeState without their prefix."""

    ACKNOWLEDGED = "ACKNOWLEDGED"
    IN_PROGRESS = "IN_PROGRESS"
    PENDING = "PENDING"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"


OPEN: Final = frozenset({DisputeState.ACKNOWLEDGED, DisputeState.IN_PROGRESS, DisputeState.PENDING})
_WAYS: Final[Mapping[DisputeState, frozenset[DisputeState]]] = {
    DisputeState.ACKNOWLEDGED: frozenset({DisputeState.IN_PROGRESS, DisputeState.PENDING, DisputeState.CANCELLED}),
    DisputeState.IN_PROGRESS: frozenset({DisputeState.PENDING, DisputeState.CANCELLED}),
    DisputeState.PENDING: frozenset({DisputeState.IN_PROGRESS, DisputeState.CANCELLED}),
    DisputeState.RESOLVED: frozenset({DisputeState.CLOSED}),
    DisputeState.CLOSED: frozenset(),
    DisputeState.CANCELLED: frozenset(),
}


class Outcome(StrEnum):
    """How a dispute can end; the names of cxmesh.billing.v1.DisputeOutcome without their prefix."""

    JUSTIFIED = "JUSTIFIED"
    EXPLAINED = "EXPLAINED"
    NEEDS_PERSON = "NEEDS_PERSON"
    GOODWILL = "GOODWILL"


class Authority(StrEnum):
    """Who may grant how much."""

    AUTOMATIC = "AUTOMATIC"
    AGENT = "AGENT"
    SUPERVISOR = "SUPERVISOR"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for and against it."""

    billed: Fraction
    expected: Fraction
    findings: tuple[Finding, ...]
    """Of the charges that are doubted."""
    derivation: tuple[str, ...]
    earlier: tuple[str, ...]
    """Ids of earlier disputes about the same charges of the subscription, the newest first."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed."""

    outcome: Outcome
    credit: Fraction
    confidence: float
    explanation: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """How it was settled."""

    outcome: Outcome
    credit: Fraction
    account_entry: str
    """`{source}/{entry_id}`; empty without a credit."""
    agent: str
    authority: Authority
    reason: str
    time: datetime
    first_contact: bool


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """Something that happened to it."""

    time: datetime
    state: DisputeState
    agent: str
    note: str


@dataclass(frozen=True, slots=True)
class Dispute:
    """A doubt about a bill."""

    dispute_id: str
    bill_check_id: str
    charge_codes: tuple[str, ...]
    """Empty when it is the whole bill."""
    disputed: Fraction | None
    """What the customer doubts; None when the customer doesn't say."""
    reason: str
    contact: str
    agent: str
    subscription: str
    customer: str
    currency: str
    state: DisputeState
    evidence: Evidence
    proposal: Proposal
    resolution: Resolution | None
    reopened: int
    create_time: datetime
    update_time: datetime
    due_time: datetime
    history: tuple[HistoryEntry, ...]

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to settle it."""
        return self.state in OPEN

    def overlaps(self, charge_codes: tuple[str, ...]) -> bool:
        """Whether it is about some of these charges; no charges mean the whole bill."""
        if not self.charge_codes or not charge_codes:
            return True
        return bool(set(self.charge_codes) & set(charge_codes))

    def may_go(self, state: DisputeState) -> bool:
        """Whether that is a way."""
        return state in _WAYS[self.state]

    def gone(self, state: DisputeState, agent: str, note: str, now: datetime) -> "Dispute":
        """In another state."""
        entry = HistoryEntry(now, state, agent, note)
        return replace(self, state=state, update_time=now, history=(*self.history, entry))

    def resolved(self, resolution: Resolution) -> "Dispute":
        """Settled."""
        gone = self.gone(DisputeState.RESOLVED, resolution.agent, resolution.reason, resolution.time)
        return replace(gone, resolution=resolution)

    def may_reopen(self, policy: DisputePolicy, now: datetime) -> bool:
        """Whether the customer may still object."""
        settled = self.state in {DisputeState.RESOLVED, DisputeState.CLOSED} and self.resolution is not None
        return settled and self.resolution is not None and now - self.resolution.time <= policy.reopen_within

    def reopen(
        self, reason: str, agent: str, found: tuple[Evidence, Proposal], policy: DisputePolicy, now: datetime
    ) -> "Dispute":
        """Open again, with evidence gathered anew."""
        gone = self.gone(DisputeState.IN_PROGRESS, agent, reason, now)
        evidence, proposal = found
        return replace(
            gone,
            evidence=evidence,
            proposal=proposal,
            resolution=None,
            reopened=self.reopened + 1,
            due_time=now + policy.due_within,
        )
