"""What of a standard OTLP export is kept, and what is refused?"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

from value_network_sla.domain.span import SpanKind, is_partner
from value_network_sla.handlers.kept import SpanColumns

SESSION_SERVICE: Final = "cxmesh.service"
CUSTOMER: Final = "cxmesh.customer"
CLAIMED_PARTNER: Final = "cxmesh.partner"
_SERVICE_NAME: Final = "service.name"
_OURS = re.compile(rb"\n[\x0e\x0f]cxmesh\.(service|customer|partner)")
"""One of these as a key: a protobuf field of number 1, of 14 or 15 bytes."""

_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8
_NO_TRACE = bytes(_TRACE_ID_BYTES)
_NO_SPAN = bytes(_SPAN_ID_BYTES)
_LAST_MOMENT = 2**63 - 1
_LONGEST_NS = 7 * 24 * 3600 * 1_000_000_000
"""A span of more than a week is a mistake in somebody's clock."""
_LONGEST_TEXT = 200
"""Names and messages are for people and for agreements, whose operations are no longer."""

_SESSION_SERVICE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
# Anything else might be a person's name or number; it is not kept.
_CUSTOMER = re.compile(r"customers/[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

_KINDS = tuple(kind.value for kind in SpanKind)  # in the order of the numbers of OTLP's enum


@dataclass(slots=True)
class Received:
    """A request, read."""

    spans: SpanColumns = field(default_factory=SpanColumns)
    rejected: int = 0
    first_problem: str = ""


@dataclass(frozen=True, slots=True)
class _Source:
    """What is the same for all spans of one resource."""

    sender: str
    of_partner: bool
    service: str
    claim: str | None
    """Who the resource says it is."""


def read_request(request: ExportTraceServiceRequest, sender: str) -> Received:
    """The spans that `sender` sent, whatever they say about who sent them."""
    received = Received()
    for resource_spans in request.resource_spans:
        said = _texts(resource_spans.resource.attributes, (_SERVICE_NAME, CLAIMED_PARTNER))
        source = _Source(sender, is_partner(sender), _short(said.get(_SERVICE_NAME, "")), said.get(CLAIMED_PARTNER))
        _read_spans(resource_spans, source, received)
    return received


def _read_spans(resource_spans: ResourceSpans, source: _Source, received: Received) -> None:
    for scope_spans in resource_spans.scope_spans:
        for span in scope_spans.spans:
            problem = _problem(span)
            if problem is None:
                _append(received.spans, span, source)
            else:
                received.rejected += 1
                received.first_problem = received.first_problem or problem


def _append(columns: SpanColumns, span: Span, source: _Source) -> None:
    columns.trace_id.append(span.trace_id)
    columns.span_id.append(span.span_id)
    parent_id = span.parent_span_id
    columns.parent_id.append(b"" if parent_id == _NO_SPAN else parent_id)
    columns.sender.append(source.sender)
    columns.service.append(source.service)
    columns.operation.append(_short(span.name))
    kind = span.kind
    columns.kind.append(_KINDS[kind] if 0 <= kind < len(_KINDS) else _KINDS[0])
    columns.start_ns.append(span.start_time_unix_nano)
    columns.end_ns.append(span.end_time_unix_nano)
    failed = span.status.code == Status.STATUS_CODE_ERROR
    columns.error.append(failed)
    columns.status_message.append(_short(span.status.message) if failed else "")
    _append_attributes(columns, span, source)


def _append_attributes(columns: SpanColumns, span: Span, source: _Source) -> None:
    """The few attributes that mean something here. Most spans have none of them, as their bytes tell soonest."""
    said: dict[str, str] = {}
    if span.attributes and _OURS.search(span.SerializeToString()):
        said = _texts(span.attributes, (SESSION_SERVICE, CUSTOMER, CLAIMED_PARTNER))
    service, customer = said.get(SESSION_SERVICE, ""), said.get(CUSTOMER, "")
    # What a session is and whose it is, is for the provider to say.
    believed = not source.of_partner
    columns.session_service.append(service if believed and _SESSION_SERVICE.fullmatch(service) else "")
    columns.customer.append(customer if believed and _CUSTOMER.fullmatch(customer) else "")
    claim = said.get(CLAIMED_PARTNER, source.claim)
    columns.sender_mismatch.append(claim is not None and claim != source.sender)


def _texts(attributes: Iterable[KeyValue], names: tuple[str, ...]) -> dict[str, str]:
    return {each.key: each.value.string_value for each in attributes if each.key in names}


def _problem(span: Span) -> str | None:
    """Why a span can't be kept; None when it can."""
    trace_id, span_id, parent_id = span.trace_id, span.span_id, span.parent_span_id
    if len(trace_id) != _TRACE_ID_BYTES or trace_id == _NO_TRACE:
        return f"trace_id: got {trace_id.hex()!r}, expected 16 bytes that are not all zero"
    if len(span_id) != _SPAN_ID_BYTES or span_id == _NO_SPAN:
        return f"span_id: got {span_id.hex()!r}, expected 8 bytes that are not all zero"
    if len(parent_id) not in (0, _SPAN_ID_BYTES):
        return f"parent_span_id of {span_id.hex()}: got {parent_id.hex()!r}, expected 8 bytes or none"
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    if not 0 < start <= end <= _LAST_MOMENT or end - start > _LONGEST_NS:
        expected = "a start above 0 and an end up to a week later"
        return f"times of span {span_id.hex()}: got {start} to {end} ns, expected {expected}"
    return None


def _short(text: str) -> str:
    """A text that PostgreSQL can keep: without NUL, and not too long."""
    return text[:_LONGEST_TEXT].replace("\0", "\N{REPLACEMENT CHARACTER}")
