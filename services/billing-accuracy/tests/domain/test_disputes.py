"""Is a proposal as sure as its cause, and never generous with what is not known?"""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_accuracy.domain.disputes.dispute import Evidence, Outcome
from billing_accuracy.domain.disputes.policy import DisputePolicyError, load_dispute_policy
from billing_accuracy.domain.disputes.proposing import propose
from billing_accuracy.domain.findings import Finding, FindingClass

amounts = st.integers(0, 99_999).map(lambda cents: Fraction(cents, 100))


def evidence(
    billed: Fraction, expected: Fraction, kind: FindingClass = FindingClass.WRONG_BAND, *earlier: str
) -> Evidence:
    finding = Finding(kind, ("1",), "voice.day", billed, expected, "billed at another rate")
    return Evidence(billed, expected, (finding,) if billed != expected else (), (), earlier)


@given(amounts, amounts, st.one_of(st.none(), amounts), st.booleans(), st.sampled_from(FindingClass))
def test_a_credit_is_never_more_than_what_is_too_much(
    billed: Fraction, expected: Fraction, disputed: Fraction | None, again: bool, kind: FindingClass
) -> None:
    proposal = propose(evidence(billed, expected, kind), disputed, "USD", again=again)
    assert proposal.credit == max(Fraction(), billed - expected)
    assert (proposal.outcome is Outcome.JUSTIFIED) <= (proposal.credit > 0)
    assert 0 < proposal.confidence < 1


@pytest.mark.parametrize(
    ("kind", "earlier", "disputed", "confidence"),
    [
        (FindingClass.WRONG_BAND, (), None, 0.99),
        (FindingClass.OVERCHARGE, (), None, 0.8),
        (FindingClass.WRONG_BAND, ("d-1",), None, 0.5),
        (FindingClass.WRONG_BAND, (), Fraction(20), 0.5),
        (FindingClass.WRONG_BAND, (), Fraction(5), 0.99),
    ],
)
def test_confidence_follows_from_what_is_known(
    kind: FindingClass, earlier: tuple[str, ...], disputed: Fraction | None, confidence: float
) -> None:
    proposal = propose(evidence(Fraction(30), Fraction(20), kind, *earlier), disputed, "USD", again=False)
    assert proposal.confidence == confidence


SHIPPED = """
credit_limits:
  automatic: {EUR: "25.00"}
  agent: {EUR: "100.00"}
  supervisor: {EUR: "1000.00"}
automatic_confidence: "0.95"
due_hours: 72
reopen_days: 30
close_days: 14
"""


def test_a_currency_without_a_limit_has_none() -> None:
    policy = load_dispute_policy(SHIPPED)
    assert policy.limit("AGENT", "EUR") == 100
    assert policy.limit("SUPERVISOR", "JPY") == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"25.00"', "25.00", "credit_limits.automatic.EUR: 25.0: expected a decimal"),
        ("72", "0", "due_hours: 0: expected a whole number above 0"),
        ("72", "true", "due_hours: True"),
        ('  agent: {EUR: "100.00"}\n', "", "credit_limits: .*expected a map with automatic, agent, supervisor"),
        ("due_hours: 72\n", "", "expected a map with automatic_confidence"),
        ('{EUR: "25.00"}', "{}", "credit_limits.automatic: {}: expected a map"),
    ],
)
def test_a_policy_that_cannot_be_read_names_the_entry(old: str, new: str, message: str) -> None:
    with pytest.raises(DisputePolicyError, match=message):
        load_dispute_policy(SHIPPED.replace(old, new))
