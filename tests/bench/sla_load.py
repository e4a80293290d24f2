"""Which traces does a benchmark send to the value network, and how?"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

PARTNERS = ("access", "cdn", "content", "drm", "payment")
SPANS = 26
"""Of a session: our root; a call to each partner, its answer, and three steps within the partner."""
STEPS = 3
SESSIONS_A_BATCH = 50
"""A Collector with default settings sends 8,192 spans at a time, an SDK 512; here ours are 300 and a partner's 200."""
BUDGET_MS = 60
SLOW_EVERY = 20
"""Of so many sessions one has a partner beyond its budget."""
PROVIDER = "service/operator"
IN_FLIGHT = 2
"""Requests of each sender under way: what a Collector's exporter allows is more."""
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_MS = 1_000_000
_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Export:
    """A request as it goes over the wire."""

    sender: str
    sent: bytes
    spans: int


def exports(sessions: int, start_ns: int, seed: int = 1) -> list[Export]:
    """Sessions that begin one after the other from a moment on, a millisecond apart; each party sends its own spans.

    Spans carry the attributes that instrumentations of gRPC put there.
    """
    found = []
    source = random.Random(seed)
    for first in range(0, sessions, SESSIONS_A_BATCH):
        count = min(SESSIONS_A_BATCH, sessions - first)
        scopes: dict[str, ScopeSpans] = {}
        for number in range(first, first + count):
            _add_session(scopes, source, number, start_ns + number * _MS)
        for sender, scope in scopes.items():
            request = ExportTraceServiceRequest()
            resource = request.resource_spans.add()
            for key, value in (
                ("service.name", sender.split("/")[1]),
                ("service.instance.id", "i-1"),
                ("telemetry.sdk.language", "go"),
                ("host.name", "node-17.example.net"),
            ):
                resource.resource.attributes.add(key=key).value.string_value = value
            resource.scope_spans.append(scope)
            found.append(Export(sender, request.SerializeToString(), len(scope.spans)))
    return found


def _add_session(scopes: dict[str, ScopeSpans], source: random.Random, number: int, start: int) -> None:
    trace_id = source.randbytes(16)
    slow = PARTNERS[number // SLOW_EVERY % len(PARTNERS)] if number % SLOW_EVERY == 0 else ""

    def add(sender: str, parent: bytes, name: str, kind: Span.SpanKind.ValueType, begin: float, end: float) -> Span:
        span = scopes.setdefault(sender, ScopeSpans()).spans.add(
            trace_id=trace_id,
            span_id=source.randbytes(8),
            parent_span_id=parent,
            name=name,
            kind=kind,
            start_time_unix_nano=start + int(begin * _MS),
            end_time_unix_nano=start + int(end * _MS),
        )
        for key, value in _ATTRIBUTES:
            span.attributes.add(key=key).value.string_value = value
        return span

    root = add(PROVIDER, b"", "watch", Span.SPAN_KIND_SERVER, 0, 500)
    root.attributes.add(key="cxmesh.service").value.string_value = "iptv"
    root.attributes.add(key="cxmesh.customer").value.string_value = f"customers/c{number % 10_000}"
    begin = 5.0
    for partner in PARTNERS:
        lasts = source.uniform(35, 55) if partner != slow else 150.0
        sender, end = f"partner/{partner}", begin + lasts
        call = add(PROVIDER, root.span_id, f"acme.{partner}/Call", Span.SPAN_KIND_CLIENT, begin, end)
        answer = add(sender, call.span_id, f"acme.{partner}/Call", Span.SPAN_KIND_SERVER, begin + 1, end - 1)
        for step in range(STEPS):
            at = begin + 2 + step * lasts / 4
            add(sender, answer.span_id, f"step {step}", Span.SPAN_KIND_INTERNAL, at, at + lasts / 5)
        begin = end + 5
    root.end_time_unix_nano = start + int((begin + 5) * _MS)


_ATTRIBUTES = (
    ("rpc.system", "grpc"),
    ("network.transport", "tcp"),
    ("thread.name", "grpc-worker-7"),
    ("code.function", "handle"),
    ("deployment.environment", "production"),
)


async def send(channels: Mapping[str, Sequence[grpc.aio.Channel]], batches: Sequence[Export]) -> float:
    """Send everything, of each sender IN_FLIGHT requests at a time; seconds. Fails when a span is refused."""
    queues: dict[str, list[Export]] = {}
    for batch in batches:
        queues.setdefault(batch.sender, []).append(batch)

    async def lane(sender: str, number: int) -> None:
        choices = channels[sender]
        for place in range(number, len(queues[sender]), IN_FLIGHT):
            export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = choices[place % len(choices)].unary_unary(EXPORT)
            answer = await export(queues[sender][place].sent, timeout=_TIMEOUT)
            if answer:
                raise RuntimeError(f"spans were refused: {answer!r}")

    begun = time.perf_counter()
    await asyncio.gather(*(lane(sender, number) for sender in queues for number in range(IN_FLIGHT)))
    return time.perf_counter() - begun
