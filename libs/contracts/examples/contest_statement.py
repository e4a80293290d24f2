"""Contest a line of a statement, and see what became of it.

python contest_statement.py statements/best-content.1772323200.1 2 "our own measurements say otherwise" traces/…
"""

import sys
import uuid

from partner import channel

from cxmesh.sla.v1.settlement_pb2 import CONTEST_REASON_MEASUREMENT, ContestState
from cxmesh.sla.v1.settlement_service_pb2 import GetContestRequest, OpenContestRequest
from cxmesh.sla.v1.settlement_service_pb2_grpc import SettlementServiceStub


def main(statement: str, line: str, explanation: str, *evidence: str) -> None:
    """Open a contest; sent again with the same request_id, it is opened once."""
    contest_id = f"{statement.removeprefix('statements/').replace('.', '-')}-{line}"[:63]
    request = OpenContestRequest(
        contest_id=contest_id,
        statement=statement,
        line=int(line),
        reason=CONTEST_REASON_MEASUREMENT,
        explanation=explanation,
        evidence=evidence,
        request_id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{statement}/{line}")),
    )
    with channel() as open_channel:
        settlement = SettlementServiceStub(open_channel)
        opened = settlement.OpenContest(request, timeout=30)
        found = settlement.GetContest(GetContestRequest(name=opened.name), timeout=30)
    state = ContestState.Name(found.state).removeprefix("CONTEST_STATE_").lower()
    print(f"{found.name} of line {found.line}: {state}")
    if found.answer:
        print(f"the operator says: {found.answer}")


if __name__ == "__main__":
    main(*sys.argv[1:])
