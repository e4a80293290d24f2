"""How the rules class touch-points."""

import pytest

from customer_profile.domain.touch_points import Valence
from customer_profile.domain.valence import RULES, ValenceRule, valence_of


@pytest.mark.parametrize(
    ("reason", "outcome", "resolved", "valence"),
    [
        ("care.call", "", None, Valence.NEGATIVE),
        ("care.call", "answered", None, Valence.NEGATIVE),
        ("care.call", "answered", True, Valence.NEUTRAL),
        ("care.call", "answered", False, Valence.NEGATIVE),
        ("billing.question", "answered", True, Valence.NEUTRAL),
        ("billing.question", "", None, Valence.NEGATIVE),
        ("billing.dispute", "credited", True, Valence.NEGATIVE),
        ("complaint", "", True, Valence.NEGATIVE),
        ("fault.report", "ticket.opened", True, Valence.NEGATIVE),
        ("order.new", "", None, Valence.POSITIVE),
        ("order.new", "", True, Valence.POSITIVE),
        ("order.new", "", False, Valence.NEGATIVE),
        ("order.new", "abandoned", True, Valence.NEGATIVE),
        ("order.new", "failed.payment", None, Valence.NEGATIVE),
        ("plan.change", "done", True, Valence.POSITIVE),
        ("payment", "", None, Valence.POSITIVE),
        ("payment.reminder", "", None, Valence.NEGATIVE),
        ("survey.nps", "", None, Valence.NEUTRAL),
        ("careless", "", None, Valence.NEUTRAL),
    ],
)
def test_valences(reason: str, outcome: str, resolved: bool | None, valence: Valence) -> None:
    assert valence_of(reason, outcome, resolved) is valence


def test_every_rule_can_decide_something() -> None:
    """A rule that an earlier one always beats would be a mistake in the table."""
    for number, rule in enumerate(RULES):
        resolved_values = [rule.resolved] if rule.resolved is not None else [None, True]
        assert any(
            not any(earlier.fits(rule.reason or "x", rule.outcome, resolved) for earlier in RULES[:number])
            for resolved in resolved_values
        ), rule


def test_the_first_fitting_rule_decides() -> None:
    rules = [ValenceRule("a.b", Valence.NEGATIVE), ValenceRule("a", Valence.POSITIVE)]

    assert valence_of("a.b.c", "", None, rules) is Valence.NEGATIVE
    assert valence_of("a.c", "", None, rules) is Valence.POSITIVE
    assert valence_of("b", "", None, rules) is Valence.NEUTRAL
