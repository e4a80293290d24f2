"""Of a trace that is a session: who was visited, what held it up, and who answers for its lateness?"""

from collections.abc import Sequence
from dataclasses import dataclass

import grpc

from cxmesh.sla.v1 import pinpointing_service_pb2, session_pb2, value_network_sla_service_pb2
from cxmesh.sla.v1.pinpointing_service_pb2_grpc import PinpointingServiceStub
from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import ValueNetworkSlaServiceStub
from cxmesh_cli.rpc.failure import command_error, decode

_TIMEOUT_SECONDS = 10.0
_UNTOLD = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED)


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the critical path."""

    party: str
    operation: str
    duration_ns: int


@dataclass(frozen=True, slots=True)
class TracedSession:
    """What value-network-sla has made of the trace."""

    session: session_pb2.Session
    path: Sequence[Section]
    """From the start to the end; empty when it isn't told, for `path_untold`."""
    path_untold: str


def fetch_session(channel: grpc.Channel, trace_id: str) -> TracedSession | str:
    """The session of a trace; or, in words, why there is none to show."""
    name = f"sessions/{trace_id}"
    request = value_network_sla_service_pb2.GetSessionRequest(name=name)
    try:
        session = ValueNetworkSlaServiceStub(channel).GetSession(request, timeout=_TIMEOUT_SECONDS)
    except grpc.RpcError as error:
        failure = decode(error)
        if failure.status is grpc.StatusCode.NOT_FOUND:
            return "no session: no span of the provider at its top names a service, or it isn't closed yet"
        if failure.status is grpc.StatusCode.PERMISSION_DENIED:
            return "a session with every party's part is shown to the provider alone"
        raise command_error(failure, name) from error
    return _with_path(channel, session)


def _with_path(channel: grpc.Channel, session: session_pb2.Session) -> TracedSession:
    request = pinpointing_service_pb2.AnalyzeSessionRequest(name=session.name)
    try:
        found = PinpointingServiceStub(channel).AnalyzeSession(request, timeout=_TIMEOUT_SECONDS)
    except grpc.RpcError as error:
        failure = decode(error)
        if failure.status not in _UNTOLD:
            raise command_error(failure, session.name) from error
        return TracedSession(session, (), f"its critical path is not told: {failure.message}")
    sections = [
        Section(party_name(each.call.partner), each.call.operation, each.duration.ToNanoseconds())
        for each in sorted(found.critical_path, key=lambda each: each.start_offset.ToNanoseconds())
    ]
    return TracedSession(session, sections, "")


def party_name(partner: str) -> str:
    """A partner's id; the provider where there is none."""
    return partner.removeprefix("partners/") or "provider"


def share_name(party: session_pb2.Party) -> str:
    """Who answers, in a word."""
    if party.partner:
        return party_name(party.partner)
    return session_pb2.PartyKind.Name(party.kind).removeprefix("PARTY_KIND_").lower()
