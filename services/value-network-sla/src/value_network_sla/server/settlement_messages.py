"""How do statements, contests and the audit log cross the wire?"""

from google.type.interval_pb2 import Interval

from apportioning.evidence.canonical import canonical
from apportioning.rounding import MILLION
from cxmesh.sla.v1 import settlement_pb2
from mesh.api import moment_message
from value_network_sla.domain.money import Money
from value_network_sla.domain.settlement.audit import AuditEntry
from value_network_sla.domain.settlement.contest import Contest
from value_network_sla.domain.settlement.statement import (
    AgreementSummary,
    Line,
    LineKind,
    Period,
    Statement,
    evidence_of_line,
)
from value_network_sla.errors import InvalidValue
from value_network_sla.handlers.settlement.issue_statement import check_period
from value_network_sla.server.moments import duration_of_ns, moment_from, money_message


def period_from(message: Interval) -> Period:
    """A period; raises InvalidValue."""
    for side in ("start_time", "end_time"):
        if not message.HasField(side):
            raise InvalidValue(f"period.{side}", "nothing", "a moment")
    start = moment_from(message.start_time, "period.start_time")
    return check_period(Period(start, moment_from(message.end_time, "period.end_time")))


def statement_message(statement: Statement, *, issued: bool = True) -> settlement_pb2.Statement:
    """A statement; one that is not issued has no name, no time and no evidence yet."""
    message = settlement_pb2.Statement(
        partner=statement.partner,
        period=Interval(
            start_time=moment_message(statement.period.start), end_time=moment_message(statement.period.end)
        ),
        sequence=statement.sequence,
        corrects=statement.corrects,
        agreements=map(_summary_message, statement.summaries),
        lines=[_line_message(statement, line, issued=issued) for line in statement.lines],
        net=[money_message(Money.of_units(sum_, currency)) for currency, sum_ in sorted(statement.net.items())],
        totals=[
            settlement_pb2.KindTotal(kind=_kind(kind), amount=money_message(Money.of_units(sum_, currency)))
            for (kind, currency), sum_ in statement.totals.items()
        ],
    )
    if issued:
        message.name = statement.name
        message.issue_time.CopyFrom(moment_message(statement.issue_time))
        message.claim_end_time.CopyFrom(moment_message(statement.claim_end_time))
    return message


def contest_message(contest: Contest) -> settlement_pb2.Contest:
    """A contest as a message."""
    return settlement_pb2.Contest(
        name=contest.name,
        partner=contest.partner,
        statement=contest.statement,
        line=contest.line,
        reason=settlement_pb2.ContestReason.Value(f"CONTEST_REASON_{contest.reason.value}"),
        explanation=contest.explanation,
        evidence=contest.evidence,
        state=settlement_pb2.ContestState.Value(f"CONTEST_STATE_{contest.state.value}"),
        answer=contest.answer,
        resolution=contest.resolution,
        adjustment=money_message(Money.of_units(contest.adjustment, contest.currency)),
        settled_by=contest.settled_by,
        open_time=moment_message(contest.open_time),
        update_time=moment_message(contest.update_time),
    )


def audit_message(entry: AuditEntry) -> settlement_pb2.AuditEntry:
    """An entry of the audit log as a message."""
    step = entry.step
    return settlement_pb2.AuditEntry(
        number=entry.number,
        partner=step.partner,
        subject=step.subject,
        action=step.action.value,
        actor=step.actor,
        detail=canonical(step.detail).decode(),
        entry_time=moment_message(step.time),
        digest=entry.digest.hex(),
        previous_digest=entry.previous_digest.hex(),
    )


def _summary_message(summary: AgreementSummary) -> settlement_pb2.AgreementSummary:
    return settlement_pb2.AgreementSummary(
        agreement=summary.agreement,
        session_count=summary.sessions,
        affected_session_count=summary.hits,
        visit_count=summary.visits,
        good_count=summary.good,
        attained_ppm=summary.good * MILLION // summary.visits if summary.visits else None,
        objective_ppm=summary.objective_ppm,
        breach_count=summary.breaches,
        lateness=duration_of_ns(summary.lateness_ns),
        share_ppm=summary.lateness_ns * MILLION // summary.all_lateness_ns if summary.all_lateness_ns else 0,
    )


def _line_message(statement: Statement, line: Line, *, issued: bool) -> settlement_pb2.StatementLine:
    return settlement_pb2.StatementLine(
        number=line.number,
        kind=_kind(line.kind),
        agreement=line.agreement,
        breach=line.breach,
        description=line.description,
        amount=money_message(line.money),
        evidence=evidence_of_line(statement.name, line.number) if issued else "",
    )


def _kind(kind: LineKind) -> settlement_pb2.StatementLineKind.ValueType:
    return settlement_pb2.StatementLineKind.Value(f"STATEMENT_LINE_KIND_{kind.value}")
