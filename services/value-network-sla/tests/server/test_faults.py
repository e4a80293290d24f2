"""Does every error become a reason that the contract knows?"""

from cxmesh.sla.v1.error_reason_pb2 import ErrorReason
from value_network_sla.server.faults import ERRORS


def test_our_reasons_stand_in_the_contract() -> None:
    ours = {spec.reason for spec in ERRORS.values() if spec.domain == "sla.cxmesh"}
    assert ours == set(ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"}
