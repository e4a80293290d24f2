"""How are the calls on charging answered?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc

from cxmesh.usage.v1 import charging_service_pb2 as pb
from cxmesh.usage.v1.charging_data_pb2 import ChargingDataRequest
from cxmesh.usage.v1.charging_service_pb2_grpc import ChargingServiceServicer
from cxmesh.usage.v1.error_reason_pb2 import ErrorReason
from cxmesh.usage.v1.usage_record_pb2 import UsageRecord
from mesh.rpc import current_identity
from mesh.rpc.validation import RequestRules
from usage_correlation.domain.charging.sessions import Session, record_id
from usage_correlation.errors import ChargingSessionNotFound, InvalidValue
from usage_correlation.handlers.charging.charge import Caller, Charging
from usage_correlation.handlers.charging.ports import Answer, Held, RefusedContainer, Sessions
from usage_correlation.handlers.charging.subscribers import Subscribers
from usage_correlation.handlers.charging.use_quotas import OWN_SOURCE
from usage_correlation.server.charging_data import request_from, response_message
from usage_correlation.server.charging_json import parse, render
from usage_correlation.server.charging_metrics import ChargingMetrics
from usage_correlation.server.records import USAGE_TYPES
from usage_correlation.server.wire import SUBSCRIPTIONS, timestamp

SESSIONS: Final = "chargingSessions/"

Context = grpc.aio.ServicerContext[Any, Any]
WithContent = pb.CreateChargingDataRequest | pb.UpdateChargingDataRequest | pb.ReleaseChargingDataRequest


@dataclass(frozen=True, slots=True)
class ChargingCases:
    """What is behind the calls."""

    charging: Charging
    subscribers: Subscribers
    sessions: Sessions
    metrics: ChargingMetrics


class ChargingServicer(ChargingServiceServicer):
    """Calls on charging."""

    def __init__(self, cases: ChargingCases) -> None:
        self._cases = cases
        self._rules = RequestRules()
        self._rules.compile(ChargingDataRequest)

    async def CreateChargingData(
        self, request: pb.CreateChargingDataRequest, context: Context
    ) -> pb.ChargingDataAnswer:
        """Opens a session or charges an event."""
        content = request_from(self._content(request), "create")
        name, answer = await self._cases.charging.create(_caller(), content, request.request_id)
        return self._answer(name, answer, content.sequence, request)

    async def UpdateChargingData(
        self, request: pb.UpdateChargingDataRequest, context: Context
    ) -> pb.ChargingDataAnswer:
        """Takes in usage, answers with quotas."""
        content, name = request_from(self._content(request), "update"), request.name.removeprefix(SESSIONS)
        answer = await self._cases.charging.update(_caller(), name, content, ends=False)
        return self._answer(name, answer, content.sequence, request)

    async def ReleaseChargingData(
        self, request: pb.ReleaseChargingDataRequest, context: Context
    ) -> pb.ChargingDataAnswer:
        """Takes in the last usage."""
        content, name = request_from(self._content(request), "release"), request.name.removeprefix(SESSIONS)
        answer = await self._cases.charging.update(_caller(), name, content, ends=True)
        return self._answer(name, answer, content.sequence, request)

    async def GetChargingSession(self, request: pb.GetChargingSessionRequest, context: Context) -> pb.ChargingSession:
        """What is known of a session."""
        name, caller = request.name.removeprefix(SESSIONS), _caller()
        found = await self._cases.sessions.state(name)
        if found is None or not (caller.sees_all or found[0].caller == caller.name):
            raise ChargingSessionNotFound(name)
        return _session_message(*found)

    async def BatchUpdateSubscriberIdentifiers(
        self, request: pb.BatchUpdateSubscriberIdentifiersRequest, context: Context
    ) -> pb.BatchUpdateSubscriberIdentifiersResponse:
        """Says whose identifiers are."""
        whose = {each.identifier: each.subscription for each in request.subscriber_identifiers}
        if len(whose) < len(request.subscriber_identifiers):
            raise InvalidValue(
                "subscriber_identifiers", f"{len(request.subscriber_identifiers)}", "each identifier once"
            )
        await self._cases.subscribers.assign({each: name.removeprefix(SUBSCRIPTIONS) for each, name in whose.items()})
        return pb.BatchUpdateSubscriberIdentifiersResponse()

    async def BatchGetSubscriberIdentifiers(
        self, request: pb.BatchGetSubscriberIdentifiersRequest, context: Context
    ) -> pb.BatchGetSubscriberIdentifiersResponse:
        """Whose identifiers are."""
        known = await self._cases.subscribers.find_all([_without_nul(each) for each in request.identifiers])
        return pb.BatchGetSubscriberIdentifiersResponse(
            subscriber_identifiers=[
                pb.SubscriberIdentifier(identifier=each, subscription=f"{SUBSCRIPTIONS}{known[each]}")
                for each in dict.fromkeys(request.identifiers)
                if each in known
            ]
        )

    def _content(self, request: WithContent) -> ChargingDataRequest:
        """The standard's content, in whichever form; raises ChargingFailed, RpcError for what breaks a rule."""
        if request.WhichOneof("content") == "charging_data":
            return request.charging_data
        content, unknown = parse(request.json)
        self._cases.metrics.ignored(unknown)
        self._rules.check(content, inside="json")
        return content

    def _answer(self, name: str, answer: Answer, sequence: int, request: WithContent) -> pb.ChargingDataAnswer:
        self._cases.metrics.answered(answer.grants)
        response = response_message(answer, sequence)
        as_json = request.WhichOneof("content") == "json"
        return pb.ChargingDataAnswer(
            name=f"{SESSIONS}{name}", charging_data=response, json=render(response) if as_json else b""
        )


def _caller() -> Caller:
    """A partner's usage is stored in its name."""
    identity = current_identity()
    if identity.kind == "partner":
        return Caller(str(identity), f"{identity.name}:{OWN_SOURCE}", sees_all=False)
    return Caller(str(identity), OWN_SOURCE, sees_all=True)


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise InvalidValue("identifiers", "a value that is not shown", "texts without NUL characters")
    return text


def _session_message(session: Session, held: Sequence[Held], refused: Sequence[RefusedContainer]) -> pb.ChargingSession:
    return pb.ChargingSession(
        name=f"{SESSIONS}{session.id}",
        subscription=f"{SUBSCRIPTIONS}{session.subscription}",
        state=pb.ChargingSessionState.Value(f"CHARGING_SESSION_STATE_{session.state}"),
        last_sequence_number=session.last_sequence,
        create_time=timestamp(session.create_time),
        update_time=timestamp(session.update_time),
        expire_time=timestamp(session.expire_time),
        reservations=[
            pb.QuotaReservation(
                rating_group=each.rating_group,
                usage_type=USAGE_TYPES[each.planned.service],
                quantity=each.planned.quantity,
                expire_time=timestamp(each.expire_time),
            )
            for each in held
        ],
        refused_usage=[_refused_message(session, each) for each in refused],
    )


def _refused_message(session: Session, refused: RefusedContainer) -> pb.RefusedUsage:
    message = pb.RefusedUsage(
        invocation_sequence_number=refused.sequence,
        rating_group=refused.id.rating_group,
        local_sequence_number=refused.id.number,
        reason=ErrorReason.Value(f"ERROR_REASON_{refused.refusal.reason}"),
        field=refused.refusal.field,
        description=refused.refusal.description,
    )
    if (usage := refused.container) is not None:
        message.record.CopyFrom(
            UsageRecord(
                source=session.source,
                record_id=record_id(session.id, refused.sequence, refused.id),
                subscription=f"{SUBSCRIPTIONS}{session.subscription}",
                usage_type=USAGE_TYPES[usage.service],
                start_time=timestamp(usage.start_micros),
                quantity=min(usage.quantity, 2**63 - 1),
                destination=usage.destination,
                visited_network=usage.visited_network,
                location_id=usage.cell,
            )
        )
    return message
