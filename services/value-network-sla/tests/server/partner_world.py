"""A value network in which everything that a partner can ask for is there, of two partners."""

import asyncio
import importlib
import pkgutil
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

import cxmesh.sla.v1
from cxmesh.sla.v1 import alert_service_pb2, sender_token_service_pb2
from cxmesh.sla.v1 import objective_service_pb2 as objectives
from cxmesh.sla.v1 import satisfaction_service_pb2 as satisfaction
from cxmesh.sla.v1 import settlement_service_pb2 as settlement
from cxmesh.sla.v1 import value_network_sla_service_pb2 as service
from value_network_sla.handlers.satisfaction.measure import MeasureSatisfaction
from value_network_sla.server.satisfaction_calls import SatisfactionStore
from value_network_sla.store.satisfaction import satisfaction_on

OWNER, OTHER, STRANGER = "partner/acme-access", "partner/best-content", "partner/never-made"
ACME, BEST = "partners/acme-access", "partners/best-content"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY: Any = {"start_time": NOON.replace(hour=0), "end_time": NOON.replace(hour=0) + timedelta(days=1)}
SHARED_SESSION, OWN_SESSION = 4, 101
"""Both partners have a part in the one, acme-access alone in the other."""
_STREAM_SECONDS = 1.5


def methods_of_the_contracts() -> dict[str, MethodDescriptor]:
    """Every method that the contracts of this service have."""
    names = [module.name for module in pkgutil.iter_modules(cxmesh.sla.v1.__path__)]
    modules = [importlib.import_module(f"cxmesh.sla.v1.{name}") for name in names if name.endswith("_service_pb2")]
    return {
        f"/{each.full_name}/{method.name}": method
        for module in (*modules, trace_service_pb2)
        for each in module.DESCRIPTOR.services_by_name.values()
        for method in each.methods
    }


METHODS = methods_of_the_contracts()


class World:
    """A value network in which everything that can be asked for is there, of both partners."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self.names: dict[str, str] = {}
        self.heard: dict[tuple[str, str], str] = {}
        """What each identity heard on each stream."""

    async def call(self, method: str, request: Message, as_: str = "service/operator") -> Message:
        return await self._stub(method, as_)(request, timeout=20)  # type: ignore[no-any-return]  # of either kind

    def _stub(self, method: str, as_: str) -> Any:
        channel, descriptor = self._network.service.channel(as_), METHODS[method]
        kind = channel.unary_stream if descriptor.server_streaming else channel.unary_unary
        return kind(
            method,
            request_serializer=message_factory.GetMessageClass(descriptor.input_type).SerializeToString,
            response_deserializer=message_factory.GetMessageClass(descriptor.output_type).FromString,
        )

    @asynccontextmanager
    async def listening(self, method: str, request: Message, as_: str) -> AsyncIterator[None]:
        """Hear what comes on a stream while something is done, and a little longer."""
        call = self._stub(method, as_)(request)
        heard: list[str] = []

        async def hear() -> None:
            async for answer in call:
                heard.append(str(answer))  # noqa: PERF401 - what came before the end counts as well

        task = asyncio.create_task(hear())
        yield
        await asyncio.sleep(_STREAM_SECONDS)
        call.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.heard[method, as_] = "".join(heard)


SLO = """
apiVersion: openslo/v1
kind: SLO
metadata: {{name: {name}}}
spec:
  service: iptv
  description: what {name} promises
  indicator:
    metadata: {{name: {name}}}
    spec:
      thresholdMetric:
        metricSource: {{type: cxmesh, spec: {{source: traces, metric: latency_ms, operation: {operation}}}}}
  timeWindow: {window}
  budgetingMethod: Occurrences
  objectives: [{{displayName: in time, op: lte, value: {budget_ms}, target: 0.99}}]
"""
ROLLING = "[{duration: 28d, isRolling: true}]"
MONTHLY = "[{duration: 1M, isRolling: false, calendar: {startTime: '2026-01-01 00:00:00', timeZone: UTC}}]"


async def _promise(world: World) -> None:
    sla, tokens = "/cxmesh.sla.v1.ObjectiveService", "/cxmesh.sla.v1.SenderTokenService"
    for partner, short, operation, budget in ((ACME, "acme", "OpenLine", 50), (BEST, "best", "GetStream", 200)):
        slos = [
            SLO.format(name=f"{short}-line", operation=operation, budget_ms=budget, window=ROLLING),
            SLO.format(name=f"{short}-month", operation=operation, budget_ms=budget, window=MONTHLY),
        ]
        document = objectives.ImportObjectivesRequest(
            document="---".join(slos), partner=partner, effective_time=NOON - timedelta(days=90)
        )
        await world.call(f"{sla}/ImportObjectives", document)
        exclusion: Any = {
            "partner": partner,
            "rule": {
                "kind": 1,
                "reason": f"{short} works",
                "start_time": NOON - timedelta(hours=2),
                "end_time": NOON - timedelta(hours=1),
            },
        }
        await world.call(
            f"{sla}/CreateExclusion",
            objectives.CreateExclusionRequest(exclusion_id=f"{short}-works", exclusion=exclusion),
        )
        token: Any = {"partner": partner, "expire_time": NOON + timedelta(days=30)}
        await world.call(
            f"{tokens}/CreateSenderToken",
            sender_token_service_pb2.CreateSenderTokenRequest(sender_token_id=f"{short}-token", sender_token=token),
        )


async def _watch(network: Any, trace_of: Any, request_of: Any) -> None:
    """Forty sessions with both partners in trouble, and one that acme-access has a part in alone."""
    for number in range(1, 41):
        line, stream = (400 if number % 2 == 0 else 20), (300 if number % 4 == 0 else 150)
        parts = trace_of(number).session(number * 10, line, stream, customer=f"customers/c{number % 25}")
        await network.send(parts, request_of)
    alone = trace_of(OWN_SESSION).session(2000, 400, 150)
    alone["service/operator"] = alone["service/operator"][:2]
    del alone["partner/best-content"]
    await network.send(alone, request_of)
    await network.closed(41)


async def _experience(world: World, network: Any) -> None:
    rated: Any = [
        {
            "source": "player",
            "experience_id": f"e{number}",
            "customer": f"customers/c{number % 25}",
            "service": "iptv",
            "session": f"sessions/{number:032x}",
            "start_time": NOON,
            "mos": 2.0 if number % 2 == 0 else 4.0,
        }
        for number in range(1, 41)
    ]
    request = satisfaction.RecordExperiencesRequest(experiences=rated)
    await world.call("/cxmesh.sla.v1.SatisfactionService/RecordExperiences", request)
    store = SatisfactionStore(network.service.runtime.store, satisfaction_on)
    await MeasureSatisfaction(store, lambda: NOON + timedelta(days=1)).run()
    world.names["satisfaction"] = f"satisfactions/iptv.{int(DAY['end_time'].timestamp())}"


async def _judged(world: World, network: Any) -> None:
    """Breaches and alerts of both."""

    async def both() -> bool:
        breaches: Any = await world.call(
            "/cxmesh.sla.v1.ValueNetworkSlaService/ListBreaches", service.ListBreachesRequest()
        )
        alerts: Any = await world.call("/cxmesh.sla.v1.AlertService/ListAlerts", alert_service_pb2.ListAlertsRequest())
        for kind, found in (("breach", breaches.breaches), ("alert", alerts.alerts)):
            of_owner = [each.name for each in found if each.partner == ACME]
            world.names[kind] = of_owner[0] if of_owner else ""
        return all({each.partner for each in found} == {ACME, BEST} for found in (breaches.breaches, alerts.alerts))

    await network.until(both)


async def _settle(world: World, network: Any) -> None:
    """Statements of the day, and a contest of each partner."""
    network.clock.advance(timedelta(days=2))
    base = "/cxmesh.sla.v1.SettlementService"
    for partner, short, identity in ((ACME, "acme", OWNER), (BEST, "best", OTHER)):

        async def issued(partner: str = partner) -> Any:
            try:
                return await world.call(
                    f"{base}/IssueStatement", settlement.IssueStatementRequest(partner=partner, period=DAY)
                )
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:  # a window that isn't settled yet
                    raise
                return None

        statement = await network.until(issued)
        contest = settlement.OpenContestRequest(
            contest_id=f"{short}-contest", statement=statement.name, line=1, reason=1, explanation=f"{short} objects"
        )
        await world.call(f"{base}/OpenContest", contest, as_=identity)
        if partner == ACME:
            world.names |= {"statement": statement.name, "line_evidence": statement.lines[0].evidence}


async def build_world(network: Any, trace_of: Any, request_of: Any, streams: Mapping[str, Message]) -> World:
    """Build it; `streams` are heard meanwhile, with these requests."""
    world = World(network)
    await _promise(world)
    async with AsyncExitStack() as listening:
        for method, request in streams.items():
            for identity in (OWNER, OTHER, STRANGER):
                await listening.enter_async_context(world.listening(method, request, identity))
        await _watch(network, trace_of, request_of)
        await _experience(world, network)
        await _judged(world, network)
    await _settle(world, network)
    return world
