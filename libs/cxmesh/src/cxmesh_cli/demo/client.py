"""How does the demo speak with the mesh: as the operator, as a partner, and with traces that it starts?"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Protocol, Self, TypeAlias, TypeVar

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import BillingAccuracyServiceStub
from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from cxmesh.notification.v1.notification_service_pb2_grpc import NotificationServiceStub
from cxmesh.offer.v1.offer_decision_service_pb2_grpc import OfferDecisionServiceStub
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import ValueNetworkSlaServiceStub
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub
from cxmesh_cli.instance.authority import ensure_certificates
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.identities import OPERATOR_IDENTITY
from cxmesh_cli.rpc.channel import channel_to
from cxmesh_cli.topology import find_service

TIMEOUT_SECONDS: Final = 60.0

Metadata: TypeAlias = tuple[tuple[str, str | bytes], ...]
PageT = TypeVar("PageT", bound="Page")
ItemT = TypeVar("ItemT")


class Page(Protocol):
    """An answer of a List method."""

    @property
    def next_page_token(self) -> str:
        """Empty on the last page."""


@dataclass(slots=True)
class Trace:
    """A trace that begins here."""

    trace_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    span_id: bytes = field(default_factory=lambda: secrets.token_bytes(8))
    start_ns: int = field(default_factory=time.time_ns)
    end_ns: int = 0
    """Unix time; 0 until it has ended."""

    @property
    def metadata(self) -> Metadata:
        """W3C trace context, sampled."""
        return (("traceparent", f"00-{self.trace_id.hex()}-{self.span_id.hex()}-01"),)

    @property
    def id(self) -> str:
        """32 hexadecimal digits."""
        return self.trace_id.hex()

    def end(self) -> None:
        """It ends now."""
        self.end_ns = time.time_ns()


class MeshClient:
    """Stubs over mutual TLS; close it when done."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._open = ExitStack()
        self.catalog = CatalogServiceStub(self._channel("offer-decision"))
        self.profile = ProfileServiceStub(self._channel("profile"))
        self.usage_channel = self._channel("usage-correlation")
        self.usage = UsageServiceStub(self.usage_channel)
        self.billing = BillingAccuracyServiceStub(self._channel("billing-accuracy"))
        self.offers = OfferDecisionServiceStub(self._channel("offer-decision"))
        self.notification = NotificationServiceStub(self._channel("notification"))
        self.sla = ValueNetworkSlaServiceStub(self._channel("value-network-sla"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def export(self, identity: str, spans: Sequence[ResourceSpans]) -> None:
        """Send spans over standard OTLP/gRPC with the certificate of `identity`, made when there is none yet."""
        ensure_certificates(self._home, [identity])
        with channel_to(self._home, find_service("value-network-sla"), identity) as channel:
            request = ExportTraceServiceRequest(resource_spans=spans)
            receiver = TraceServiceStub(channel)  # type: ignore[no-untyped-call]  # published without types
            answer = receiver.Export(request, timeout=TIMEOUT_SECONDS)
        if answer.partial_success.rejected_spans:
            raise RuntimeError(f"the mesh rejected spans of {identity}: {answer.partial_success.error_message}")

    def export_roots(self, name: str, traces: Sequence[Trace]) -> None:
        """Send this command's own spans: the roots of traces that it began and that have ended."""
        spans = [
            Span(
                trace_id=trace.trace_id,
                span_id=trace.span_id,
                name=name,
                kind=Span.SPAN_KIND_CLIENT,
                start_time_unix_nano=trace.start_ns,
                end_time_unix_nano=trace.end_ns,
                flags=1,
            )
            for trace in traces
        ]
        service = KeyValue(key="service.name", value=AnyValue(string_value="cxmesh"))
        resource = Resource(attributes=[service])
        self.export(OPERATOR_IDENTITY, [ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=spans)])])

    def _channel(self, service: str) -> grpc.Channel:
        return self._open.enter_context(channel_to(self._home, find_service(service)))


def every(fetch: Callable[[str], PageT], items: Callable[[PageT], Sequence[ItemT]]) -> Iterator[ItemT]:
    """All items of a List method, page after page."""
    token = ""
    while True:
        page = fetch(token)
        yield from items(page)
        token = page.next_page_token
        if not token:
            return
