"""What is kept of everything that happens to a limit, so that it can be shown to a regulator?"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.limits.policies import LimitScope


class EventKind(StrEnum):
    """The names are those of cxmesh.usage.v1.LimitEventKind without their prefix."""

    NOTICED = "NOTICED"
    REACHED = "REACHED"
    STOPPED = "STOPPED"
    CONSENTED = "CONSENTED"
    LIMIT_CHOSEN = "LIMIT_CHOSEN"
    OPTED_OUT = "OPTED_OUT"
    OPTED_IN = "OPTED_IN"
    OPENED = "OPENED"
    RESET = "RESET"
    MESSAGE_QUEUED = "MESSAGE_QUEUED"
    MESSAGE_DELIVERED = "MESSAGE_DELIVERED"
    MESSAGE_READ = "MESSAGE_READ"
    MESSAGE_FAILED = "MESSAGE_FAILED"
    MESSAGE_NOT_SENT = "MESSAGE_NOT_SENT"


@dataclass(frozen=True, slots=True)
class ConsentTerms:
    """What a customer consents to. Amounts in billionths, on the policy's tax basis."""

    next_limit_nanos: int | None
    """None: for the rest of the period."""
    price_nanos: int
    currency: str
    service: str
    quantity: int
    """In base units."""
    visited_network: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted for a customer, and how."""

    customer: str
    """Id."""
    channel: str
    """As cxmesh.profile.v1.Channel without its prefix."""
    wording: str
    """Personal data: it may hold what was said."""
    agent: str = ""
    caller: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What an event says beside its kind, its place and its times. Amounts in billionths."""

    policy_revision: int = 0
    currency: str = ""
    limit_nanos: int | None = None
    spent_nanos: int | None = None
    percent: int = 0
    evidence: tuple[str, ...] = ()
    consent_terms: ConsentTerms | None = None
    actor: Actor | None = None
    chosen_limit_nanos: int | None = None
    signal: str = ""
    """Ids."""
    decision: str = ""
    message: str = ""
    """A resource name."""
    message_channel: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class LimitEvent:
    """Something that happened."""

    kind: EventKind
    policy: str
    period: BillCycle | None
    event_time: datetime
    record_time: datetime
    facts: Facts
    sequence: int = 0
    """Given by the store."""

    def numbered(self, sequence: int) -> "LimitEvent":
        """With its number."""
        return replace(self, sequence=sequence)


@dataclass(frozen=True, slots=True)
class LimitStop:
    """A stretch of time in which usage is stopped; moments in microseconds."""

    subscription: str
    policy: str
    scope: LimitScope
    start_micros: int
    effective_micros: int
    end_micros: int


@dataclass(frozen=True, slots=True)
class UnchargedUsage:
    """A part of a record that is not charged, as it is kept."""

    subscription: str
    source: str
    record_id: str
    start_micros: int
    plan: str
    charge_code: str
    currency: str
    amount: Fraction
    policy: str
    decide_time: datetime


@dataclass(frozen=True, slots=True)
class UnchargedTotal:
    """What a policy kept from being charged."""

    policy: str
    currency: str
    record_count: int
    amount: Fraction
