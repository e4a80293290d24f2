"""What does a period come to, and what is stated of it?"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.message import Message
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from settlement_world import (
    ACCESS,
    OPERATOR,
    Settling,
    cents,
    period,
)
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from apportioning.evidence.recompute import recompute
from cxmesh.sla.v1 import settlement_pb2
from cxmesh.sla.v1 import settlement_service_pb2 as service_pb2
from cxmesh.sla.v1 import value_network_sla_service_pb2 as sla_pb2
from mesh.rpc import RpcError

MakeRequest = Callable[..., Message]
Refused = Callable[[Awaitable[object]], Awaitable[RpcError]]
_OF_ACCESS = "statements/acme-access.1772366400"


async def test_a_statement_says_what_was_delivered_and_what_is_owed(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    await settling.watch(trace_of, request_of)
    statement = await settling.issue()
    assert (statement.name, statement.sequence, statement.corrects) == (f"{_OF_ACCESS}.1", 1, "")
    (summary,) = statement.agreements
    assert (summary.agreement, summary.session_count, summary.affected_session_count) == ("agreements/access", 20, 10)
    assert (summary.visit_count, summary.good_count, summary.attained_ppm) == (20, 10, 500_000)
    assert (summary.breach_count, summary.objective_ppm, summary.share_ppm) == (1, 900_000, 875_000)
    assert summary.lateness.ToMilliseconds() == 3_500
    (line,) = statement.lines
    assert (line.number, line.agreement, cents(line.amount)) == (1, "agreements/access", -10_000)
    assert line.kind == settlement_pb2.STATEMENT_LINE_KIND_PENALTY
    assert line.breach == "breaches/access.1772366400"
    assert [cents(net) for net in statement.net] == [-10_000]
    assert [(total.kind, cents(total.amount)) for total in statement.totals] == [(line.kind, -10_000)]
    assert (statement.claim_end_time.seconds - statement.issue_time.seconds) == timedelta(days=60).total_seconds()
    assert await settling.settlement(ACCESS).GetStatement(service_pb2.GetStatementRequest(name=statement.name)) == (
        statement
    )


async def test_a_statement_is_frozen_and_refused_again_until_something_changes(
    settling: Settling, trace_of: Any, request_of: MakeRequest, refused: Refused
) -> None:
    await settling.watch(trace_of, request_of)
    first = await settling.issue()
    error = await refused(settling.issue())
    assert error.reason == "ERROR_REASON_STATEMENT_NOT_DUE"
    assert "nothing has changed" in error.message
    for change in ("UPDATE sla.statement_line SET amount = 0", "DELETE FROM sla.audit_entry"):
        with pytest.raises(IntegrityError, match="never changed"):
            async with settling.network.service.runtime.store.unit_of_work() as uow:
                await uow.connection.execute(text(change))
    assert await settling.settlement().GetStatement(service_pb2.GetStatementRequest(name=first.name)) == first


async def test_late_spans_are_stated_by_a_further_statement(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    await settling.watch(trace_of, request_of, count=6)  # 3 of 6 late: in breach
    first = await settling.issue()
    assert [cents(net) for net in first.net] == [-10_000]
    for number in range(7, 60):
        await settling.network.send(trace_of(number).session(number * 10, access_ms=20, content_ms=150), request_of)
    await settling.network.closed(59)

    async def withdrawn() -> bool:
        answer = await settling.network.sla().ListBreaches(sla_pb2.ListBreachesRequest())
        return not answer.breaches

    await settling.network.until(withdrawn)
    second = await settling.issue()
    assert (second.name, second.sequence, second.corrects) == (f"{_OF_ACCESS}.2", 2, first.name)
    assert [(line.kind, cents(line.amount)) for line in second.lines] == [(first.lines[0].kind, 10_000)]
    assert second.agreements[0].visit_count == 59
    assert recompute((await settling.bundle(second.lines[0].evidence))["bundle"]).holds


async def test_what_was_charged_for_sessions_that_are_none_is_stated_back(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    for number in range(1, 7):  # the first alone is late, and whole; with the others there are enough to judge by
        parts = trace_of(number).session(number * 10, access_ms=400 if number == 1 else 20, content_ms=150)
        if number > 1:
            parts[OPERATOR][0].parent_span_id = bytes(7) + b"\x63"
        await settling.network.send(parts, request_of)
    await settling.network.closed(6)
    await settling.settled()
    first = await settling.issue()
    assert [(cents(net), first.agreements[0].visit_count) for net in first.net] == [(-10_000, 6)]
    for number in range(2, 7):
        check = trace_of(number).span(0x63, None, "nightly check", Span.SPAN_KIND_INTERNAL, 0, 1_000)
        await settling.network.send({OPERATOR: [check]}, request_of)

    async def one_left() -> bool:
        return len((await settling.network.sla().ListSessions(sla_pb2.ListSessionsRequest())).sessions) == 1

    await settling.network.until(one_left)
    second = await settling.issue()
    assert [(line.kind, cents(line.amount)) for line in second.lines] == [(first.lines[0].kind, 10_000)]
    assert second.agreements[0].visit_count == 1
    assert recompute((await settling.bundle(second.lines[0].evidence))["bundle"]).holds


async def test_a_preview_keeps_nothing(settling: Settling, trace_of: Any, request_of: MakeRequest) -> None:
    await settling.watch(trace_of, request_of)
    request = service_pb2.PreviewStatementRequest(partner="partners/acme-access", period=period())
    seen = await settling.settlement(ACCESS).PreviewStatement(request)
    assert (seen.name, seen.lines[0].evidence, cents(seen.net[0])) == ("", "", -10_000)
    listed = await settling.settlement().ListStatements(service_pb2.ListStatementsRequest())
    assert list(listed.statements) == []


async def test_what_cannot_be_stated_yet_is_refused_with_the_reason(
    settling: Settling, trace_of: Any, request_of: MakeRequest, refused: Refused
) -> None:
    await settling.network.send(trace_of(1).session(0, access_ms=20, content_ms=150), request_of)
    await settling.network.closed(1)
    error = await refused(settling.issue(end=300 * 86_400))
    assert "goes on" in error.message
    await settling.settled()
    await settling.issue()
    assert "overlaps" in (await refused(settling.issue(first=-60, end=60))).message
    for bounds in ({"first": 60, "end": 60}, {"first": 0, "end": 400 * 86_400}):
        assert (await refused(settling.issue("acme-access", **bounds))).reason == "ERROR_REASON_INVALID_VALUE"
    assert (await refused(settling.issue(partner="nobody"))).reason == "ERROR_REASON_PARTNER_NOT_FOUND"


async def test_statements_are_listed_latest_period_first(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    await settling.watch(trace_of, request_of)
    await settling.issue(first=-60, end=0)
    await settling.issue()
    await settling.issue(partner="best-content")
    request = service_pb2.ListStatementsRequest(page_size=2)
    first = await settling.settlement().ListStatements(request)
    request.page_token = first.next_page_token
    second = await settling.settlement().ListStatements(request)
    assert [each.name for each in (*first.statements, *second.statements)] == [
        f"{_OF_ACCESS}.1",
        "statements/acme-access.1772366340.1",
        "statements/best-content.1772366400.1",
    ]
    assert not second.next_page_token


async def test_the_same_request_again_gives_the_same_statement(
    settling: Settling, trace_of: Any, request_of: MakeRequest
) -> None:
    await settling.watch(trace_of, request_of)
    request = service_pb2.IssueStatementRequest(
        partner="partners/acme-access", period=period(), request_id="b0b3a7f6-0c0e-4c43-9d0e-1b9a6f1f2a3b"
    )
    first = await settling.settlement().IssueStatement(request)
    assert await settling.settlement().IssueStatement(request) == first
