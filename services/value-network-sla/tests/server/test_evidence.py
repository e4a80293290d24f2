"""Can everybody who may see a statement work it out again?"""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message
from settlement_world import (
    ACCESS,
    CONTENT,
    OPERATOR,
    Settling,
)

from apportioning.evidence.recompute import recompute
from apportioning.evidence.signing import read_signed
from cxmesh.sla.v1 import evidence_service_pb2 as evidence_pb2
from cxmesh.sla.v1 import settlement_terms_pb2
from mesh.rpc import RpcError

MakeRequest = Callable[..., Message]
Refused = Callable[[Awaitable[object]], Awaitable[RpcError]]


async def test_evidence_of_sessions_breaches_and_lines_is_signed_and_comes_out_as_stated(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    await settling.watch(trace_of, request_of)
    statement = await settling.issue()
    key = await settling.evidence(ACCESS).GetEvidenceKey(evidence_pb2.GetEvidenceKeyRequest())
    session = f"evidence/session.{trace_of(4).id}"
    await settling.kept(session)
    for name in (session, "evidence/breach.access.1772366400", statement.lines[0].evidence):
        for caller in (OPERATOR, ACCESS):
            answer = await settling.evidence(caller).GetEvidence(evidence_pb2.GetEvidenceRequest(name=name))
            signed = read_signed(answer.document)
            assert signed.key_id == answer.key_id == key.key_id
            assert signed.is_signed_by(key.public_key_pem)
            report = recompute(signed.bundle)
            assert report.holds, [check for check in report.checks if not check.holds]
            assert "customers/" not in answer.document
            assert caller == OPERATOR or "best-content" not in answer.document


async def test_evidence_shows_a_partner_no_more_than_its_agreement_allows(
    settling: Settling, trace_of: Any, request_of: MakeRequest, agreement_of: Callable[..., Any]
) -> None:
    access = agreement_of("acme-access", "OpenLine", 50)
    access.effective_time.seconds = 1_700_000_001
    access.evidence_detail = settlement_terms_pb2.EVIDENCE_DETAIL_OWN_ONLY
    await settling.agree("access-2", access)
    await settling.watch(trace_of, request_of)
    name = f"evidence/session.{trace_of(4).id}"
    await settling.kept(name)
    narrow = (await settling.bundle(name, ACCESS))["bundle"]
    wide = (await settling.bundle(name, CONTENT))["bundle"]
    assert {span["sender"] for span in narrow["spans"]} == {"partners/acme-access"}
    assert len(wide["spans"]) == 5
    assert recompute(narrow).holds
    assert recompute(wide).holds
