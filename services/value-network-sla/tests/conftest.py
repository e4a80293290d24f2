"""What do all tests of this service stand on?"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
START_NS = int(START.timestamp()) * 1_000_000_000
MILLISECOND = 1_000_000


class Spans:
    """Writes OTLP spans; times are milliseconds since noon of the first of March 2026."""

    def __init__(self, trace: int) -> None:
        self.trace_id = trace.to_bytes(16, "big")

    @property
    def id(self) -> str:
        return self.trace_id.hex()

    def span(
        self,
        number: int,
        parent: int | None,
        name: str,
        kind: Span.SpanKind,
        start: float,
        end: float,
        *,
        error: bool = False,
        attributes: dict[str, str] | None = None,
    ) -> Span:
        span = Span(
            trace_id=self.trace_id,
            span_id=number.to_bytes(8, "big"),
            parent_span_id=b"" if parent is None else parent.to_bytes(8, "big"),
            name=name,
            kind=kind,
            start_time_unix_nano=START_NS + round(start * MILLISECOND),
            end_time_unix_nano=START_NS + round(end * MILLISECOND),
        )
        if error:
            span.status.code = 2
            span.status.message = "it broke"
        for key, value in (attributes or {}).items():
            span.attributes.add(key=key).value.string_value = value
        return span

    def session(
        self, begin: float, access_ms: float, content_ms: float, customer: str = "customers/1"
    ) -> dict[str, list[Span]]:
        """An IPTV session by sender: 10 ms of our own, the access partner, 10 ms of our own, the content partner."""
        middle = begin + 10 + access_ms + 10
        end = middle + content_ms
        said = {"cxmesh.service": "iptv", "cxmesh.customer": customer}
        client, server = Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER
        return {
            "service/operator": [
                self.span(1, None, "watch", server, begin, end, attributes=said),
                self.span(2, 1, "OpenLine", client, begin + 10, begin + 10 + access_ms),
                self.span(4, 1, "GetStream", client, middle, end),
            ],
            "partner/acme-access": [self.span(3, 2, "OpenLine", server, begin + 10, begin + 10 + access_ms)],
            "partner/best-content": [self.span(5, 4, "GetStream", server, middle, end)],
        }


def export_request(spans: Sequence[Span], service: str = "head-end") -> ExportTraceServiceRequest:
    resource = ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])
    resource.resource.attributes.add(key="service.name").value.string_value = service
    return ExportTraceServiceRequest(resource_spans=[resource])


@pytest.fixture(scope="session")
def trace_of() -> type[Spans]:
    return Spans


@pytest.fixture(scope="session")
def request_of() -> Callable[..., ExportTraceServiceRequest]:
    return export_request
