"""Is a partner that sends no spans found by where it was called?"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc
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


def _update(name: str, *paths: str, **fields: Any) -> Any:
    return service_pb2.UpdatePartnerRequest(
        partner={"name": f"partners/{name}", **fields}, update_mask={"paths": paths}
    )


async def test_a_silent_partner_is_found_once_its_address_is_declared(
    settling: Settling, trace_of: Any, request_of: MakeRequest, agreement_of: Callable[..., Any]
) -> None:
    sla, north = settling.network.sla(), await _partner(settling, "cdn-north")
    for name in ("cdn-north", "acme-access"):
        await settling.agree(f"fetch-{name}", agreement_of(name, "Fetch", 50))
    said = {"server.address": "north.example.net"}
    await settling.network.send({"service/operator": _watch(trace_of(1), said)}, request_of)
    await settling.network.closed(1)
    assert await _visits(settling, trace_of(1)) == ([], [])
    declared = await sla.UpdatePartner(_update("cdn-north", server_addresses=["north.example.net"]))
    north.server_addresses.append("north.example.net")
    assert declared == north == await sla.GetPartner(service_pb2.GetPartnerRequest(name=north.name))
    await settling.network.send({"service/operator": _watch(trace_of(2), said)}, request_of)
    await settling.network.closed(2)
    assert await _visits(settling, trace_of(2)) == (["partners/cdn-north"], [])
    await sla.UpdatePartner(_update("cdn-north", "server_addresses"))
    await settling.network.send({"service/operator": _watch(trace_of(3), said)}, request_of)
    await settling.network.closed(3)
    assert await _visits(settling, trace_of(3)) == ([], [])


async def test_an_update_changes_the_fields_in_its_mask_and_no_others(settling: Settling) -> None:
    sla, made = settling.network.sla(), await _partner(settling, "cdn-north", "b.example.net")
    sent: dict[str, Any] = {
        "display_name": "North",
        "role": agreement_pb2.PARTNER_ROLE_TRANSPORT,
        "create_time": {"seconds": 5},
        "server_addresses": ["c.example.net", "a.example.net:443"],
    }
    made.role = agreement_pb2.PARTNER_ROLE_TRANSPORT
    assert await sla.UpdatePartner(_update("cdn-north", "role", "name", "create_time", **sent)) == made
    made.display_name = "North"
    made.server_addresses[:] = ["a.example.net:443", "c.example.net"]
    assert await sla.UpdatePartner(_update("cdn-north", **sent)) == made
    del made.server_addresses[:]
    sent["server_addresses"] = []
    assert await sla.UpdatePartner(_update("cdn-north", "*", **sent)) == made
    assert await sla.GetPartner(service_pb2.GetPartnerRequest(name=made.name)) == made


async def test_an_update_sent_again_is_done_once(settling: Settling, refused: Refused) -> None:
    sla, made = settling.network.sla(), await _partner(settling, "cdn-north")
    request = _update("cdn-north", display_name="North")
    request.request_id = "b0b3a7f6-0c0e-4c43-9d0e-1b9a6f1f2a3b"
    north = await sla.UpdatePartner(request)
    assert await sla.UpdatePartner(_update("cdn-north", display_name="cdn-north")) == made
    assert await sla.UpdatePartner(request) == north
    assert await sla.GetPartner(service_pb2.GetPartnerRequest(name=made.name)) == made
    request.partner.display_name = "Other"
    assert (await refused(sla.UpdatePartner(request))).status is grpc.StatusCode.ALREADY_EXISTS


async def test_two_updates_at_a_time_lose_nothing_of_each_other(settling: Settling) -> None:
    sla, made = settling.network.sla(), await _partner(settling, "cdn-north")
    for number in range(10):
        made.display_name, made.server_addresses[:] = f"North {number}", [f"n{number}.example.net"]
        await asyncio.gather(
            sla.UpdatePartner(_update("cdn-north", display_name=made.display_name)),
            sla.UpdatePartner(_update("cdn-north", server_addresses=made.server_addresses)),
        )
        assert await sla.GetPartner(service_pb2.GetPartnerRequest(name=made.name)) == made
