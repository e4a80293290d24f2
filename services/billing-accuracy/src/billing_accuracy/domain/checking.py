"""What does the check of many bills find? The right ones are told apart at once, the wrong ones are explained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from billing_accuracy.domain.amounts import as_billed, total
from billing_accuracy.domain.billed import by_code
from billing_accuracy.domain.bills import LARGEST
from billing_accuracy.domain.cause import Cause
from billing_accuracy.domain.compare import find, total_cause
from billing_accuracy.domain.evidence.records import BillRecords
from billing_accuracy.domain.expected import ExpectedBill
from billing_accuracy.domain.findings import CorrectionLine, Finding, Verdict
from billing_accuracy.domain.follow_causes import all_follow, following_causes, total_causes
from billing_accuracy.domain.matching import Matched, match
from billing_accuracy.domain.policy import VerdictPolicy
from billing_accuracy.domain.quotes import against_quote
from billing_accuracy.domain.rerate import Rerating
from billing_accuracy.domain.totals import included_taxes, wrong_totals
from billing_accuracy.domain.usage import BillCase
from billing_accuracy.domain.usage_table import UsageTable
from billing_accuracy.domain.variants import variants_of
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
    rows: tuple[tuple[int, ...], ...] = ()
    """For each finding the records that it is about, where it is about certain ones: rows of the usage."""

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
        if not _is_right(case, index, rerating):
            expected = rerating.expected(index)
            suspects[index] = _Suspect(expected, match(expected.rules.told_apart(case.bill.all_lines)[0], expected))
    unclear = [
        index
        for index, one in suspects.items()
        if one.matched.off
        or one.matched.unexpected
        or (one.matched.missing and cases[index].groups)
        or usage.has_repeats(cases[index].bill.subscription)
    ]
    variants = variants_of(cases, usage, tariffs, unclear)
    return [
        _explained(
            case,
            suspects[index],
            find(
                case.bill,
                suspects[index].expected,
                suspects[index].matched,
                variants.get(index, []),
                BillRecords(case, usage, tariffs),
            ),
            policy,
            rerating.record_count(index),
        )
        if index in suspects
        else Checked(case, case.bill.total, Verdict.PASS, (), (), rerating.record_count(index))
        for index, case in enumerate(cases)
    ]


def _is_right(case: BillCase, index: int, rerating: Rerating) -> bool:
    """Whether each charge that is due stands on the bill rightly, nothing else does, and the totals follow."""
    if case.account.quote is not None:
        return False  # a first bill is looked at in full, beside what was promised
    due, bill = rerating.due(index), case.bill
    charges, followers = dict(due.charges), due.rules.followers()
    lines, following = due.rules.told_apart(bill.all_lines)
    for billed in by_code(lines):
        charge = charges.pop(billed.charge_code, None)
        if charge is None or not billed.is_right(charge):
            return False
    if any(charge.amount for charge in charges.values()) or rerating.unrated_count(index):
        return False
    if (following or followers) and not all_follow(bill, following, followers):
        return False
    asked = total(line.amount for line in bill.all_lines) - included_taxes(bill, followers)
    return bill.total == as_billed(asked, rerating.rounding(index)) and not any(
        wrong_totals(bill, followers, case.account.balance)
    )


def _explained(
    case: BillCase, suspect: _Suspect, of_charges: Sequence[Cause], policy: VerdictPolicy, record_count: int
) -> Checked:
    bill, expected = case.bill, suspect.expected
    causes = following_causes(bill, expected, of_charges)
    causes += [*total_cause(bill, expected), *total_causes(bill, expected, case.account.balance)]
    if case.account.quote is not None:
        causes += [Cause(one) for one in against_quote(case.account.quote, expected, bill.currency)]
    causes.sort(key=lambda cause: cause.finding.rank)
    findings = tuple(cause.finding for cause in causes)
    return Checked(
        case=case,
        expected_total=suspect.expected.total,
        verdict=policy.judge(findings, suspect.expected.total),
        findings=findings,
        correction=tuple(line for cause in causes for line in cause.correction),
        record_count=record_count,
        rows=tuple(cause.rows for cause in causes),
    )
