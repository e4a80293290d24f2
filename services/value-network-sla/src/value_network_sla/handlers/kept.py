"""What is read back of traces and sessions?"""

from collections.abc import Sequence
from dataclasses import dataclass

from apportioning.party import Share
from apportioning.span import Span
from value_network_sla.domain.pinpointing.faults import Fault

SpanRow = tuple[bytes, bytes, str, int, int, int, bool, bool, bool, str, str, str, str, str]
"""Span id, parent's id (empty for roots), operation, kind (its number in OTLP), start and end in nanoseconds, error,
timed out, sender mismatch, status message, session's service, customer, peer, server address. A plain tuple, for speed.
"""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Spans of one trace that came in one request from one part of one sender."""

    trace_id: bytes
    sender: str
    service: str
    """What that part calls itself (`service.name`)."""
    instance: str
    """Which of several alike (`service.instance.id`)."""
    rows: list[SpanRow]


@dataclass(frozen=True, slots=True)
class KeptSpan:
    """A span with what people want to know of it beside its place in the trace."""

    span: Span
    service: str
    status_message: str
    sender_mismatch: bool


@dataclass(frozen=True, slots=True)
class KeptTrace:
    """The spans of a trace, each id once."""

    spans: Sequence[KeptSpan]
    """By start."""
    truncated: bool
    """More came than are read of one trace."""


@dataclass(frozen=True, slots=True)
class KeptVisit:
    """A visit of a closed session."""

    partner: str
    operation: str
    start_offset_ns: int
    duration_ns: int
    exclusive_ns: int
    budget_ns: int | None
    error: bool
    caller: str = ""
    """Who called; PROVIDER as well for the session's own root."""
    own_ns: int = 0
    """In it and in no visit that it made itself, as its caller waited for it."""
    gap_ns: int = 0
    """Of that, what the partner's own spans don't account for."""


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A closed session."""

    trace_id: bytes
    service: str
    customer: str
    start_ns: int
    duration_ns: int
    lateness_ns: int
    partial: bool
    error: bool
    visits: Sequence[KeptVisit]
    shares: Sequence[Share]
    flags: Sequence[str] = ()
    """Values of SessionFlag."""
    fault: Fault | None = None
    """Where its error began; None when it ended well."""
