"""Is the budget counted as each method says, and do parts add up to the whole?"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from value_network_sla.domain.policing.budget import (
    GOOD,
    RATIO,
    Budgeting,
    MinuteCount,
    Tally,
    Target,
    attained,
    budget_left,
    burn_rate,
    tally_of,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
SLICE = 5
"""Minutes."""
Minutes = Sequence[tuple[int, int]]
"""Events and good ones of each minute."""

MINUTES = st.lists(
    st.integers(0, 20).flatmap(lambda events: st.tuples(st.just(events), st.integers(0, events))), max_size=60
)
TARGETS = st.fractions(0, 1, max_denominator=1000).filter(lambda share: share < 1)


def counts(minutes: Minutes, grain: int) -> list[MinuteCount]:
    return [
        MinuteCount(
            START + timedelta(minutes=number // grain * grain), START + timedelta(minutes=number), events, good * GOOD
        )
        for number, (events, good) in enumerate(minutes)
    ]


def slices(minutes: Minutes) -> list[list[bool]]:
    """The oracle's view: every event of every slice, one by one."""
    found = []
    for first in range(0, len(minutes), SLICE):
        events = []
        for total, good in minutes[first : first + SLICE]:
            events += [True] * good + [False] * (total - good)
        if events:
            found.append(events)
    return found


@given(minutes=MINUTES, share=TARGETS)
def test_occurrences_are_good_events_to_all_events(minutes: Minutes, share: Fraction) -> None:
    target = Target(Budgeting.OCCURRENCES, share)
    events = [good for each in slices(minutes) for good in each]
    expected = Fraction(sum(events), len(events)) if events else None
    assert attained(target, tally_of(target, counts(minutes, 1))) == expected


@given(minutes=MINUTES, share=TARGETS, slice_target=st.fractions("0.01", 1, max_denominator=100))
def test_timeslices_are_good_slices_to_measured_slices(
    minutes: Minutes, share: Fraction, slice_target: Fraction
) -> None:
    target = Target(Budgeting.TIMESLICES, share, slice_target)
    measured = slices(minutes)
    good = [Fraction(sum(each), len(each)) >= slice_target for each in measured]
    expected = Fraction(sum(good), len(good)) if good else None
    assert attained(target, tally_of(target, counts(minutes, SLICE))) == expected


@given(minutes=MINUTES, share=TARGETS)
def test_ratio_timeslices_are_the_average_of_the_slices_shares(minutes: Minutes, share: Fraction) -> None:
    target = Target(Budgeting.RATIO_TIMESLICES, share)
    shares = [Fraction(sum(each), len(each)) for each in slices(minutes)]
    found = attained(target, tally_of(target, counts(minutes, SLICE)))
    if not shares:
        assert found is None
        return
    assert found is not None
    assert 0 <= sum(shares) / len(shares) - found <= Fraction(1, RATIO)


@given(minutes=MINUTES, cut=st.integers(0, 12), method=st.sampled_from(Budgeting))
def test_tallies_of_parts_that_share_no_slice_add_up_to_that_of_the_whole(
    minutes: Minutes, cut: int, method: Budgeting
) -> None:
    target = Target(method, Fraction(9, 10), Fraction(1, 2))
    whole = counts(minutes, SLICE)
    assert tally_of(target, whole[: cut * SLICE]) + tally_of(target, whole[cut * SLICE :]) == tally_of(target, whole)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (Budgeting.OCCURRENCES, Fraction(1011, 1022)),
        (Budgeting.TIMESLICES, Fraction(1, 12)),
        (Budgeting.RATIO_TIMESLICES, Fraction(13, 24)),
    ],
)
def test_the_methods_differ_where_a_busy_slice_is_good_and_quiet_ones_are_not(
    method: Budgeting, expected: Fraction
) -> None:
    target = Target(method, Fraction(9, 10), Fraction(99, 100))
    quiet = [(2, 1)] * 11
    assert attained(target, tally_of(target, counts([*quiet, (1000, 1000)], 1))) == expected


def test_a_slice_without_events_counts_for_nothing() -> None:
    target = Target(Budgeting.TIMESLICES, Fraction(9, 10), Fraction(1))
    assert tally_of(target, counts([(0, 0)] * 50 + [(1, 1)], 1)).slices == 1
    assert attained(target, Tally()) is None
    assert budget_left(target, Tally()) == 1


def test_what_comes_in_two_series_stays_between_nothing_and_all() -> None:
    target = Target(Budgeting.OCCURRENCES, Fraction(9, 10))
    ahead = [MinuteCount(START, START, 5, 9 * GOOD)]
    behind = [MinuteCount(START, START, 5, -2 * GOOD)]
    assert attained(target, tally_of(target, ahead)) == 1
    assert attained(target, tally_of(target, behind)) == 0


def test_the_budget_is_burnt_once_over_when_all_that_may_be_bad_is() -> None:
    target = Target(Budgeting.OCCURRENCES, Fraction(99, 100))
    tally = tally_of(target, counts([(1000, 990)], 1))
    assert burn_rate(target, tally) == 1
    assert budget_left(target, tally) == 0
    assert budget_left(target, tally_of(target, counts([(1000, 970)], 1))) == -2
