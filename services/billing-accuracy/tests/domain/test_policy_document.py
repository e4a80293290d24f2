"""Is a policy read exactly as it is written, and does a wrong one say what is wrong?"""

from fractions import Fraction
from importlib import resources

import pytest

from billing_accuracy.domain.findings import FindingClass
from billing_accuracy.domain.policy import Tolerance
from billing_accuracy.domain.policy_document import PolicyError, load_policy


def test_the_shipped_policy_only_notes_rounded_ties() -> None:
    text = (resources.files("billing_accuracy") / "policy.yaml").read_text("utf-8")
    assert load_policy(text).tolerances == {FindingClass.ROUNDING: Tolerance(note_only=True)}


def test_amounts_and_percents_are_read_exactly() -> None:
    policy = load_policy('{OVERCHARGE: {amount: "0.10", share_percent: "0.1"}, ARITHMETIC: {}}')
    assert policy.tolerances == {
        FindingClass.OVERCHARGE: Tolerance(amount=Fraction(1, 10), share=Fraction(1, 1000)),
        FindingClass.ARITHMETIC: Tolerance(),
    }


def test_a_policy_may_tolerate_nothing() -> None:
    assert load_policy("{}").tolerances == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "None: expected a map from a class of findings to its tolerance"),
        ("- OVERCHARGE", r"\['OVERCHARGE'\]: expected a map from a class"),
        ("ROUNDING: {note_only: true", "no YAML: "),
        ("a: b: c", "no YAML: "),
        ("ROUNDINGS: {}", "'ROUNDINGS': expected one of OVERCHARGE, UNDERCHARGE, ROUNDING, "),
        ("1: {}", "1: expected one of OVERCHARGE"),
        ("ROUNDING: true", "ROUNDING: True: expected a map with amount, note_only, share_percent"),
        ("ROUNDING: {note: true}", "ROUNDING: {'note': True}: expected a map with amount, note_only, share_percent"),
        ("ROUNDING: {note_only: 'yes'}", "ROUNDING.note_only: 'yes': expected true or false"),
        (
            "OVERCHARGE: {amount: 0.05}",
            'OVERCHARGE.amount: 0.05: expected a decimal of 0 or more in quotes, such as "0',
        ),
        ('OVERCHARGE: {amount: "-1"}', "OVERCHARGE.amount: '-1': expected a decimal of 0 or more"),
        ('OVERCHARGE: {share_percent: "1 %"}', "OVERCHARGE.share_percent: '1 %': expected a decimal"),
        ('OVERCHARGE: {amount: "1e3"}', "OVERCHARGE.amount: '1e3': expected a decimal"),
    ],
)
def test_a_wrong_policy_names_the_entry_its_value_and_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        load_policy(text)
