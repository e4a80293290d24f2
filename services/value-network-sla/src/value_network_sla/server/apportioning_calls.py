"""How are calls on value networks answered?"""

from cxmesh.sla.v1 import apportioning_service_pb2 as service_pb2
from cxmesh.sla.v1.apportioning_service_pb2_grpc import ApportioningServiceServicer
from value_network_sla.errors import InvalidValue
from value_network_sla.handlers.ports import Work
from value_network_sla.server.calls import Calls, Context
from value_network_sla.server.moments import moment_from, ns_of_moment
from value_network_sla.server.networks import budget_message, network_from, network_message
from value_network_sla.server.pages import MANY, next_page_token, page_key, page_size

_LEAST_SESSIONS = 100


class ApportioningServicer(ApportioningServiceServicer):
    """Every call of the service."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def CreateValueNetwork(
        self, request: service_pb2.CreateValueNetworkRequest, context: Context
    ) -> service_pb2.ValueNetwork:
        """Make a version."""
        new = network_from(request.value_network, request.value_network_id, self._calls.clock.now())

        async def make(work: Work) -> service_pb2.ValueNetwork:
            return network_message(await work.records.settlement.networks.add(new))

        return await self._calls.once("CreateValueNetwork", request, make)

    async def GetValueNetwork(
        self, request: service_pb2.GetValueNetworkRequest, context: Context
    ) -> service_pb2.ValueNetwork:
        """One version."""
        async with self._calls.reading() as records:
            return network_message(await records.settlement.networks.get(request.name))

    async def ListValueNetworks(
        self, request: service_pb2.ListValueNetworksRequest, context: Context
    ) -> service_pb2.ListValueNetworksResponse:
        """Versions by name."""
        size, after = page_size(request, MANY), page_key(request, str, "")
        async with self._calls.reading() as records:
            found = await records.settlement.networks.page(request.service or None, after, size + 1)
        return service_pb2.ListValueNetworksResponse(
            value_networks=map(network_message, found[:size]),
            next_page_token=next_page_token(request, found, size, lambda each: [each.name]),
        )

    async def LearnProviderBudgets(
        self, request: service_pb2.LearnProviderBudgetsRequest, context: Context
    ) -> service_pb2.LearnProviderBudgetsResponse:
        """What the provider's budgets would be."""
        bounds = []
        for side in ("start_time", "end_time"):
            if not request.interval.HasField(side):
                raise InvalidValue(f"interval.{side}", "nothing", "a moment")
            message = getattr(request.interval, side)
            moment_from(message, f"interval.{side}")
            bounds.append(ns_of_moment(message))
        async with self._calls.reading() as records:
            budgets, sessions = await records.settlement.networks.learn(
                request.service, bounds[0], bounds[1], request.min_sessions or _LEAST_SESSIONS
            )
        return service_pb2.LearnProviderBudgetsResponse(
            provider_budgets=map(budget_message, budgets), session_count=sessions
        )
