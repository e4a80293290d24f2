"""By what rules of a value network is responsibility apportioned?"""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message
from settlement_world import (
    START,
    Settling,
    period,
    value_network,
)

from cxmesh.sla.v1 import apportioning_service_pb2 as network_pb2
from cxmesh.sla.v1 import value_network_sla_service_pb2 as sla_pb2
from mesh.rpc import RpcError

MakeRequest = Callable[..., Message]
Refused = Callable[[Awaitable[object]], Awaitable[RpcError]]


async def test_the_provider_can_be_late_itself_by_an_agreed_or_a_learned_budget(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    for number in range(1, 5):
        await settling.network.send(trace_of(number).session(number, access_ms=20, content_ms=150), request_of)
    await settling.network.closed(4)
    learn = network_pb2.LearnProviderBudgetsRequest(service="iptv", interval=period(), min_sessions=2)
    learned = await settling.apportioning().LearnProviderBudgets(learn)
    (budget,) = learned.provider_budgets
    assert (learned.session_count, budget.operation, budget.learned) == (4, "watch", True)
    assert budget.latency_budget.ToMilliseconds() == 190
    made = await settling.apportioning().CreateValueNetwork(value_network("iptv-1", provider_budgets=[budget]))
    assert made.provider_budgets == [budget]
    await settling.network.send(trace_of(5).session(100, access_ms=90, content_ms=150), request_of)
    await settling.network.closed(5)
    session = await settling.network.sla().GetSession(sla_pb2.GetSessionRequest(name=f"sessions/{trace_of(5).id}"))
    assert [(share.party.kind, share.lateness.ToMilliseconds()) for share in session.shares] == [(1, 40), (2, 30)]


async def test_a_value_network_chooses_the_policy_from_its_time_on(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    policy = network_pb2.APPORTIONING_POLICY_LAST_CAUSE
    pair = {"within": {"operation": "watch"}, "one": {"operation": "x"}, "other": {"operation": "y"}}
    new = value_network("iptv-1", policy=policy, concurrent_calls=[pair])
    made = await settling.apportioning().CreateValueNetwork(new)
    assert made == await settling.apportioning().CreateValueNetwork(new)
    assert made == await settling.apportioning().GetValueNetwork(
        network_pb2.GetValueNetworkRequest(name="valueNetworks/iptv-1")
    )
    later = value_network("iptv-2", effective_time={"seconds": START + 1})
    await settling.apportioning().CreateValueNetwork(later)
    listed = await settling.apportioning().ListValueNetworks(network_pb2.ListValueNetworksRequest(service="iptv"))
    assert [each.name for each in listed.value_networks] == ["valueNetworks/iptv-1", "valueNetworks/iptv-2"]
    for number, begin in ((1, 0), (2, 2_000)):
        await settling.network.send(trace_of(number).session(begin, access_ms=400, content_ms=300), request_of)
    await settling.network.closed(2)
    shares = []
    for number in (1, 2):
        request = sla_pb2.GetSessionRequest(name=f"sessions/{trace_of(number).id}")
        session = await settling.network.sla().GetSession(request)
        shares.append([share.lateness.ToMilliseconds() for share in session.shares])
    assert shares == [[450], [350, 100]]
