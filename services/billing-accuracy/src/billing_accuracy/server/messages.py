"""How are bill runs and checks said on the wire?"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from billing_accuracy.domain.bills import LineType
from billing_accuracy.domain.findings import CorrectionLine, Finding, FindingClass, HoldState, ReleaseKind, Verdict
from billing_accuracy.errors import BillProblem
from billing_accuracy.handlers.ports import BillCheck, BillRun, RunReport
from cxmesh.billing.v1 import bill_check_pb2, bill_pb2
from cxmesh.billing.v1 import billing_accuracy_service_pb2 as pb
from cxmesh.billing.v1.error_reason_pb2 import ErrorReason
from mesh.api import to_money
from rating import to_micros

VERDICTS: Final = {verdict: bill_check_pb2.Verdict.Value(f"VERDICT_{verdict}") for verdict in Verdict}
HOLD_STATES: Final = {state: bill_check_pb2.HoldState.Value(f"HOLD_STATE_{state}") for state in HoldState}
RELEASE_KINDS: Final = {kind: bill_check_pb2.ReleaseKind.Value(f"RELEASE_KIND_{kind}") for kind in ReleaseKind}
CLASSES: Final = {kind: bill_pb2.FindingClass.Value(f"FINDING_CLASS_{kind}") for kind in FindingClass}

LINE_TYPES: Final[Mapping[LineType | None, bill_pb2.LineType.ValueType]] = {
    each: bill_pb2.LineType.Value(f"LINE_TYPE_{each}") for each in LineType if each is not LineType.TAX
}
"""A tax is none of the lines: its charge code says what it is."""


def bill_run_message(run: BillRun, report: RunReport) -> bill_pb2.BillRun:
    """A bill run with what was found so far."""
    message = bill_pb2.BillRun(
        name=f"billRuns/{run.bill_run_id}", display_name=run.display_name, currency_code=run.currency
    )
    message.create_time.FromDatetime(run.create_time)
    message.report.CopyFrom(
        bill_pb2.BillRunReport(
            bill_count=report.bills,
            line_count=report.lines,
            record_count=report.records,
            passed_count=report.verdicts.get(Verdict.PASS, 0),
            noted_count=report.verdicts.get(Verdict.PASS_WITH_NOTE, 0),
            held_count=report.verdicts.get(Verdict.HOLD, 0),
            finding_totals=[
                bill_pb2.FindingClassTotal(
                    finding_class=CLASSES[kind], finding_count=count, difference=_money(difference, run.currency)
                )
                for kind, (count, difference) in sorted(report.findings.items())
            ],
        )
    )
    return message


def bill_check_message(check: BillCheck) -> bill_check_pb2.BillCheck:
    """A check with everything that was found."""
    message = bill_check_pb2.BillCheck(
        name=f"billChecks/{check.bill_check_id}",
        bill=f"bills/{check.bill_id}",
        bill_run=f"billRuns/{check.bill_run_id}",
        subscription=check.subscription,
        customer=check.customer,
        plan=check.plan,
        billed_total=_money(check.billed_total, check.currency),
        expected_total=_money(check.expected_total, check.currency),
        verdict=VERDICTS[check.verdict],
        hold_state=HOLD_STATES[check.hold_state],
        findings=[finding_message(finding, check.bill_id, check.currency) for finding in check.findings],
        proposed_correction=[_correction(line, check.currency) for line in check.correction],
        record_count=check.record_count,
    )
    message.billing_period.start_time.FromDatetime(check.start)
    message.billing_period.end_time.FromDatetime(check.end)
    message.check_time.FromDatetime(check.check_time)
    if check.release is not None:
        time = Timestamp()
        time.FromDatetime(check.release.time)
        message.release.CopyFrom(
            bill_check_pb2.HoldRelease(
                kind=RELEASE_KINDS[check.release.kind],
                released_by=check.release.released_by,
                agent=check.release.agent,
                reason=check.release.reason,
                time=time,
            )
        )
    return message


def check_bills_response(outcomes: Sequence[BillCheck | BillProblem]) -> pb.CheckBillsResponse:
    """The outcomes of one call, in the order of the bills."""
    response = pb.CheckBillsResponse()
    for index, outcome in enumerate(outcomes):
        if isinstance(outcome, BillProblem):
            reason = ErrorReason.Value(f"ERROR_REASON_{outcome.reason}")
            response.rejections.add(index=index, reason=reason, field=outcome.field, description=outcome.description)
        else:
            response.outcomes.add(
                index=index,
                bill_check=f"billChecks/{outcome.bill_check_id}",
                verdict=VERDICTS[outcome.verdict],
                finding_count=len(outcome.findings),
            )
    return response


def finding_message(finding: Finding, bill_id: str, currency: str) -> bill_check_pb2.Finding:
    """One thing wrong with a bill."""
    return bill_check_pb2.Finding(
        finding_id=finding.key(bill_id),
        finding_class=CLASSES[finding.finding_class],
        line_ids=finding.line_ids,
        charge_code=finding.charge_code,
        billed=_money(finding.billed, currency),
        expected=_money(finding.expected, currency),
        difference=_money(finding.difference, currency),
        explanation=finding.explanation,
        derivation=finding.derivation,
        follow_on=_money(finding.follow_on, currency) if finding.follow_on else None,
        statement_only=not finding.in_total,
        evidence_records=finding.evidence,
        cause=finding.cause,
    )


def _correction(line: CorrectionLine, currency: str) -> bill_check_pb2.CorrectionLine:
    return bill_check_pb2.CorrectionLine(
        reversed_line_id=line.reversed_line_id,
        charge_code=line.charge_code,
        amount=_money(line.amount, currency),
        line_type=LINE_TYPES.get(line.line_type, bill_pb2.LINE_TYPE_UNSPECIFIED),
    )


def _money(amount: Fraction, currency: str) -> Money:
    return to_money(to_micros(amount), currency)
