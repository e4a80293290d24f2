"""What the value network would send: spans of television sessions, each part from the party that did it.

A session is one press of "play": the provider's gateway asks a content partner for a licence, the customer's line
partner for bandwidth, and a delivery network for the first segments. In some minutes the delivery network is slow, and
the line partner a little.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

NANOS_PER_MILLISECOND: Final = 1_000_000
NANOS_PER_SECOND: Final = 1_000_000_000
WINDOW_SECONDS: Final = 60
SERVICE: Final = "iptv"


@dataclass(frozen=True, slots=True)
class PartnerPart:
    """What a partner does in every session, and what it has promised."""

    partner: str
    display_name: str
    role: str
    """Name in cxmesh.sla.v1.PartnerRole, without its prefix."""
    operation: str
    budget_ms: int
    typical_ms: float
    slow_ms: float
    """Typical in a slow minute."""
    objective_ppm: int
    penalty_usd: int


PARTS: Final = (
    PartnerPart("starfilm", "Starfilm Studios", "CONTENT", "licence.acquire", 150, 60, 60, 950_000, 200),
    PartnerPart("citylink", "Citylink Access", "ACCESS", "bandwidth.reserve", 120, 45, 200, 950_000, 150),
    PartnerPart("fastedge", "Fastedge Delivery", "DELIVERY_NETWORK", "segment.fetch", 300, 140, 900, 950_000, 500),
)

GATEWAY: Final = "operator"
"""Sender of the gateway's spans: the provider itself."""


@dataclass(frozen=True, slots=True)
class Viewing:
    """Sessions as the spans of each sender."""

    spans: Mapping[str, Sequence[ResourceSpans]]
    """By sender: `operator`, or the id of a partner."""
    session_count: int
    slow_customers: frozenset[str]
    """Customers with a session in a slow minute."""


@dataclass(frozen=True, slots=True)
class _Step:
    trace_id: bytes
    parent_id: bytes
    start_ns: int
    duration_ns: int


def view(customers: Sequence[str], sessions: int, now: datetime, *, minutes: int = 4, slow_minutes: int = 2) -> Viewing:
    """Sessions spread over the last whole `minutes`, partners slow in the latest `slow_minutes` of them."""
    random = np.random.default_rng(7)
    end = int(now.timestamp()) // WINDOW_SECONDS * WINDOW_SECONDS
    start = end - minutes * WINDOW_SECONDS
    slow_from = end - slow_minutes * WINDOW_SECONDS
    spans: dict[str, list[Span]] = defaultdict(list)
    slow_customers = set()
    for number in range(sessions):
        customer = customers[number % len(customers)]
        begin = start + (end - start) * number / sessions
        slow = begin >= slow_from
        if slow:
            slow_customers.add(customer)
        for sender, span in _session(customer, int(begin * NANOS_PER_SECOND), slow=slow, random=random):
            spans[sender].append(span)
    return Viewing(
        spans={sender: [_resource_spans(sender, sent)] for sender, sent in spans.items()},
        session_count=sessions,
        slow_customers=frozenset(slow_customers),
    )


def _session(customer: str, begin: int, *, slow: bool, random: np.random.Generator) -> Iterator[tuple[str, Span]]:
    trace_id, root_id = secrets.token_bytes(16), secrets.token_bytes(8)
    cursor = begin + 4 * NANOS_PER_MILLISECOND
    for part in PARTS:
        typical = part.slow_ms if slow else part.typical_ms
        duration = int(typical * random.lognormal(0, 0.15) * NANOS_PER_MILLISECOND)
        yield from _visit(part, _Step(trace_id, root_id, cursor, duration))
        cursor += duration + 2 * NANOS_PER_MILLISECOND
    root = _span("iptv.play", Span.SPAN_KIND_SERVER, _Step(trace_id, b"", begin, cursor - begin), root_id)
    root.attributes.extend([_text("cxmesh.service", SERVICE), _text("cxmesh.customer", customer)])
    yield GATEWAY, root


def _visit(part: PartnerPart, step: _Step) -> Iterator[tuple[str, Span]]:
    """The gateway's side of the call, the partner's side of it, and the partner's own work within."""
    client_id, server_id = secrets.token_bytes(8), secrets.token_bytes(8)
    wire = 3 * NANOS_PER_MILLISECOND
    yield GATEWAY, _span(part.operation, Span.SPAN_KIND_CLIENT, step, client_id)
    served = _Step(step.trace_id, client_id, step.start_ns + wire, step.duration_ns - 2 * wire)
    yield part.partner, _span(part.operation, Span.SPAN_KIND_SERVER, served, server_id)
    work = _Step(step.trace_id, server_id, served.start_ns + wire, served.duration_ns - 2 * wire)
    yield part.partner, _span(f"{part.operation}.work", Span.SPAN_KIND_INTERNAL, work, secrets.token_bytes(8))


def _span(name: str, kind: Span.SpanKind.ValueType, step: _Step, span_id: bytes) -> Span:
    return Span(
        trace_id=step.trace_id,
        span_id=span_id,
        parent_span_id=step.parent_id,
        name=name,
        kind=kind,
        start_time_unix_nano=step.start_ns,
        end_time_unix_nano=step.start_ns + step.duration_ns,
        flags=1,
    )


def _resource_spans(sender: str, spans: Sequence[Span]) -> ResourceSpans:
    name = "iptv-gateway" if sender == GATEWAY else f"{sender}-{SERVICE}"
    return ResourceSpans(
        resource=Resource(attributes=[_text("service.name", name)]),
        scope_spans=[ScopeSpans(scope=InstrumentationScope(name="cxmesh.demo"), spans=spans)],
    )


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))
