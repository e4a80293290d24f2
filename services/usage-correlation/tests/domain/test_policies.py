"""Which threshold has been reached, and whom does a policy apply to?"""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_correlation.domain.amounts import Amount
from usage_correlation.domain.policies import PolicyScope, PolicyTerms, SpendPolicy, least_thresholds, policies_for
from usage_correlation.errors import InvalidValue

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def policy(name: str = "p", **changes: object) -> SpendPolicy:
    values: dict[str, object] = {
        "display_name": "",
        "limit": Fraction(50),
        "currency": "EUR",
        "threshold_percents": (80, 100),
    }
    return SpendPolicy(name, PolicyTerms(**(values | changes)), NOW, NOW)  # type: ignore[arg-type]  # fields by name


percents = st.lists(st.integers(1, 1000), min_size=1, max_size=20, unique=True).map(lambda each: tuple(sorted(each)))
limits = st.fractions(min_value=Fraction(1, 10**9), max_value=10**12)


@given(limits, percents, st.integers(0, 10**16), st.integers(1, 10**12))
def test_the_highest_percentage_reached_is_found_exactly(
    limit: Fraction, thresholds: tuple[int, ...], numerator: int, scale: int
) -> None:
    spent = Fraction(numerator, scale)
    expected = max((each for each in thresholds if spent >= limit * each / 100), default=0)
    found = policy(limit=limit, threshold_percents=thresholds).percent_reached(Amount(numerator, scale))
    assert found == expected


def test_a_threshold_is_reached_when_it_is_met_to_the_last_digit() -> None:
    assert policy().percent_reached(Amount(40, 1)) == 80
    assert policy().percent_reached(Amount(40 * 6000 - 1, 6000)) == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"currency": "XXX"}, "spend_policy.limit.currency_code"),
        ({"limit": Fraction(0)}, "spend_policy.limit"),
        ({"threshold_percents": (80, 50)}, "spend_policy.threshold_percents"),
        ({"threshold_percents": (80, 80)}, "spend_policy.threshold_percents"),
        ({"display_name": "a\0b"}, "spend_policy.display_name"),
    ],
)
def test_terms_that_cannot_be_are_refused(changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        policy(**changes).terms.check()
    assert refused.value.field == field


def test_sound_terms_pass() -> None:
    policy(threshold_percents=(1, 50, 1000)).terms.check()


def test_policies_apply_by_scope_and_not_when_paused() -> None:
    everybody, gold, silver = (
        policy("all"),
        policy("gold", scope=PolicyScope(plan="gold")),
        policy("silver", scope=PolicyScope(plan="silver")),
    )
    own, paused = policy("own", scope=PolicyScope(subscription="s")), policy("paused", paused=True)
    found = policies_for("gold", [own], [everybody, gold, silver, paused])
    assert [each.id for each in found] == ["own", "all", "gold"]
    assert [each.id for each in policies_for(None, (), [everybody, gold])] == ["all"]


def test_the_least_threshold_is_the_lowest_of_the_policies_that_speak() -> None:
    policies = [
        policy(),
        policy(limit=Fraction(20)),
        policy(limit=Fraction(1), paused=True),
        policy(currency="USD", limit=Fraction(10)),
    ]
    assert least_thresholds(policies) == {"EUR": Fraction(16), "USD": Fraction(8)}
    assert least_thresholds([]) == {}
