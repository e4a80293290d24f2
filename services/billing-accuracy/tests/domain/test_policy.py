"""Is a bill held exactly when the policy does not tolerate what was found on it?"""

from fractions import Fraction

import pytest

from billing_accuracy.domain.findings import Finding, FindingClass, Verdict
from billing_accuracy.domain.policy import Tolerance, VerdictPolicy

OVER, UNDER, TIE = FindingClass.OVERCHARGE, FindingClass.UNDERCHARGE, FindingClass.ROUNDING
TOTAL = Fraction(100)


def finding(kind: FindingClass, difference: str) -> Finding:
    return Finding(kind, ("1",), "voice.day", Fraction(difference), Fraction(), "")


def judge(tolerance: Tolerance, *differences: str, total: Fraction = TOTAL) -> Verdict:
    return VerdictPolicy({OVER: tolerance}).judge([finding(OVER, one) for one in differences], total)


def test_no_findings_pass_under_any_policy() -> None:
    assert VerdictPolicy({}).judge([], TOTAL) is Verdict.PASS


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [
        ("0.05", Verdict.PASS_WITH_NOTE),
        ("-0.05", Verdict.PASS_WITH_NOTE),
        ("0.050001", Verdict.HOLD),
        ("-0.050001", Verdict.HOLD),
        ("0", Verdict.PASS_WITH_NOTE),
    ],
)
def test_an_amount_is_tolerated_up_to_and_including_it(difference: str, verdict: Verdict) -> None:
    assert judge(Tolerance(amount=Fraction("0.05")), difference) is verdict


@pytest.mark.parametrize(
    ("total", "difference", "verdict"),
    [
        ("100", "1", Verdict.PASS_WITH_NOTE),
        ("100", "1.000001", Verdict.HOLD),
        ("-100", "-1", Verdict.PASS_WITH_NOTE),
        ("0", "0.000001", Verdict.HOLD),
        ("0", "0", Verdict.HOLD),
    ],
)
def test_a_share_is_of_the_expected_total(total: str, difference: str, verdict: Verdict) -> None:
    assert judge(Tolerance(share=Fraction(1, 100)), difference, total=Fraction(total)) is verdict


def test_the_larger_of_amount_and_share_counts() -> None:
    both = Tolerance(amount=Fraction(2), share=Fraction(1, 100))
    assert judge(both, "2") is Verdict.PASS_WITH_NOTE
    assert judge(both, "5", total=Fraction(500)) is Verdict.PASS_WITH_NOTE
    assert judge(both, "5.01", total=Fraction(500)) is Verdict.HOLD


def test_many_small_differences_of_a_class_are_a_large_one_whatever_their_sign() -> None:
    tolerance = Tolerance(amount=Fraction("0.05"))
    assert judge(tolerance, "0.02", "0.03") is Verdict.PASS_WITH_NOTE
    assert judge(tolerance, "0.02", "-0.03", "0.01") is Verdict.HOLD


def test_a_class_that_is_not_named_is_not_tolerated_even_without_a_difference() -> None:
    assert judge(Tolerance(), "0") is Verdict.HOLD
    assert VerdictPolicy({}).judge([finding(OVER, "0")], TOTAL) is Verdict.HOLD


def test_what_is_only_noted_never_holds_a_bill_and_excuses_no_other_class() -> None:
    policy = VerdictPolicy({TIE: Tolerance(note_only=True), UNDER: Tolerance(amount=Fraction(1))})
    assert policy.judge([finding(TIE, "1000000")], TOTAL) is Verdict.PASS_WITH_NOTE
    assert policy.judge([finding(TIE, "0.01"), finding(UNDER, "-1")], TOTAL) is Verdict.PASS_WITH_NOTE
    assert policy.judge([finding(TIE, "0.01"), finding(UNDER, "-1.01")], TOTAL) is Verdict.HOLD
    assert policy.judge([finding(TIE, "0.01"), finding(OVER, "0.01")], TOTAL) is Verdict.HOLD


@pytest.mark.parametrize(
    ("tolerance", "follow_on", "verdict"),
    [
        (Tolerance(amount=Fraction("1.20")), "0.20", Verdict.PASS_WITH_NOTE),
        (Tolerance(amount=Fraction("1.19")), "0.20", Verdict.HOLD),
        (Tolerance(amount=Fraction("1.00")), "0", Verdict.PASS_WITH_NOTE),
        (Tolerance(share=Fraction(12, 1000)), "0.20", Verdict.PASS_WITH_NOTE),
        (Tolerance(share=Fraction(11, 1000)), "0.20", Verdict.HOLD),
        (Tolerance(amount=Fraction("0.50"), share=Fraction(12, 1000)), "0.20", Verdict.PASS_WITH_NOTE),
    ],
    ids=["amount", "beyond the amount", "nothing follows", "share", "beyond the share", "the larger of both"],
)
def test_what_follows_from_a_wrong_charge_counts_with_it(
    tolerance: Tolerance, follow_on: str, verdict: Verdict
) -> None:
    wrong = Finding(
        FindingClass.OVERCHARGE, ("1",), "voice.day", Fraction(11), Fraction(10), "", follow_on=Fraction(follow_on)
    )
    policy = VerdictPolicy({FindingClass.OVERCHARGE: tolerance})
    assert policy.judge([wrong], Fraction(100)) is verdict
