"""Fetch your latest statement, and the signed evidence of its lines.

python fetch_statement.py evidence/

`cxmesh sla recompute FILE` works each line out again from its evidence, without access to the mesh.
"""

import sys
from pathlib import Path

from google.type.money_pb2 import Money
from partner import channel

from cxmesh.sla.v1.evidence_service_pb2 import GetEvidenceRequest
from cxmesh.sla.v1.evidence_service_pb2_grpc import EvidenceServiceStub
from cxmesh.sla.v1.settlement_pb2 import StatementLineKind
from cxmesh.sla.v1.settlement_service_pb2 import ListStatementsRequest
from cxmesh.sla.v1.settlement_service_pb2_grpc import SettlementServiceStub


def main(folder: str) -> None:
    """Print the statement line by line; its evidence goes into files."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with channel() as open_channel:
        settlement, evidence = SettlementServiceStub(open_channel), EvidenceServiceStub(open_channel)
        statements = settlement.ListStatements(ListStatementsRequest(page_size=1), timeout=30).statements
        if not statements:
            print("no statement has been issued")
            return
        statement = statements[0]
        print(f"{statement.name}, to be contested until {statement.claim_end_time.ToJsonString()}")
        for line in statement.lines:
            kind = StatementLineKind.Name(line.kind).removeprefix("STATEMENT_LINE_KIND_").lower()
            print(f"  {line.number}. {kind} {amount_text(line.amount)}: {line.description}")
            if line.evidence:
                bundle = evidence.GetEvidence(GetEvidenceRequest(name=line.evidence), timeout=30)
                path = target / f"{line.number}.json"
                path.write_text(bundle.document, "utf-8")
                print(f"     evidence in {path}")
        for net in statement.net:
            print(f"  net {amount_text(net)}")


def amount_text(money: Money) -> str:
    """Exact: units and nanos have the same sign."""
    nanos = f"{abs(money.nanos):09d}".rstrip("0")
    sign = "-" if money.units < 0 or money.nanos < 0 else ""
    return f"{money.currency_code} {sign}{abs(money.units)}.{nanos.ljust(2, '0')}"


if __name__ == "__main__":
    main(sys.argv[1])
