"""What does the check of many bills find? The right ones are told apart at once, the wrong ones are explained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from billing_accuracy.domain.billed import by_code
from billing_accuracy.domain.bills import LARGEST, Bill
from billing_accuracy.domain.compare import Alternatives, find
from billing_accuracy.domain.expected import ExpectedBill, as_billed
from billing_accuracy.domain.findings import CorrectionLine, Finding, Verdict
from billing_accuracy.domain.matching import Matched, match
from billing_accuracy.domain.policy import VerdictPolicy
from billing_accuracy.domain.rerate import Rerating
from billing_accuracy.domain.usage import BillCase, UsageTable
from rating import Tariff


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check of one bill found."""

    case: BillCase
    expected_total: Fraction
    verdict: Verdict
    findings: tuple[Finding, ...]
    correction: tuple[CorrectionLine, ...]
    record_count: int

    @property
    def is_too_large(self) -> bool:
        """Whether an expected amount is larger than any that can be kept."""
        return any(abs(amount) > LARGEST for amount in (self.expected_total, *(one.expected for one in self.findings)))


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A bill that is not simply right."""

    expected: ExpectedBill
    matched: Matched


def check(
    cases: Sequence[BillCase], usage: UsageTable, tariffs: Mapping[str, Tariff], policy: VerdictPolicy
) -> list[Checked]:
    """A result per case, in their order. Every segment's plan has a tariff, in force when the segment starts."""
    rerating = Rerating(cases, usage, tariffs)
    suspects: dict[int, _Suspect] = {}
    for index, case in enumerate(cases):
        if not _is_right(case.bill, index, rerating):
            expected = rerating.expected(index)
            suspects[index] = _Suspect(expected, match(case.bill, expected))
    alternatives = rerating.alternatives(
        index for index, suspect in suspects.items() if suspect.matched.off or suspect.matched.unexpected
    )
    return [
        _explained(case, suspects[index], alternatives.get(index, {}), policy, rerating.record_count(index))
        if index in suspects
        else Checked(case, case.bill.total, Verdict.PASS, (), (), rerating.record_count(index))
        for index, case in enumerate(cases)
    ]


def _is_right(bill: Bill, index: int, rerating: Rerating) -> bool:
    """Whether each charge that is due stands on the bill rightly, nothing else does, and the total follows."""
    due = rerating.figures(index)
    for billed in by_code(bill.lines):
        charge = due.pop(billed.charge_code, None)
        if charge is None or not billed.is_right(charge):
            return False
    if any(charge.amount for charge in due.values()) or rerating.unrated_count(index):
        return False
    return bill.total == as_billed(sum((line.amount for line in bill.lines), Fraction()), rerating.rounding(index))


def _explained(
    case: BillCase, suspect: _Suspect, alternatives: Alternatives, policy: VerdictPolicy, record_count: int
) -> Checked:
    causes = find(case.bill, suspect.expected, suspect.matched, alternatives)
    findings = tuple(cause.finding for cause in causes)
    return Checked(
        case=case,
        expected_total=suspect.expected.total,
        verdict=policy.judge(findings, suspect.expected.total),
        findings=findings,
        correction=tuple(line for cause in causes for line in cause.correction),
        record_count=record_count,
    )
