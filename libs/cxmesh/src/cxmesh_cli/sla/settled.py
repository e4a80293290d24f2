"""What is a partner owed, what does it owe, and what does it object to?"""

from collections.abc import Iterator, Sequence
from datetime import UTC

import grpc

from cxmesh.sla.v1 import settlement_pb2, settlement_service_pb2
from cxmesh.sla.v1.settlement_service_pb2_grpc import SettlementServiceStub
from cxmesh_cli.period import Period
from cxmesh_cli.sla.calls import pages
from cxmesh_cli.sla.document import Cell, Table
from cxmesh_cli.sla.kept import moment_text
from cxmesh_cli.sla.money import amount_of

Statements = Sequence[settlement_pb2.Statement]


def statements_of(channel: grpc.Channel, partner: str, period: Period) -> Statements:
    """The statements whose period touches this one, the earliest first."""
    request = settlement_service_pb2.ListStatementsRequest(partner=partner)
    found = pages(SettlementServiceStub(channel).ListStatements, request, "statements", "statements")
    touching = [each for each in found if _touches(each, period)]
    return sorted(touching, key=lambda each: (each.period.start_time.ToNanoseconds(), each.sequence))


def statement_table(statements: Statements) -> Table:
    """A line for each statement and currency."""
    return Table(
        name="statements",
        title="Statements",
        columns=("statement", "period start", "period end", "corrects", "issued", "contest until", "net", "currency"),
        rows=[row for statement in statements for row in _statement_rows(statement)],
        empty="none was issued",
    )


def line_table(statements: Statements) -> Table:
    """Every line of these statements."""
    return Table(
        name="statement_lines",
        title="What is owed",
        columns=("statement", "line", "kind", "agreement", "amount", "currency", "description"),
        rows=[_line_row(statement, line) for statement in statements for line in statement.lines],
        empty="nothing",
    )


def contest_table(channel: grpc.Channel, partner: str, statements: Statements) -> Table:
    """Contests of lines of these statements."""
    names = {statement.name for statement in statements}
    request = settlement_service_pb2.ListContestsRequest(partner=partner)
    found = pages(SettlementServiceStub(channel).ListContests, request, "contests", "contests")
    return Table(
        name="contests",
        title="Contests",
        columns=("contest", "statement", "line", "reason", "state", "adjustment", "currency", "opened"),
        rows=[_contest_row(contest) for contest in found if contest.statement in names],
        empty="none",
    )


def _touches(statement: settlement_pb2.Statement, period: Period) -> bool:
    start, end = (getattr(statement.period, side).ToDatetime(UTC) for side in ("start_time", "end_time"))
    return bool(start < period.end and end > period.start)


def _statement_rows(statement: settlement_pb2.Statement) -> Iterator[Sequence[Cell]]:
    facts = (
        statement.name.removeprefix("statements/"),
        moment_text(statement.period.start_time.ToDatetime(UTC)),
        moment_text(statement.period.end_time.ToDatetime(UTC)),
        statement.corrects.removeprefix("statements/"),
        moment_text(statement.issue_time.ToDatetime(UTC)),
        moment_text(statement.claim_end_time.ToDatetime(UTC)),
    )
    for net in statement.net:
        yield (*facts, amount_of(net), net.currency_code)
    if not statement.net:
        yield (*facts, None, "")


def _line_row(statement: settlement_pb2.Statement, line: settlement_pb2.StatementLine) -> Sequence[Cell]:
    return (
        statement.name.removeprefix("statements/"),
        line.number,
        settlement_pb2.StatementLineKind.Name(line.kind).removeprefix("STATEMENT_LINE_KIND_").lower(),
        line.agreement.removeprefix("agreements/"),
        amount_of(line.amount),
        line.amount.currency_code,
        line.description,
    )


def _contest_row(contest: settlement_pb2.Contest) -> Sequence[Cell]:
    return (
        contest.name.removeprefix("contests/"),
        contest.statement.removeprefix("statements/"),
        contest.line,
        settlement_pb2.ContestReason.Name(contest.reason).removeprefix("CONTEST_REASON_").lower(),
        settlement_pb2.ContestState.Name(contest.state).removeprefix("CONTEST_STATE_").lower().replace("_", " "),
        amount_of(contest.adjustment) if contest.HasField("adjustment") else None,
        contest.adjustment.currency_code,
        moment_text(contest.open_time.ToDatetime(UTC)),
    )
