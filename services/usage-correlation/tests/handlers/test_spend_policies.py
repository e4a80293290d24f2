"""What do an update's paths change?"""

from fractions import Fraction

import pytest

from usage_correlation.domain.policies import EVERYBODY, PolicyScope, PolicyTerms
from usage_correlation.errors import InvalidValue
from usage_correlation.handlers.spend_policies import PolicyChange, changed_terms

BEFORE = PolicyTerms("before", Fraction(50), "EUR", (80, 100), PolicyScope(plan="gold"), paused=True)
AFTER = PolicyTerms("after", Fraction(60), "USD", (50,), PolicyScope(subscription="s-1"), paused=False)


def changed(*paths: str, after: PolicyTerms = AFTER) -> PolicyTerms:
    return changed_terms(BEFORE, PolicyChange(after, paths))


def test_only_what_is_named_changes() -> None:
    assert changed("display_name") == PolicyTerms(
        "after", Fraction(50), "EUR", (80, 100), PolicyScope(plan="gold"), paused=True
    )
    assert changed("paused").paused is False
    assert changed("threshold_percents").threshold_percents == (50,)


def test_a_limit_comes_with_its_currency() -> None:
    assert (changed("limit").limit, changed("limit").currency) == (Fraction(60), "USD")


def test_everything_changes_at_once() -> None:
    assert changed("*") == AFTER


def test_nothing_named_changes_nothing() -> None:
    assert changed() == BEFORE


@pytest.mark.parametrize(
    ("paths", "scope"),
    [
        (("subscription",), PolicyScope(subscription="s-1")),
        (("plan", "subscription"), PolicyScope(subscription="s-1")),
        (("plan",), EVERYBODY),
    ],
)
def test_a_scope_is_set_by_its_value_and_cleared_by_its_absence(paths: tuple[str, ...], scope: PolicyScope) -> None:
    assert changed(*paths).scope == scope


def test_the_absence_of_another_kind_of_scope_clears_nothing() -> None:
    assert changed("subscription", after=BEFORE).scope == PolicyScope(plan="gold")


@pytest.mark.parametrize("path", ["name", "create_time", "limit.units", ""])
def test_a_path_that_cannot_be_changed_is_refused(path: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        changed(path)
    assert refused.value.field == "update_mask"
