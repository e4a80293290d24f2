"""Is the HTTP door what OTLP/HTTP demands, for stock exporters and for bad input?"""

import asyncio
import gzip
import json
import ssl
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
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
from mesh.testkit import Certificates

MakeRequest = Callable[..., ExportTraceServiceRequest]
PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}


class Door:
    """What a sender sees of it."""

    def __init__(self, network: Any, certificates: Certificates) -> None:
        self.url = f"https://{network.service.running.listeners['otlp-http']}/v1/traces"
        self._certificates = certificates

    @asynccontextmanager
    async def as_(self, identity: str | None) -> AsyncIterator[aiohttp.ClientSession]:
        context = ssl.create_default_context(cafile=str(self._certificates.ca))
        if identity is not None:
            issued = self._certificates.issue(identity)
            context.load_cert_chain(issued.certificate, issued.key)
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector) as session:
            yield session

    async def post(
        self, body: bytes, headers: dict[str, str], identity: str | None = "service/operator"
    ) -> tuple[int, bytes, Any]:
        async with (
            self.as_(identity) as session,
            session.post(self.url, data=body, headers=headers, server_hostname="value-network-sla") as answer,
        ):
            return answer.status, await answer.read(), answer.headers


@pytest.fixture
def door(network: Any, certificates: Certificates) -> Door:
    return Door(network, certificates)


async def test_an_empty_request_succeeds(door: Door) -> None:
    status, body, headers = await door.post(b"", PROTOBUF)
    assert (status, ExportTraceServiceResponse.FromString(body)) == (200, ExportTraceServiceResponse())
    assert headers["Content-Type"] == "application/x-protobuf"


async def test_packed_bodies_are_read(door: Door, network: Any, trace_of: Any, request_of: MakeRequest) -> None:
    for number, (encoding, pack) in enumerate(
        (("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes))
    ):
        body = request_of(trace_of(number + 1).session(0, 10, 10)["service/operator"]).SerializeToString()
        status, answer, _ = await door.post(pack(body), {**PROTOBUF, "Content-Encoding": encoding})
        assert (status, answer) == (200, b"")
        assert await network.span_count() == 3 * (number + 1)


async def test_what_is_json_is_answered_in_json(door: Door, network: Any, trace_of: Any) -> None:
    good = {
        "traceId": trace_of(1).id,
        "spanId": "00000000000000a1",
        "parentSpanId": "",
        "name": "watch",
        "kind": 2,
        "startTimeUnixNano": "1772366400000000000",
        "endTimeUnixNano": "1772366401000000000",
        "attributes": [{"key": "cxmesh.service", "value": {"stringValue": "iptv"}}],
        "unheardOf": {"later": True},
    }
    bad = {**good, "spanId": "a1"}
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [good, bad]}]}]}
    status, body, headers = await door.post(json.dumps(document).encode(), JSON)
    assert (status, headers["Content-Type"].split(";")[0]) == (200, "application/json")
    assert json.loads(body)["partialSuccess"]["rejectedSpans"] == "1"
    trace = await network.sla().GetTrace(service_pb2.GetTraceRequest(name=f"traces/{trace_of(1).id}"))
    assert [span.span_id for span in trace.spans] == ["00000000000000a1"]


BAD: tuple[tuple[bytes, dict[str, str], int], ...] = (
    (b"\xff\xff\xff", PROTOBUF, 400),
    (b"not gzip", {**PROTOBUF, "Content-Encoding": "gzip"}, 400),
    (gzip.compress(b"")[:-4], {**PROTOBUF, "Content-Encoding": "gzip"}, 400),
    (b"{", JSON, 400),
    (b"[]", JSON, 400),
    (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}', JSON, 400),
    (b'{"resourceSpans": 5}', JSON, 400),
    (b"", {**PROTOBUF, "Content-Encoding": "zstd"}, 415),
    (b"", {"Content-Type": "text/plain"}, 415),
)


async def test_bad_bodies_are_told_so_and_not_to_be_sent_again(door: Door) -> None:
    for body, headers, status in BAD:
        got, answer, sent = await door.post(body, headers)
        assert (got, "Retry-After" in sent) == (status, False), body
        assert json.loads(answer)["message"] if headers is JSON else Status.FromString(answer).message


async def test_no_body_is_unpacked_beyond_the_limit(door: Door) -> None:
    bomb = gzip.compress(bytes(65 << 20))
    assert len(bomb) < 100_000
    status, body, _ = await door.post(bomb, {**PROTOBUF, "Content-Encoding": "gzip"})
    assert (status, Status.FromString(body).code) == (413, 8)


async def test_other_paths_and_methods_are_not_there(door: Door) -> None:
    async with door.as_("service/operator") as session:
        async with session.get(door.url, server_hostname="value-network-sla") as answer:
            assert answer.status == 405
        async with session.post(door.url[:-1], server_hostname="value-network-sla") as answer:
            assert answer.status == 404


async def test_a_full_store_says_when_to_come_again(
    door: Door, network: Any, trace_of: Any, request_of: MakeRequest
) -> None:
    def many(first: int) -> bytes:
        spans = [trace_of(number).session(0, 10, 10)["service/operator"][0] for number in range(first, first + 900)]
        return request_of(spans).SerializeToString()

    async with network.service.runtime.store.unit_of_work() as uow:
        await uow.connection.execute(text("LOCK TABLE sla.span_chunk IN ACCESS EXCLUSIVE MODE"))
        waiting = asyncio.create_task(door.post(many(1), PROTOBUF))
        await asyncio.sleep(0.5)
        status, body, headers = await door.post(many(1000), PROTOBUF)
    assert (status, headers["Retry-After"], Status.FromString(body).code) == (503, "1", 14)
    assert (await waiting)[0] == 200


async def test_a_sender_is_who_its_certificate_says(
    door: Door, network: Any, trace_of: Any, request_of: MakeRequest
) -> None:
    body = request_of(trace_of(1).session(0, 10, 10)["partner/acme-access"]).SerializeToString()
    assert (await door.post(body, PROTOBUF, "partner/acme-access"))[0] == 200
    assert [row.sender for row in await network.rows("SELECT sender FROM sla.span_chunk")] == ["partners/acme-access"]
    assert (await door.post(body, PROTOBUF, "partner/stranger"))[0] == 403
    assert (await door.post(body, PROTOBUF, "service/unheard-of"))[0] == 403


async def test_without_certificate_or_token_nobody_gets_in(door: Door) -> None:
    status, body, headers = await door.post(b"", PROTOBUF, identity=None)
    assert (status, Status.FromString(body).code, headers["WWW-Authenticate"]) == (401, 16, "Bearer")
    status, _, _ = await door.post(b"", {**PROTOBUF, "Authorization": "Bearer cxs_guessed"}, identity=None)
    assert status == 401
    status, _, _ = await door.post(b"", {**PROTOBUF, "Authorization": "Basic YTpi"}, identity=None)
    assert status == 401


async def test_a_stock_exporter_over_http_just_works(
    door: Door, network: Any, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The exporter's HTTP library prefers what stands there over what it is told.
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    issued = certificates.issue("service/operator")
    exporter = OTLPSpanExporter(
        endpoint=door.url.replace("127.0.0.1", "localhost"),
        certificate_file=str(issued.ca),
        client_certificate_file=str(issued.certificate),
        client_key_file=str(issued.key),
        compression=Compression.Gzip,
    )
    provider = TracerProvider(resource=Resource.create({"service.name": "head-end"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    def watch() -> str:
        said = {"cxmesh.service": "iptv", "cxmesh.customer": "customers/7"}
        with provider.get_tracer("test").start_as_current_span("watch", kind=SpanKind.SERVER, attributes=said) as root:
            return f"{root.get_span_context().trace_id:032x}"

    trace_id = await asyncio.to_thread(watch)
    await asyncio.to_thread(provider.shutdown)
    await network.closed(1)
    session = await network.sla().GetSession(service_pb2.GetSessionRequest(name=f"sessions/{trace_id}"))
    assert session.customer == "customers/7"
