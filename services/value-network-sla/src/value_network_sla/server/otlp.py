"""What of a standard OTLP export is kept, and what is refused?"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from apportioning.span import SpanKind, is_partner
from value_network_sla.handlers.kept import Chunk, SpanRow
from value_network_sla.server import otlp_attributes as conventions
from value_network_sla.server.otlp_wire import WireExport, WireResource, WireSpan

_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8
_NO_TRACE = bytes(_TRACE_ID_BYTES)
_NO_SPAN = bytes(_SPAN_ID_BYTES)
_PARENT_BYTES = frozenset({0, _SPAN_ID_BYTES})
_LAST_MOMENT = 2**63 - 1
_LONGEST_NS = 7 * 24 * 3600 * 1_000_000_000
"""A span of more than a week is a mistake in somebody's clock."""
_LONGEST_TEXT = 200
"""Names and messages are for people and for agreements, whose operations are no longer."""
_CLIENT: Final = list(SpanKind).index(SpanKind.CLIENT)
_ERROR: Final = 2
"""opentelemetry.proto.trace.v1.Status.StatusCode."""
_KINDS = len(SpanKind)
_SPANS_A_BREATH = 4096
"""After so many, others get a turn: they take some ten milliseconds."""
_KNOWN_NAMES = 10_000
"""Names come again and again; senders that put ids into names must not fill the memory."""

_SESSION_SERVICE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
# Anything else might be a person's name or number; it is not kept.
_CUSTOMER = re.compile(r"customers/[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


_Known = tuple[bytes, bytes, str, int, int, int, bool]
"""The first values of a SpanRow, which don't depend on attributes, but for the operation."""


@dataclass(slots=True)
class Received:
    """A request, read."""

    chunks: list[Chunk] = field(default_factory=list)
    spans: int = 0
    """In the chunks."""
    rejected: int = 0
    first_problem: str = ""


@dataclass(frozen=True, slots=True)
class _Source:
    """What is the same for all spans of one resource."""

    sender: str
    believed: bool
    """What a session is and whose it is, is for the provider to say."""
    service: str
    instance: str
    claim: str | None
    """Who the resource says it is."""
    claims_another: bool


class SpanReader:
    """Reads exports. Names are remembered across them."""

    def __init__(self) -> None:
        self._names: dict[bytes, str] = {}

    def read(self, request: WireExport, sender: str, received: Received) -> Iterator[None]:
        """Put the spans that `sender` sent into `received`, whatever they say about who sent them.

        To be driven to its end; it pauses so that a large request doesn't hold up everybody else.
        """
        since = 0
        for resource_spans in request.resource_spans:
            source = _source(resource_spans.resource, sender)
            by_trace: dict[bytes, list[SpanRow]] = {}
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    trace_id = span.trace_id
                    row = self._row(span, trace_id, source)
                    if row is not None:
                        by_trace.setdefault(trace_id, []).append(row)
                    else:
                        received.rejected += 1
                        received.first_problem = received.first_problem or _problem(span)
                    since += 1
                    if since >= _SPANS_A_BREATH:
                        since = 0
                        yield
            received.spans += sum(map(len, by_trace.values()))
            received.chunks.extend(
                Chunk(trace_id, sender, source.service, source.instance, rows) for trace_id, rows in by_trace.items()
            )

    def _row(self, span: WireSpan, trace_id: bytes, source: _Source) -> SpanRow | None:
        """None when the span can't be kept. Every value is fetched once: that is what takes the time."""
        span_id, parent = span.span_id, span.parent_span_id
        start, end = span.start_time_unix_nano, span.end_time_unix_nano
        if not _is_possible(trace_id, span_id, parent, start, end):
            return None
        attributes, raw, kind = span.attributes, span.name, span.kind
        failed, message = False, ""
        if span.HasField("status"):
            failed = span.status.code == _ERROR
            message = _text(span.status.message) if failed else ""
        row = (
            span_id,
            b"" if parent == _NO_SPAN else parent,
            self._names.get(raw) or self._remember(raw),
            kind if 0 <= kind < _KINDS else 0,
            start,
            end,
            failed,
        )
        said = conventions.said(attributes, conventions.SPAN_KEYS)
        if said:
            return self._told(row, message, said, source)
        return (*row, False, source.claims_another, message, "", "", "", "")

    def _told(
        self,
        row: _Known,
        message: str,
        said: Mapping[str, str],
        source: _Source,
    ) -> SpanRow:
        span_id, parent, name, kind, start, end, failed = row
        service, customer = said.get(conventions.SESSION_SERVICE, ""), said.get(conventions.CUSTOMER, "")
        claim = said.get(conventions.CLAIMED_PARTNER, source.claim)
        return (
            span_id,
            parent,
            _short(conventions.operation(name, said)),
            kind,
            start,
            end,
            failed,
            failed and conventions.timed_out(said),
            claim is not None and claim != source.sender,
            message,
            service if source.believed and _SESSION_SERVICE.fullmatch(service) else "",
            customer if source.believed and _CUSTOMER.fullmatch(customer) else "",
            _short(conventions.peer(said)) if kind == _CLIENT else "",
            _short(conventions.server_address(said)) if kind == _CLIENT and source.believed else "",
        )

    def _remember(self, raw: bytes) -> str:
        name = conventions.operation(_text(raw), _NOTHING)
        if len(raw) <= _LONGEST_TEXT:
            if len(self._names) >= _KNOWN_NAMES:
                self._names.clear()
            self._names[raw] = name
        return name


_NOTHING: Mapping[str, str] = {}


def _source(resource: WireResource, sender: str) -> _Source:
    said = conventions.said(resource.attributes, conventions.RESOURCE_KEYS)
    claim = said.get(conventions.CLAIMED_PARTNER)
    return _Source(
        sender=sender,
        believed=not is_partner(sender),
        service=_short(said.get(conventions.SERVICE_NAME, "")),
        instance=_short(said.get(conventions.SERVICE_INSTANCE, "")),
        claim=claim,
        claims_another=claim is not None and claim != sender,
    )


def _is_possible(trace_id: bytes, span_id: bytes, parent_id: bytes, start: int, end: int) -> bool:
    return (
        len(trace_id) == _TRACE_ID_BYTES
        and len(span_id) == _SPAN_ID_BYTES
        and len(parent_id) in _PARENT_BYTES
        and 0 < start <= end <= _LAST_MOMENT
        and end - start <= _LONGEST_NS
        and trace_id != _NO_TRACE
        and span_id != _NO_SPAN
    )


def _problem(span: WireSpan) -> str:
    """Why a span can't be kept."""
    trace_id, span_id, parent_id = span.trace_id, span.span_id, span.parent_span_id
    if len(trace_id) != _TRACE_ID_BYTES or trace_id == _NO_TRACE:
        return f"trace_id: got {_hex(trace_id)}, expected 16 bytes that are not all zero"
    if len(span_id) != _SPAN_ID_BYTES or span_id == _NO_SPAN:
        return f"span_id: got {_hex(span_id)}, expected 8 bytes that are not all zero"
    if len(parent_id) not in _PARENT_BYTES:
        return f"parent_span_id of {span_id.hex()}: got {_hex(parent_id)}, expected 8 bytes or none"
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    expected = "a start above 0 and an end up to a week later"
    return f"times of span {span_id.hex()}: got {start} to {end} ns, expected {expected}"


def _hex(given: bytes) -> str:
    return repr(given[:_LONGEST_TEXT].hex())


def _text(raw: bytes) -> str:
    return _short(raw[: 4 * _LONGEST_TEXT].decode(errors="replace"))


def _short(text: str) -> str:
    """A text that PostgreSQL can keep: without NUL, and not too long."""
    return text[:_LONGEST_TEXT].replace("\0", "\N{REPLACEMENT CHARACTER}")
