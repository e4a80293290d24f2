"""Does every error become a reason that the contract knows?"""

import grpc
import psycopg

from cxmesh.sla.v1.error_reason_pb2 import ErrorReason
from mesh.rpc import MESH_DOMAIN, ErrorTable
from value_network_sla.server.faults import ERRORS


def test_our_reasons_stand_in_the_contract() -> None:
    ours = {spec.reason for spec in ERRORS.values() if spec.domain == "sla.cxmesh"}
    assert ours == set(ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"}


def test_a_conflict_or_loss_of_the_database_in_the_midst_of_copying_is_worth_another_try() -> None:
    told = ErrorTable(ERRORS).translate(psycopg.errors.DeadlockDetected("process 1 waits for process 2"))
    assert (told.status, told.domain, told.retry_after) == (grpc.StatusCode.UNAVAILABLE, MESH_DOMAIN, 1.0)
    assert "process" not in told.message
