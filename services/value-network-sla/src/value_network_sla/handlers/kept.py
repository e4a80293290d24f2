"""What is read back of traces and sessions?"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from value_network_sla.domain.party import Share
from value_network_sla.domain.span import Span


@dataclass(slots=True)
class SpanColumns:
    """Spans that have just come in, column by column: each value is touched once on its way to the database."""

    trace_id: list[bytes] = field(default_factory=list)
    span_id: list[bytes] = field(default_factory=list)
    parent_id: list[bytes] = field(default_factory=list)
    """Empty for roots."""
    sender: list[str] = field(default_factory=list)
    service: list[str] = field(default_factory=list)
    """What the sender calls itself (`service.name`)."""
    operation: list[str] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    start_ns: list[int] = field(default_factory=list)
    end_ns: list[int] = field(default_factory=list)
    error: list[bool] = field(default_factory=list)
    status_message: list[str] = field(default_factory=list)
    session_service: list[str] = field(default_factory=list)
    customer: list[str] = field(default_factory=list)
    sender_mismatch: list[bool] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.span_id)

    def extend(self, other: "SpanColumns") -> None:
        """Append the spans of another batch."""
        for name in SpanColumns.__slots__:
            getattr(self, name).extend(getattr(other, name))


@dataclass(frozen=True, slots=True)
class KeptSpan:
    """A span with what people want to know of it beside its place in the trace."""

    span: Span
    service: str
    status_message: str
    sender_mismatch: bool


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
