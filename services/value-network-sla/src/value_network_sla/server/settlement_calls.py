"""How are calls on statements and contests answered?"""

from dataclasses import replace
from datetime import datetime

from cxmesh.sla.v1 import settlement_pb2
from cxmesh.sla.v1 import settlement_service_pb2 as service_pb2
from cxmesh.sla.v1.settlement_service_pb2_grpc import SettlementServiceServicer
from mesh.rpc import current_identity
from value_network_sla.domain.settlement.contest import Contest, Reason, State
from value_network_sla.errors import StatementNotFound
from value_network_sla.handlers.ports import Work
from value_network_sla.handlers.settlement.contest_lines import (
    answer_contest,
    contest_line,
    read_contest,
    resolve_contest,
    withdraw_contest,
)
from value_network_sla.handlers.settlement.issue_statement import issue_statement, preview_statement
from value_network_sla.handlers.settlement.ports import SettlementTerms
from value_network_sla.server.calls import Calls, Context, viewer
from value_network_sla.server.moments import penalty_from
from value_network_sla.server.pages import FEW, next_page_token, page_key, page_size
from value_network_sla.server.settlement_messages import (
    audit_message,
    contest_message,
    period_from,
    statement_message,
)


class SettlementServicer(SettlementServiceServicer):
    """Every call of the service."""

    def __init__(self, calls: Calls, terms: SettlementTerms) -> None:
        self._calls = calls
        self._terms = terms

    async def IssueStatement(
        self, request: service_pb2.IssueStatementRequest, context: Context
    ) -> settlement_pb2.Statement:
        """Work a period out and freeze it."""
        period, actor = period_from(request.period), _actor()

        async def make(work: Work) -> settlement_pb2.Statement:
            return statement_message(await issue_statement(work, request.partner, period, actor, self._terms))

        return await self._calls.once("IssueStatement", request, make)

    async def PreviewStatement(
        self, request: service_pb2.PreviewStatementRequest, context: Context
    ) -> settlement_pb2.Statement:
        """What would be stated now."""
        viewer().check_partner(request.partner)
        period = period_from(request.period)

        async def look(work: Work) -> settlement_pb2.Statement:
            found = await preview_statement(work.records, request.partner, period, work.now)
            return statement_message(found, issued=False)

        return await self._calls.change(look)

    async def GetStatement(
        self, request: service_pb2.GetStatementRequest, context: Context
    ) -> settlement_pb2.Statement:
        """One statement."""
        async with self._calls.reading() as records:
            found = await records.settlement.statements.get(request.name)
        if not viewer().sees(found.partner):
            raise StatementNotFound(request.name)
        return statement_message(found)

    async def ListStatements(
        self, request: service_pb2.ListStatementsRequest, context: Context
    ) -> service_pb2.ListStatementsResponse:
        """Statements by partner, latest first; to a partner, its own."""
        only = viewer().only(request.partner)
        size, after = page_size(request, FEW), page_key(request, _statement_key, None)
        async with self._calls.reading() as records:
            found = await records.settlement.statements.page(only, after, size + 1)
        return service_pb2.ListStatementsResponse(
            statements=map(statement_message, found[:size]),
            next_page_token=next_page_token(
                request, found, size, lambda each: [each.partner, each.period.start, each.sequence]
            ),
        )

    async def OpenContest(self, request: service_pb2.OpenContestRequest, context: Context) -> settlement_pb2.Contest:
        """A partner objects."""
        reader, actor, contest = viewer(), _actor(), _contest_from(request, self._calls.clock.now())

        async def make(work: Work) -> settlement_pb2.Contest:
            new = replace(contest, open_time=work.now, update_time=work.now)
            return contest_message(await contest_line(work, new, reader, actor))

        return await self._calls.once("OpenContest", request, make)

    async def AnswerContest(
        self, request: service_pb2.AnswerContestRequest, context: Context
    ) -> settlement_pb2.Contest:
        """The provider answers."""
        actor = _actor()

        async def make(work: Work) -> settlement_pb2.Contest:
            return contest_message(await answer_contest(work, request.name, request.answer, actor))

        return await self._calls.once("AnswerContest", request, make)

    async def ResolveContest(
        self, request: service_pb2.ResolveContestRequest, context: Context
    ) -> settlement_pb2.Contest:
        """The provider decides."""
        actor = _actor()
        outcome = State(settlement_pb2.ContestState.Name(request.outcome).removeprefix("CONTEST_STATE_"))
        money = penalty_from(request.amount, "amount") if request.HasField("amount") else None
        part = None if money is None else (money.units, money.currency)

        async def make(work: Work) -> settlement_pb2.Contest:
            return contest_message(await resolve_contest(work, request.name, outcome, request.resolution, part, actor))

        return await self._calls.once("ResolveContest", request, make)

    async def WithdrawContest(
        self, request: service_pb2.WithdrawContestRequest, context: Context
    ) -> settlement_pb2.Contest:
        """The partner takes it back."""
        reader, actor = viewer(), _actor()

        async def make(work: Work) -> settlement_pb2.Contest:
            return contest_message(await withdraw_contest(work, request.name, reader, actor))

        return await self._calls.once("WithdrawContest", request, make)

    async def GetContest(self, request: service_pb2.GetContestRequest, context: Context) -> settlement_pb2.Contest:
        """One contest."""
        async with self._calls.reading() as records:
            return contest_message(await read_contest(records, request.name, viewer()))

    async def ListContests(
        self, request: service_pb2.ListContestsRequest, context: Context
    ) -> service_pb2.ListContestsResponse:
        """Contests by name; to a partner, its own."""
        only = viewer().only(request.partner)
        size, after = page_size(request, FEW), page_key(request, str, "")
        async with self._calls.reading() as records:
            found = await records.settlement.contests.page(only, after, size + 1, pending_only=request.pending_only)
        return service_pb2.ListContestsResponse(
            contests=map(contest_message, found[:size]),
            next_page_token=next_page_token(request, found, size, lambda each: [each.name]),
        )

    async def ListAuditEntries(
        self, request: service_pb2.ListAuditEntriesRequest, context: Context
    ) -> service_pb2.ListAuditEntriesResponse:
        """Every step of a partner's settlements, oldest first."""
        viewer().check_partner(request.partner)
        size, after = page_size(request, FEW), page_key(request, int, 0)
        async with self._calls.reading() as records:
            await records.partners.get(request.partner)
            found = await records.settlement.audit.page(request.partner, after, size + 1)
        return service_pb2.ListAuditEntriesResponse(
            entries=map(audit_message, found[:size]),
            next_page_token=next_page_token(request, found, size, lambda each: [each.number]),
        )


def _actor() -> str:
    identity = current_identity()
    return f"{identity.kind}s/{identity.name}"


def _contest_from(request: service_pb2.OpenContestRequest, now: datetime) -> Contest:
    return Contest(
        name=f"contests/{request.contest_id}",
        partner="",
        statement=request.statement,
        line=request.line,
        reason=Reason(settlement_pb2.ContestReason.Name(request.reason).removeprefix("CONTEST_REASON_")),
        explanation=request.explanation,
        evidence=tuple(request.evidence),
        currency="",
        state=State.OPEN,
        open_time=now,
        update_time=now,
    )


def _statement_key(partner: str, start: datetime, sequence: int) -> tuple[str, datetime, int] | None:
    return partner, start, sequence
