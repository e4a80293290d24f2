"""Which lines make a wrong bill right, and what does the bill look like then?"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from billing_accuracy.domain.bills import TOTAL, Bill, BillLine, LineType
from billing_accuracy.domain.expected import ExpectedBill
from billing_accuracy.domain.findings import CorrectionLine, Finding, FindingClass


def propose(bill: Bill, expected: ExpectedBill, findings: Sequence[Finding]) -> tuple[CorrectionLine, ...]:
    """Reversals of the lines that findings are about, and the right charges in their place."""
    lines = {line.line_id: line for line in bill.lines}
    correction: list[CorrectionLine] = []
    for finding in findings:
        reversed_lines = [lines[line_id] for line_id in finding.line_ids]
        correction += [CorrectionLine(line.line_id, line.charge_code, -line.amount) for line in reversed_lines]
        if finding.finding_class is FindingClass.ARITHMETIC:
            correction.append(CorrectionLine("", TOTAL, -finding.difference))
        elif finding.finding_class is not FindingClass.DUPLICATE_LINE:
            codes = [line.charge_code for line in reversed_lines] or [finding.charge_code]
            correction += [
                CorrectionLine("", code, expected.charges[code].amount) for code in codes if code in expected.charges
            ]
    return tuple(correction)


def apply(bill: Bill, correction: Sequence[CorrectionLine], expected: ExpectedBill) -> Bill:
    """The bill as the billing system would make it after the correction."""
    gone = {one.reversed_line_id for one in correction if one.reversed_line_id}
    added = [
        BillLine(
            line_id=f"corrected-{number}",
            line_type=expected.charges[one.charge_code].line_type
            if one.charge_code in expected.charges
            else LineType.USAGE,
            charge_code=one.charge_code,
            record_count=None,
            quantity=None,
            amount=one.amount,
        )
        for number, one in enumerate(correction, start=1)
        if not one.reversed_line_id and one.charge_code != TOTAL
    ]
    kept = [line for line in bill.lines if line.line_id not in gone]
    moved = sum((one.amount for one in correction), Fraction())
    return replace(bill, lines=(*kept, *added), total=bill.total + moved)
