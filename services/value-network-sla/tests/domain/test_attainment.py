"""When is an objective missed, and when is that certain?"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from value_network_sla.domain.agreement import Agreement
from value_network_sla.domain.attainment import Attainment, Verdict, judge

_START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_HALF = _START + timedelta(seconds=30)
_OVER = _START + timedelta(seconds=61)


def _window(agreement: Agreement, visits: int, good: int) -> Attainment:
    return Attainment(agreement, _START, visits, good)


@pytest.fixture
def nine_of_ten(agreement: Callable[..., Agreement]) -> Agreement:
    return agreement("x", 1, objective_ppm=900_000, min_visits=10)


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(1, 1_000_000))
def test_the_objective_is_missed_exactly_when_too_many_failed(visits: int, good: int, objective_ppm: int) -> None:
    good = min(good, visits)
    agreement = Agreement(
        "agreements/x", "partners/x", "iptv", "x", 1, objective_ppm, timedelta(minutes=1), 0, None, _START, _START
    )
    assert _window(agreement, visits, good).missed == (good * 1_000_000 < objective_ppm * visits)


def test_attained_is_rounded_down_and_unknown_without_visits(nine_of_ten: Agreement) -> None:
    assert _window(nine_of_ten, 3, 2).attained_ppm == 666_666
    assert _window(nine_of_ten, 0, 0).attained_ppm is None
    assert not _window(nine_of_ten, 0, 0).missed


def test_the_error_budget_counts_visits_that_may_still_fail(nine_of_ten: Agreement) -> None:
    assert _window(nine_of_ten, 100, 95).error_budget_remaining == 5
    assert _window(nine_of_ten, 100, 90).error_budget_remaining == 0
    assert _window(nine_of_ten, 100, 88).error_budget_remaining == -2


def test_too_few_visits_are_not_judged(nine_of_ten: Agreement) -> None:
    few = _window(nine_of_ten, 9, 0)
    assert judge(few, _OVER, announced=False, previous_visits=0, settled=True) is Verdict.NONE


def test_a_window_that_is_over_is_judged_by_its_counts(nine_of_ten: Agreement) -> None:
    for good, verdict in ((90, Verdict.NONE), (89, Verdict.ANNOUNCE)):
        window = _window(nine_of_ten, 100, good)
        assert judge(window, _OVER, announced=False, previous_visits=0, settled=True) is verdict


@pytest.mark.parametrize(
    ("good", "previous_visits", "verdict"),
    [
        # Half the window has passed with 100 visits: 200 are expected, twice as many are allowed for, 40 may fail.
        (60, 0, Verdict.NONE),
        (59, 0, Verdict.ANNOUNCE),
        # The window before had 300: 600 are allowed for, and 60 may fail.
        (59, 300, Verdict.NONE),
        (39, 300, Verdict.ANNOUNCE),
    ],
)
def test_within_a_window_a_breach_is_certain_when_the_budget_of_twice_the_expected_visits_is_used_up(
    nine_of_ten: Agreement, good: int, previous_visits: int, verdict: Verdict
) -> None:
    window = _window(nine_of_ten, 100, good)
    assert judge(window, _HALF, announced=False, previous_visits=previous_visits, settled=False) is verdict


@pytest.mark.parametrize("now", [_START - timedelta(seconds=1), _START, _OVER])
def test_nothing_is_certain_before_a_window_or_between_its_end_and_its_settling(
    nine_of_ten: Agreement, now: datetime
) -> None:
    lost = _window(nine_of_ten, 100, 0)
    assert judge(lost, now, announced=False, previous_visits=0, settled=False) is Verdict.NONE


def test_a_breach_is_announced_once(nine_of_ten: Agreement) -> None:
    lost = _window(nine_of_ten, 100, 0)
    assert judge(lost, _OVER, announced=True, previous_visits=0, settled=True) is Verdict.NONE


def test_a_breach_that_was_announced_too_early_is_withdrawn_at_the_end(nine_of_ten: Agreement) -> None:
    recovered = _window(nine_of_ten, 1000, 950)
    assert judge(recovered, _HALF, announced=True, previous_visits=0, settled=False) is Verdict.NONE
    assert judge(recovered, _OVER, announced=True, previous_visits=0, settled=True) is Verdict.WITHDRAW
