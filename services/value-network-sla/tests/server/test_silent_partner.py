"""Is a partner that sends no spans found by where it was called?"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from google.protobuf.message import Message
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from settlement_world import Settling

from apportioning.evidence.recompute import recompute
from cxmesh.sla.v1 import agreement_pb2, session_pb2
from cxmesh.sla.v1 import value_network_sla_service_pb2 as service_pb2
from mesh.rpc import RpcError

MakeRequest = Callable[..., Message]
Refused = Callable[[Awaitable[object]], Awaitable[RpcError]]


async def _partner(settling: Settling, name: str, *addresses: str) -> Any:
    new = agreement_pb2.Partner(
        display_name=name, role=agreement_pb2.PARTNER_ROLE_DELIVERY_NETWORK, server_addresses=addresses
    )
    return await settling.network.sla().CreatePartner(service_pb2.CreatePartnerRequest(partner_id=name, partner=new))


def _watch(trace: Any, said: dict[str, str]) -> Sequence[Span]:
    """A session whose only call, of 300 ms, nobody answers."""
    root = trace.span(1, None, "watch", Span.SPAN_KIND_SERVER, 0, 400, attributes={"cxmesh.service": "iptv"})
    return [root, trace.span(2, 1, "Fetch", Span.SPAN_KIND_CLIENT, 10, 310, attributes=said)]


async def _visits(settling: Settling, trace: Any) -> tuple[list[str], list[int]]:
    session = await settling.network.sla().GetSession(service_pb2.GetSessionRequest(name=f"sessions/{trace.id}"))
    return [visit.partner for visit in session.visits if visit.partner], list(session.flags)


async def test_a_silent_partner_is_found_by_its_address_and_answers_with_evidence(
    settling: Settling, trace_of: Any, request_of: MakeRequest, agreement_of: Callable[..., Any]
) -> None:
    north = await _partner(settling, "cdn-north", "north.example.net", "gw.example.net:443", "192.0.2.7:8443")
    assert list(north.server_addresses) == ["192.0.2.7:8443", "gw.example.net:443", "north.example.net"]
    await _partner(settling, "cdn-south", "south.example.net", "gw.example.net:443")
    for name in ("cdn-north", "cdn-south"):  # both promise the operation: it tells nobody's name
        await settling.agree(name, agreement_of(name, "Fetch", 50))
    said = [
        {"server.address": "north.example.net", "server.port": "443", "peer.service": "cdn"},
        {"net.peer.name": "South.Example.net"},
        {"server.address": "gw.example.net", "server.port": "443"},
        {"server.address": "elsewhere.example.net"},
    ]
    for number, attributes in enumerate(said, start=1):
        await settling.network.send({"service/operator": _watch(trace_of(number), attributes)}, request_of)
    for number in range(5, 10):
        await settling.network.send({"service/operator": _watch(trace_of(number), said[0])}, request_of)
    await settling.network.closed(9)
    found = [await _visits(settling, trace_of(number)) for number in range(1, 5)]
    assert found == [
        (["partners/cdn-north"], []),
        (["partners/cdn-south"], []),
        ([], [session_pb2.SESSION_FLAG_AMBIGUOUS_CALLEE]),
        ([], []),
    ]
    await settling.settled()
    statement = await settling.issue(partner="cdn-north")
    assert [summary.visit_count for summary in statement.agreements] == [6]
    evidence = f"evidence/session.{trace_of(1).id}"
    await settling.kept(evidence)
    for caller in ("service/operator", "partner/cdn-north"):
        bundle = (await settling.bundle(evidence, caller))["bundle"]
        assert [part for _, part in bundle["result"].get("parts", bundle["result"].get("own"))] == [250_000_000]
        assert recompute(bundle).holds


@pytest.mark.parametrize(
    "addresses",
    [
        ["CDN.example.net"],
        ["https://cdn.example.net"],
        ["cdn.example.net:0"],
        ["cdn.example.net:65536"],
        ["cdn..example.net"],
        ["2001:db8::7"],
        ["a" * 201],
        [""],
        ["cdn.example.net", "cdn.example.net"],
        [f"cdn-{number}.example.net" for number in range(101)],
    ],
)
async def test_what_is_no_address_is_refused(settling: Settling, refused: Refused, addresses: list[str]) -> None:
    assert (await refused(_partner(settling, "cdn-north", *addresses))).reason == "ERROR_REASON_INVALID_REQUEST"


async def test_the_same_addresses_in_another_order_are_the_same_partner(settling: Settling, refused: Refused) -> None:
    made = await _partner(settling, "cdn-north", "b.example.net:1", "[2001:db8::7]:443")
    assert await _partner(settling, "cdn-north", "[2001:db8::7]:443", "b.example.net:1") == made
    other = await refused(_partner(settling, "cdn-north", "b.example.net:2"))
    assert other.reason == "ERROR_REASON_ALREADY_EXISTS"
