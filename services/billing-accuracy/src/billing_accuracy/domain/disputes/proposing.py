"""What settles a dispute? The findings of the check say what is wrong with what the customer doubts.

How sure a proposal is follows from how well the cause is known: a difference whose cause gives exactly the billed
amount is as good as proven, one that nothing explains is likely. Where the customer doubts more than the findings
explain, or objects to an earlier settlement, a person decides.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from billing_accuracy.domain import words
from billing_accuracy.domain.disputes.dispute import Evidence, Outcome, Proposal
from billing_accuracy.domain.expected import ExpectedBill
from billing_accuracy.domain.findings import Finding, FindingClass

_PROVEN: Final = 0.99
_LIKELY: Final = 0.8
_UNSURE: Final = 0.5
_OPEN: Final = 0.3
_WITHOUT_CAUSE: Final = frozenset({FindingClass.OVERCHARGE, FindingClass.UNDERCHARGE, FindingClass.UNEXPLAINED})


def evidence_of(
    charge_codes: tuple[str, ...], expected: ExpectedBill, findings: Iterable[Finding], earlier: tuple[str, ...]
) -> Evidence:
    """What speaks for and against a doubt about these charges; about the whole bill when there are none."""
    concerned = tuple(one for one in findings if not charge_codes or one.charge_code in charge_codes)
    charges = [charge for code, charge in expected.charges.items() if not charge_codes or code in charge_codes]
    followers = [one for code, one in expected.followers.items() if not charge_codes or code in charge_codes]
    due = [charge.amount for charge in charges] + [one.amount for one in followers if one.in_total]
    right = sum(due, Fraction()) if charge_codes else expected.total
    wrong = sum((one.difference for one in concerned if one.in_total), Fraction())
    return Evidence(
        billed=right + wrong,
        expected=right,
        findings=concerned,
        derivation=tuple(
            step
            for steps in (*(charge.derivation() for charge in charges), *(one.derivation for one in followers))
            for step in steps
        ),
        earlier=earlier,
    )


def propose(evidence: Evidence, disputed: Fraction | None, currency: str, *, again: bool) -> Proposal:
    """What is proposed; `again`: the customer objects to how it was settled before."""
    credit = max(Fraction(), evidence.billed - evidence.expected)
    if again:
        text = "The customer objects to how it was settled before: a person has to look at it."
        return Proposal(Outcome.NEEDS_PERSON, credit, _OPEN, text)
    if not credit:
        if disputed is not None and disputed > evidence.billed:
            text = f"More is doubted than the {words.money(evidence.billed, currency)} that the bill asks for it."
            return Proposal(Outcome.NEEDS_PERSON, credit, _OPEN, text)
        text = f"The {words.money(evidence.billed, currency)} are what was used and agreed; the derivation shows it."
        confidence = _LIKELY if evidence.earlier else _PROVEN
        return Proposal(Outcome.EXPLAINED, credit, confidence, text)
    causes = " ".join(one.explanation + "." for one in evidence.findings if one.difference > 0)
    known = all(one.finding_class not in _WITHOUT_CAUSE for one in evidence.findings)
    confidence = _PROVEN if known else _LIKELY
    if disputed is not None and disputed > credit:
        confidence = min(confidence, _UNSURE)
    if evidence.earlier:
        confidence = min(confidence, _UNSURE)
    return Proposal(Outcome.JUSTIFIED, credit, confidence, causes)
