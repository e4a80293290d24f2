"""What does the check of many bills find? The right ones are told apart at once, the wrong ones are explained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.compare import find
from billing_accuracy.domain.correction import propose
from billing_accuracy.domain.findings import CorrectionLine, Finding, Verdict
from billing_accuracy.domain.policy import VerdictPolicy
from billing_accuracy.domain.rerate import Rerating
from billing_accuracy.domain.usage import Segment, UsageTable
from rating import Tariff


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check of one bill found."""

    plan: str
    expected_total: Fraction
    verdict: Verdict
    findings: tuple[Finding, ...]
    correction: tuple[CorrectionLine, ...]
    record_count: int


def check(
    bills: Sequence[Bill],
    segments: Sequence[Segment],
    usage: UsageTable,
    tariffs: Mapping[str, Tariff],
    policy: VerdictPolicy,
) -> list[Checked]:
    """A result per bill, in their order. Every bill has at least one segment, every segment's plan a tariff."""
    rerating = Rerating(bills, segments, usage, tariffs)
    plans = {segment.bill: segment.plan for segment in segments}
    wrong = [index for index, bill in enumerate(bills) if not _is_right(bill, index, rerating)]
    alternatives = rerating.alternatives(wrong)
    results: dict[int, Checked] = {}
    for index in wrong:
        bill, expected = bills[index], rerating.expected(index)
        findings = find(bill, expected, alternatives[index])
        verdict = policy.judge(findings, expected.total)
        results[index] = Checked(
            plan=expected.plan,
            expected_total=expected.total,
            verdict=verdict,
            findings=findings,
            correction=propose(bill, expected, findings),
            record_count=int(rerating.record_counts[index]),
        )
    return [
        results.get(index)
        or Checked(plans[index], bill.total, Verdict.PASS, (), (), int(rerating.record_counts[index]))
        for index, bill in enumerate(bills)
    ]


def _is_right(bill: Bill, index: int, rerating: Rerating) -> bool:
    """Whether each charge stands once with the right amount and counts, nothing else stands, and the sum is right."""
    expected = rerating.amounts(index)
    if rerating.unrated(index):
        return False
    total = Fraction()
    for line in bill.lines:
        records, quantity, amount = expected.pop(line.charge_code, (None, None, None))
        if amount is None or line.amount != amount:
            return False
        if line.record_count not in (None, records) or line.quantity not in (None, quantity):
            return False
        total += amount
    return total == bill.total and not any(amount for _, _, amount in expected.values())
