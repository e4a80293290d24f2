"""Is a miss called certain when nothing can help any more, and not before?"""

from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from value_network_sla.domain.policing.budget import GOOD, RATIO, Budgeting, Tally, Target, attained
from value_network_sla.domain.policing.certainty import PeriodState, is_certain, is_missed
from value_network_sla.domain.policing.objective import Objective
from value_network_sla.domain.policing.windows import CalendarWindow, Duration, Period, Unit

DAY = CalendarWindow(Duration(1, Unit.DAY), datetime.fromisoformat("2026-01-01"), "UTC")
HOUR_SLICES = {"window": DAY, "slice": timedelta(hours=1)}
Make = Callable[..., Objective]


def sliced(good: int, bad: int) -> Tally:
    """Slices of ten events each."""
    return Tally((good + bad) * 10, good * 10 * GOOD, good + bad, good, good * RATIO)


def state(start: datetime, tally: Tally, *, settled: bool = False, previous: int = 0) -> PeriodState:
    return PeriodState(Period(start, start + timedelta(days=1)), tally, tally, previous, settled)


@pytest.mark.parametrize("method", [Budgeting.TIMESLICES, Budgeting.RATIO_TIMESLICES])
@pytest.mark.parametrize(("bad", "certain"), [(2, False), (3, True)])
def test_slices_are_counted_beforehand(
    objective_with: Make, start: datetime, method: Budgeting, bad: int, certain: bool
) -> None:
    """Of 24 hours a tenth may be bad: two, and not three."""
    objective = objective_with(target=Target(method, Fraction(9, 10), Fraction(1)), **HOUR_SLICES)
    assert is_certain(objective, state(start, sliced(0, bad)), start + timedelta(hours=bad)) is certain


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the fixture is a function without state
@given(data=st.data(), good=st.integers(0, 24), bad=st.integers(0, 24))
def test_what_is_certain_stays_missed_whatever_comes(
    objective_with: Make, data: st.DataObject, good: int, bad: int
) -> None:
    bad = min(bad, 24 - good)
    share = data.draw(st.fractions(0, 1, max_denominator=50).filter(lambda it: it < 1))
    objective = objective_with(target=Target(Budgeting.TIMESLICES, share, Fraction(1)), **HOUR_SLICES)
    start = objective.effective_time
    if not is_certain(objective, state(start, sliced(good, bad)), start):
        return
    for more_good in range(24 - good - bad + 1):
        final = attained(objective.target, sliced(good + more_good, bad))
        assert final is not None
        assert final < share


def test_events_must_use_up_the_budget_of_twice_what_is_expected(objective_with: Make, start: datetime) -> None:
    objective = objective_with(target=Target(Budgeting.OCCURRENCES, Fraction(9, 10)), window=DAY)
    noon = start + timedelta(hours=12)
    for bad, certain in ((400, False), (401, True)):
        tally = Tally(1000, (1000 - bad) * GOOD)
        assert is_certain(objective, state(start, tally), noon) is certain  # 1000 by noon, 2000 by night, twice that


def test_a_busier_period_before_makes_it_wait(objective_with: Make, start: datetime) -> None:
    objective = objective_with(target=Target(Budgeting.OCCURRENCES, Fraction(9, 10)), window=DAY)
    tally = Tally(1000, 500 * GOOD)
    assert not is_certain(objective, state(start, tally, previous=10_000), start + timedelta(hours=12))


def test_a_period_that_is_over_is_judged_by_what_it_holds(objective_with: Make, start: datetime) -> None:
    objective = objective_with(target=Target(Budgeting.OCCURRENCES, Fraction(9, 10)), window=DAY)
    now = start + timedelta(days=2)
    assert is_certain(objective, state(start, Tally(1000, 899 * GOOD), settled=True), now)
    assert not is_certain(objective, state(start, Tally(1000, 900 * GOOD), settled=True), now)


def test_too_small_a_sample_is_not_judged(objective_with: Make) -> None:
    objective = objective_with(minimum_sample=100)
    assert not is_missed(objective, Tally(99, 0))
    assert is_missed(objective, Tally(100, 0))
    assert not is_missed(objective, Tally())


def test_events_from_the_future_make_nothing_certain(objective_with: Make, start: datetime) -> None:
    objective = objective_with(target=Target(Budgeting.OCCURRENCES, Fraction(9, 10)), window=DAY)
    assert not is_certain(objective, state(start, Tally(1000, 0)), start)
