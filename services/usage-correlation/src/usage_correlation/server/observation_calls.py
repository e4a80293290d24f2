"""How are the calls on observations answered?"""

from collections.abc import Iterable
from typing import Any, Final

import grpc

from cxmesh.usage.v1 import observation_service_pb2 as pb
from cxmesh.usage.v1.observation_pb2 import Observation
from cxmesh.usage.v1.observation_service_pb2_grpc import ObservationServiceServicer
from mesh.rpc import MESH_DOMAIN, Identity, Reason, current_identity, permission_denied
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.observations.ports import ListStart, Observations
from usage_correlation.handlers.observations.record_observations import RecordObservations
from usage_correlation.server.authorization import OBSERVATION_SERVICE
from usage_correlation.server.observations import ObservationRules, observation_message, response_of
from usage_correlation.server.wire import SUBSCRIPTIONS, interval_from, page

Context = grpc.aio.ServicerContext[Any, Any]
_SHOWN: Final = 63


class ObservationServicer(ObservationServiceServicer):
    """All of them."""

    def __init__(self, record: RecordObservations, observations: Observations, directory: Directory) -> None:
        self._record = record
        self._observations = observations
        self._directory = directory
        self._rules = ObservationRules()

    async def RecordObservations(
        self, request: pb.RecordObservationsRequest, context: Context
    ) -> pb.RecordObservationsResponse:
        """Stores up to 1,000 observations."""
        check_observers(current_identity(), request.observations)
        sound, refused = self._rules.sort(request.observations)
        return response_of(await self._record(sound, refused))

    async def ListObservations(
        self, request: pb.ListObservationsRequest, context: Context
    ) -> pb.ListObservationsResponse:
        """Stored observations of one subscription."""
        wanted = page(request)
        after = ListStart(*wanted.after) if wanted.after else None
        interval = interval_from(request.interval, "interval")
        subscription = request.parent.removeprefix(SUBSCRIPTIONS)
        await self._directory.catch_up()
        await self._directory.subscriber(subscription)
        found = await self._observations.page(subscription, interval, after, wanted.size + 1)
        shown, token = wanted.cut(found, lambda last: (last.micros, last.source, last.id))
        return pb.ListObservationsResponse(observations=map(observation_message, shown), next_page_token=token)


def check_observers(caller: Identity, observations: Iterable[Observation]) -> None:
    """Raise RpcError (PERMISSION_DENIED) when a partner observes in another's name; the rule is that of usage."""
    if caller.kind != "partner":
        return
    own = f"{caller.name}:"
    for number, each in enumerate(observations):
        if each.source != caller.name and not each.source.startswith(own):
            raise permission_denied(
                f"observations[{number}].source: {caller} may observe as {caller.name!r} or {own + '…'!r} alone",
                reason=Reason.CALLER_NOT_ALLOWED,
                domain=MESH_DOMAIN,
                metadata={
                    "caller": str(caller),
                    "method": f"{OBSERVATION_SERVICE}/RecordObservations",
                    "source": each.source[:_SHOWN],
                },
            )
