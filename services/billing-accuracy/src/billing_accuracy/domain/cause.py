"""What is one thing that is wrong with a bill, and which lines put it right?"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from billing_accuracy.domain.bills import TOTAL, BillLine
from billing_accuracy.domain.expected import ExpectedCharge
from billing_accuracy.domain.findings import CorrectionLine, Finding, FindingClass
from billing_accuracy.domain.following import BillRules
from billing_accuracy.domain.matching import Pair


@dataclass(frozen=True, slots=True)
class Cause:
    """Something wrong with a bill, and the lines that put it right."""

    finding: Finding
    correction: tuple[CorrectionLine, ...] = ()
    rows: tuple[int, ...] = ()
    """Records that it is about, where it is about certain ones: rows of the usage that was checked against."""
    rules: BillRules | None = None
    """By which discounts and taxes follow, where it is that another plan or version was taken."""


def instead(finding_class: FindingClass, pair: Pair, text: str, cause: str = "") -> Cause:
    """What is due stands in the place of what is billed."""
    return replacing(finding_class, pair.billed.lines, (pair.charge,), text, cause=cause)


def replacing(
    finding_class: FindingClass,
    lines: Sequence[BillLine],
    charges: Sequence[ExpectedCharge],
    text: str,
    derivation: Sequence[str] = (),
    cause: str = "",
) -> Cause:
    """Charges stand in the place of lines."""
    codes = {line.charge_code for line in lines}
    if len(lines) != 1 or len(charges) != 1:  # else it is about the line, even if its code is wrong
        codes |= {charge.charge_code for charge in charges}
    finding = Finding(
        finding_class=finding_class,
        line_ids=tuple(line.line_id for line in lines),
        charge_code=codes.pop() if len(codes) == 1 else "",
        billed=sum_of(lines),
        expected=sum_of(charges),
        explanation=text,
        derivation=(*derivation, *(step for charge in charges for step in charge.derivation())),
        cause=cause,
    )
    reversals = [CorrectionLine(line.line_id, line.charge_code, -line.amount) for line in lines]
    added = [
        CorrectionLine("", charge.charge_code, charge.amount, charge.line_type) for charge in charges if charge.amount
    ]
    return Cause(finding, (*reversals, *added))


def of_total(finding_class: FindingClass, asked: Fraction, right: Fraction, text: str) -> Cause:
    """Something is wrong with the total alone."""
    correction = CorrectionLine("", TOTAL, right - asked)
    return Cause(Finding(finding_class, (), TOTAL, asked, right, text), (correction,))


def sum_of(found: Sequence[BillLine] | Sequence[ExpectedCharge]) -> Fraction:
    """Their amounts added up."""
    return sum((one.amount for one in found), Fraction())
