"""What is pinpointing made of?"""

from datetime import timedelta

from cxmesh.sla.v1.pinpointing_service_pb2_grpc import add_PinpointingServiceServicer_to_server
from cxmesh.sla.v1.sender_token_service_pb2_grpc import add_SenderTokenServiceServicer_to_server
from mesh.rpc import Servicer
from mesh.service import Job
from value_network_sla.handlers.pinpointing.learn_usual import LearnUsual
from value_network_sla.server.authorization import PINPOINTING_SERVICE, SENDER_TOKEN_SERVICE
from value_network_sla.server.calls import Calls
from value_network_sla.server.pinpointing_calls import PinpointingServicer
from value_network_sla.server.token_calls import SenderTokenServicer

_LEARN_EVERY = timedelta(minutes=5)


def pinpointing_servicers(calls: Calls) -> list[Servicer]:
    """Who answers the questions, and who gives out tokens."""
    return [
        Servicer(add_PinpointingServiceServicer_to_server, PinpointingServicer(calls), PINPOINTING_SERVICE),
        Servicer(add_SenderTokenServiceServicer_to_server, SenderTokenServicer(calls), SENDER_TOKEN_SERVICE),
    ]


def pinpointing_jobs(calls: Calls) -> list[Job]:
    """What is learned on the way."""
    return [Job("learn-usual-calls", _LEARN_EVERY, LearnUsual(calls).run)]
