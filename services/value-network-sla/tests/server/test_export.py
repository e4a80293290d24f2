"""Is the receiver of traces what every OpenTelemetry exporter expects?"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind
from sqlalchemy import text

from cxmesh.sla.v1 import value_network_sla_service_pb2 as service_pb2
from mesh.rpc import RpcError
from mesh.testkit import Certificates

MakeRequest = Callable[..., ExportTraceServiceRequest]
Refused = Callable[[Awaitable[object]], Awaitable[RpcError]]


async def test_an_empty_request_succeeds(network: Any) -> None:
    assert await network.export(ExportTraceServiceRequest()) == ExportTraceServiceResponse()


async def test_spans_are_taken_without_a_word(network: Any, trace_of: Any, request_of: MakeRequest) -> None:
    spans = trace_of(1).session(0, 10, 10)["service/operator"]
    answer = await network.export(request_of(spans))
    assert not answer.HasField("partial_success")


async def test_refused_spans_are_counted_and_the_others_are_kept(
    network: Any, trace_of: Any, request_of: MakeRequest
) -> None:
    spans = trace_of(1).session(0, 10, 10)["service/operator"]
    spans[1].span_id = b"short"
    answer = await network.export(request_of(spans))
    assert answer.partial_success.rejected_spans == 1
    assert "span_id: got '73686f7274', expected 8 bytes" in answer.partial_success.error_message
    assert await network.span_count() == 2


async def test_compressed_requests_are_read(network: Any, trace_of: Any, request_of: MakeRequest) -> None:
    spans = trace_of(1).session(0, 10, 10)["service/operator"]
    await network.export(request_of(spans), compression=grpc.Compression.Gzip)
    assert await network.span_count() == 3


async def test_a_message_of_more_than_64_mib_is_refused_and_one_below_is_read(
    network: Any, trace_of: Any, request_of: MakeRequest, refused: Refused
) -> None:
    (span, *_) = trace_of(1).session(0, 10, 10)["service/operator"]
    span.attributes.add(key="padding").value.string_value = "x" * (63 << 20)
    await network.export(request_of([span]))
    span.attributes.add(key="padding").value.string_value = "x" * (1 << 20)
    error = await refused(network.export(request_of([span])))
    assert error.status is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_spans_sent_again_are_kept_once(network: Any, trace_of: Any, request_of: MakeRequest) -> None:
    parts = trace_of(1).session(0, 10, 10)
    for _ in range(3):
        await network.send(parts, request_of)
    trace = await network.sla().GetTrace(service_pb2.GetTraceRequest(name=f"traces/{trace_of(1).id}"))
    assert len(trace.spans) == 5


async def test_whoever_sent_them_is_who_the_certificate_says(
    network: Any, trace_of: Any, request_of: MakeRequest
) -> None:
    (span,) = trace_of(1).session(0, 10, 10)["partner/acme-access"]
    span.attributes.add(key="cxmesh.partner").value.string_value = "partners/best-content"
    await network.export(request_of([span]), as_="partner/acme-access")
    trace = await network.sla().GetTrace(service_pb2.GetTraceRequest(name=f"traces/{trace_of(1).id}"))
    assert [(shown.sender, shown.sender_mismatch) for shown in trace.spans] == [("partners/acme-access", True)]


async def test_every_service_may_send(network: Any, trace_of: Any, request_of: MakeRequest) -> None:
    names = ("profile", "usage-correlation", "billing-accuracy", "offer-decision", "notification", "value-network-sla")
    for number, name in enumerate(names, start=1):
        (span, *_) = trace_of(number).session(0, 10, 10)["service/operator"]
        await network.export(request_of([span]), as_=f"service/{name}")
    senders = await network.rows("SELECT DISTINCT sender FROM sla.span_chunk")
    assert {row.sender for row in senders} == {f"services/{name}" for name in names}


async def test_a_partner_that_does_not_exist_here_is_told_so(
    network: Any, trace_of: Any, request_of: MakeRequest, refused: Refused
) -> None:
    spans = trace_of(1).session(0, 10, 10)["partner/acme-access"]
    error = await refused(network.export(request_of(spans), as_="partner/stranger"))
    assert (error.status, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ERROR_REASON_UNKNOWN_PARTNER")
    assert error.metadata == {"partner": "partners/stranger"}


async def test_another_service_may_not_send(
    network: Any, trace_of: Any, request_of: MakeRequest, refused: Refused
) -> None:
    error = await refused(network.export(request_of([]), as_="service/unheard-of"))
    assert error.status is grpc.StatusCode.PERMISSION_DENIED


async def test_without_a_certificate_nobody_gets_in(network: Any, certificates: Certificates) -> None:
    credentials = grpc.ssl_channel_credentials(root_certificates=certificates.ca.read_bytes())
    options = [("grpc.ssl_target_name_override", "value-network-sla")]
    async with grpc.aio.secure_channel(network.service.address, credentials, options) as channel:
        export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await export(b"", timeout=5)
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE  # the handshake fails: there is nobody to answer


async def test_when_too_many_spans_wait_senders_are_told_when_to_come_again(
    network: Any, trace_of: Any, request_of: MakeRequest, refused: Refused
) -> None:
    def many(first: int) -> ExportTraceServiceRequest:
        return request_of(
            [trace_of(number).session(0, 10, 10)["service/operator"][0] for number in range(first, first + 900)]
        )

    async with network.service.runtime.store.unit_of_work() as uow:
        await uow.connection.execute(text("LOCK TABLE sla.span_chunk IN ACCESS EXCLUSIVE MODE"))
        waiting = asyncio.create_task(network.export(many(1)))
        await asyncio.sleep(0.5)
        error = await refused(network.export(many(1000)))
    assert (error.status, error.reason) == (grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_OVERLOADED")
    assert error.metadata == {"waiting_spans": "900"}
    assert error.retry_after == 1.0
    await waiting
    assert await network.span_count() == 900


async def test_a_stock_exporter_of_opentelemetry_just_works(network: Any, certificates: Certificates) -> None:
    issued = certificates.issue("service/operator")
    exporter = OTLPSpanExporter(
        endpoint=f"https://{network.service.address}",
        credentials=grpc.ssl_channel_credentials(
            issued.ca.read_bytes(), issued.key.read_bytes(), issued.certificate.read_bytes()
        ),
        compression=grpc.Compression.Gzip,
        channel_options=(("grpc.ssl_target_name_override", "value-network-sla"),),
    )
    provider = TracerProvider(resource=Resource.create({"service.name": "head-end"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")

    def watch() -> str:
        said = {"cxmesh.service": "iptv", "cxmesh.customer": "customers/7"}
        with tracer.start_as_current_span("watch", kind=SpanKind.SERVER, attributes=said) as root:
            with tracer.start_as_current_span("OpenLine", kind=SpanKind.CLIENT):
                pass
            return f"{root.get_span_context().trace_id:032x}"

    trace_id = await asyncio.to_thread(watch)
    await asyncio.to_thread(provider.shutdown)
    await network.closed(1)
    session = await network.sla().GetSession(service_pb2.GetSessionRequest(name=f"sessions/{trace_id}"))
    assert session.customer == "customers/7"
    # Nobody answered the call, and one partner alone has promised the operation.
    assert [visit.partner for visit in session.visits] == ["", "partners/acme-access"]
