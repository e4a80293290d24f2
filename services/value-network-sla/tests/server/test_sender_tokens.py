"""Does a token stand for its partner, by both doors, until it runs out or is revoked?"""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from cxmesh.sla.v1 import sender_token_service_pb2 as pb
from cxmesh.sla.v1.sender_token_service_pb2_grpc import SenderTokenServiceStub
from mesh.rpc import RpcError
from mesh.testkit import Certificates

MakeRequest = Callable[..., ExportTraceServiceRequest]
Refused = Callable[[Awaitable[object]], Awaitable[RpcError]]


@pytest.fixture
async def tokens(network: Any) -> SenderTokenServiceStub:
    return SenderTokenServiceStub(network.service.channel())


def _asked(network: Any, name: str, days: int = 30, partner: str = "acme-access") -> pb.CreateSenderTokenRequest:
    expires = Timestamp()
    expires.FromDatetime(network.clock.now() + timedelta(days=days))
    new = pb.SenderToken(partner=f"partners/{partner}", expire_time=expires)
    return pb.CreateSenderTokenRequest(sender_token_id=name, sender_token=new)


@asynccontextmanager
async def _door(network: Any, certificates: Certificates) -> AsyncIterator[TraceServiceStub]:
    """OTLP/gRPC without a certificate."""
    credentials = grpc.ssl_channel_credentials(root_certificates=certificates.ca.read_bytes())
    options = [("grpc.ssl_target_name_override", "value-network-sla")]
    address = network.service.running.listeners["otlp-token"]
    async with grpc.aio.secure_channel(address, credentials, options) as channel:
        yield TraceServiceStub(channel)


def _bearer(secret: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {secret}"),)


async def test_a_token_stands_for_its_partner_by_both_doors(
    network: Any, certificates: Certificates, tokens: Any, trace_of: Any, request_of: MakeRequest
) -> None:
    made = await tokens.CreateSenderToken(_asked(network, "acme-1"))
    assert made.sender_token.name == "senderTokens/acme-1"
    async with _door(network, certificates) as door:
        for number in (1, 2):
            spans = trace_of(number).session(0, 10, 10)["partner/acme-access"]
            spans[0].attributes.add(key="cxmesh.partner").value.string_value = "partners/best-content"
            await door.Export(request_of(spans), metadata=_bearer(made.secret))
    context = ssl.create_default_context(cafile=str(certificates.ca))
    url = f"https://{network.service.running.listeners['otlp-http']}/v1/traces"
    headers = {"Content-Type": "application/x-protobuf", "Authorization": f"Bearer {made.secret}"}
    body = request_of(trace_of(3).session(0, 10, 10)["partner/acme-access"]).SerializeToString()
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
        session.post(url, data=body, headers=headers, server_hostname="value-network-sla") as answer,
    ):
        assert answer.status == 200
    senders = await network.rows("SELECT sender FROM sla.span_chunk")
    assert [row.sender for row in senders] == ["partners/acme-access"] * 3
    kept = await network.rows("SELECT digest FROM sla.sender_token")
    assert made.secret.encode() not in b"".join(bytes(row.digest) for row in kept)


async def test_tokens_are_exchanged_without_a_gap(
    network: Any, certificates: Certificates, tokens: Any, refused: Refused, trace_of: Any, request_of: MakeRequest
) -> None:
    first = await tokens.CreateSenderToken(_asked(network, "first", days=10))
    second = await tokens.CreateSenderToken(_asked(network, "second"))
    request = request_of(trace_of(1).session(0, 10, 10)["partner/acme-access"])
    async with _door(network, certificates) as door:
        for secret in (first.secret, second.secret):
            await door.Export(request, metadata=_bearer(secret))
        revoked = await tokens.RevokeSenderToken(pb.RevokeSenderTokenRequest(name="senderTokens/first"))
        assert revoked.sender_token.HasField("revoke_time")
        network.clock.advance(timedelta(seconds=31))
        error = await refused(door.Export(request, metadata=_bearer(first.secret)))
        assert (error.status, error.reason) == (
            grpc.StatusCode.UNAUTHENTICATED,
            "ERROR_REASON_SENDER_TOKEN_REFUSED",
        )
        await door.Export(request, metadata=_bearer(second.secret))
        network.clock.advance(timedelta(days=31))
        error = await refused(door.Export(request, metadata=_bearer(second.secret)))
        assert error.reason == "ERROR_REASON_SENDER_TOKEN_REFUSED"


async def test_what_is_no_token_is_refused(
    network: Any, certificates: Certificates, refused: Refused, request_of: MakeRequest
) -> None:
    async with _door(network, certificates) as door:
        for metadata in ((), _bearer("cxs_guessed"), (("authorization", "Basic YTpi"),), _bearer("")):
            error = await refused(door.Export(request_of([]), metadata=metadata))
            assert error.status is grpc.StatusCode.UNAUTHENTICATED


async def test_the_operator_gives_out_tokens_and_a_partner_sees_its_own(
    network: Any, tokens: Any, refused: Refused
) -> None:
    await tokens.CreateSenderToken(_asked(network, "a"))
    await tokens.CreateSenderToken(_asked(network, "b", partner="best-content"))
    listed = await tokens.ListSenderTokens(pb.ListSenderTokensRequest())
    assert [token.name for token in listed.sender_tokens] == ["senderTokens/a", "senderTokens/b"]
    theirs = SenderTokenServiceStub(network.service.channel("partner/acme-access"))
    listed = await theirs.ListSenderTokens(pb.ListSenderTokensRequest())
    assert [token.name for token in listed.sender_tokens] == ["senderTokens/a"]
    asked = pb.ListSenderTokensRequest(partner="partners/best-content")
    assert (await refused(theirs.ListSenderTokens(asked))).status is grpc.StatusCode.NOT_FOUND
    for call in (
        theirs.CreateSenderToken(_asked(network, "c")),
        theirs.RevokeSenderToken(pb.RevokeSenderTokenRequest(name="senderTokens/a")),
    ):
        assert (await refused(call)).status is grpc.StatusCode.PERMISSION_DENIED


async def test_a_token_that_cannot_be_is_refused(network: Any, tokens: Any, refused: Refused) -> None:
    for days in (-1, 0, 399):
        error = await refused(tokens.CreateSenderToken(_asked(network, "x", days=days)))
        assert (error.status, error.metadata["field"]) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "sender_token.expire_time",
        )
    error = await refused(tokens.CreateSenderToken(_asked(network, "x", partner="nobody")))
    assert error.reason == "ERROR_REASON_PARTNER_NOT_FOUND"
    await tokens.CreateSenderToken(_asked(network, "x"))
    error = await refused(tokens.CreateSenderToken(_asked(network, "x")))
    assert error.status is grpc.StatusCode.ALREADY_EXISTS
    error = await refused(tokens.RevokeSenderToken(pb.RevokeSenderTokenRequest(name="senderTokens/gone")))
    assert error.reason == "ERROR_REASON_SENDER_TOKEN_NOT_FOUND"
