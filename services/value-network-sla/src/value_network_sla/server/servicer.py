"""Who answers the calls of the value-network SLA service?"""

from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import ValueNetworkSlaServiceServicer
from value_network_sla.server.agreement_calls import AgreementCalls
from value_network_sla.server.breach_calls import BreachCalls
from value_network_sla.server.calls import Calls
from value_network_sla.server.session_calls import SessionCalls


class ValueNetworkSlaServicer(AgreementCalls, SessionCalls, BreachCalls, ValueNetworkSlaServiceServicer):
    """Every call of the service."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
