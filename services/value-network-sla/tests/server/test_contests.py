"""Who can object to a line of a statement, and what comes of it?"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.message import Message
from settlement_world import (
    ACCESS,
    Settling,
    cents,
    euros,
)

from apportioning.evidence.canonical import canonical
from cxmesh.sla.v1 import settlement_pb2
from cxmesh.sla.v1 import settlement_service_pb2 as service_pb2
from mesh.rpc import RpcError

MakeRequest = Callable[..., Message]
Refused = Callable[[Awaitable[object]], Awaitable[RpcError]]
_OF_ACCESS = "statements/acme-access.1772366400"


async def _contest(settling: Settling, name: str = "c-1", line: int = 1, as_: str = ACCESS, **fields: Any) -> Any:
    request = service_pb2.OpenContestRequest(
        contest_id=name,
        statement=f"{_OF_ACCESS}.1",
        line=line,
        reason=settlement_pb2.CONTEST_REASON_EXCLUSION,
        explanation="We had announced maintenance.",
        evidence=["ticket 4711"],
        **fields,
    )
    return await settling.settlement(as_).OpenContest(request)


async def test_a_contest_is_opened_answered_resolved_and_settled(
    settling: Settling, trace_of: Any, request_of: MakeRequest, refused: Refused
) -> None:
    await settling.watch(trace_of, request_of)
    await settling.issue()
    contest = await _contest(settling)
    assert (contest.state, contest.partner) == (settlement_pb2.CONTEST_STATE_OPEN, "partners/acme-access")
    assert (await refused(_contest(settling, "c-2"))).reason == "ERROR_REASON_CONTEST_STATE"
    answer = service_pb2.AnswerContestRequest(name=contest.name, answer="Maintenance began later.")
    answered = await settling.settlement().AnswerContest(answer)
    assert (answered.state, answered.answer) == (settlement_pb2.CONTEST_STATE_ANSWERED, "Maintenance began later.")
    resolve = service_pb2.ResolveContestRequest(
        name=contest.name, outcome=settlement_pb2.CONTEST_STATE_PARTLY_UPHELD, resolution="Half.", amount=euros(100)
    )
    assert (await refused(settling.settlement().ResolveContest(resolve))).reason == "ERROR_REASON_INVALID_VALUE"
    resolve.amount.CopyFrom(euros(50))
    resolved = await settling.settlement().ResolveContest(resolve)
    assert (resolved.state, cents(resolved.adjustment)) == (settlement_pb2.CONTEST_STATE_PARTLY_UPHELD, 5_000)
    assert (await refused(settling.settlement().AnswerContest(answer))).reason == "ERROR_REASON_CONTEST_STATE"
    second = await settling.issue()
    assert [(line.kind, cents(line.amount)) for line in second.lines] == [
        (settlement_pb2.STATEMENT_LINE_KIND_ADJUSTMENT, 5_000)
    ]
    settled = await settling.settlement(ACCESS).GetContest(service_pb2.GetContestRequest(name=contest.name))
    assert settled.settled_by == second.name
    assert (await refused(settling.issue())).reason == "ERROR_REASON_STATEMENT_NOT_DUE"
    assert (await refused(_contest(settling))).reason == "ERROR_REASON_ALREADY_EXISTS"


@pytest.mark.parametrize(
    ("outcome", "cents_back"),
    [(settlement_pb2.CONTEST_STATE_UPHELD, 10_000), (settlement_pb2.CONTEST_STATE_REJECTED, 0)],
)
async def test_a_line_is_taken_back_wholly_or_stands(
    settling: Settling, trace_of: Any, request_of: MakeRequest, outcome: Any, cents_back: int
) -> None:
    await settling.watch(trace_of, request_of)
    await settling.issue()
    await _contest(settling)
    resolve = service_pb2.ResolveContestRequest(name="contests/c-1", outcome=outcome, resolution="So be it.")
    resolved = await settling.settlement().ResolveContest(resolve)
    assert (resolved.state, cents(resolved.adjustment)) == (outcome, cents_back)
    pending = await settling.settlement().ListContests(service_pb2.ListContestsRequest(pending_only=True))
    assert list(pending.contests) == []


async def test_a_contest_that_is_withdrawn_is_over_and_the_line_may_be_contested_again(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    await settling.watch(trace_of, request_of)
    await settling.issue()
    await _contest(settling)
    request = service_pb2.WithdrawContestRequest(name="contests/c-1")
    withdrawn = await settling.settlement(ACCESS).WithdrawContest(request)
    assert withdrawn.state == settlement_pb2.CONTEST_STATE_WITHDRAWN
    await _contest(settling, "c-2")
    listed = await settling.settlement(ACCESS).ListContests(service_pb2.ListContestsRequest())
    assert [contest.name for contest in listed.contests] == ["contests/c-1", "contests/c-2"]


async def test_a_contest_after_the_time_to_claim_is_refused(
    network: Any, trace_of: Any, request_of: MakeRequest, refused: Refused
) -> None:
    settling = Settling(network)
    await settling.watch(trace_of, request_of)
    await settling.issue()
    assert (await refused(_contest(settling, line=2))).reason == "ERROR_REASON_INVALID_VALUE"
    settling.network.clock.advance(timedelta(days=61))
    error = await refused(_contest(settling))
    assert error.reason == "ERROR_REASON_CONTEST_STATE"
    assert "too late" in error.message


async def test_every_step_is_in_the_audit_log_and_the_log_is_one_chain(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    await settling.watch(trace_of, request_of)
    await settling.issue()
    await _contest(settling)
    await settling.settlement().AnswerContest(service_pb2.AnswerContestRequest(name="contests/c-1", answer="No."))
    await settling.settlement(ACCESS).WithdrawContest(service_pb2.WithdrawContestRequest(name="contests/c-1"))
    request = service_pb2.ListAuditEntriesRequest(partner="partners/acme-access", page_size=3)
    first = await settling.settlement(ACCESS).ListAuditEntries(request)
    request.page_token = first.next_page_token
    entries = [*first.entries, *(await settling.settlement(ACCESS).ListAuditEntries(request)).entries]
    assert [(each.action, each.actor) for each in entries] == [
        ("STATEMENT_ISSUED", "services/operator"),
        ("CONTEST_OPENED", "partners/acme-access"),
        ("CONTEST_ANSWERED", "services/operator"),
        ("CONTEST_WITHDRAWN", "partners/acme-access"),
    ]
    previous = "00" * 32
    for number, entry in enumerate(entries, start=1):
        assert (entry.number, entry.previous_digest) == (number, previous)
        content = {
            "previous": previous,
            "partner": entry.partner,
            "number": number,
            "subject": entry.subject,
            "action": entry.action,
            "actor": entry.actor,
            "detail": json.loads(entry.detail),
            "time": entry.entry_time.ToDatetime().isoformat(timespec="microseconds") + "+00:00",
        }
        assert entry.digest == hashlib.sha256(canonical(content)).hexdigest()
        previous = entry.digest
