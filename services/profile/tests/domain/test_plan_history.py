"""Plan histories have no gaps and no overlaps, whatever is done to them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_profile.domain.plan_history import PlanHistory, PlanPeriod, PlanStart
from customer_profile.errors import InvalidValue

ACTIVATED = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return ACTIVATED + timedelta(days=number)


def history(*starts: tuple[str, int], end: int | None = None) -> PlanHistory:
    return PlanHistory(
        tuple(PlanStart(plan, day(number)) for plan, number in starts), None if end is None else day(end)
    )


def test_a_new_subscription_has_one_open_period() -> None:
    assert PlanHistory.since(ACTIVATED, "plans/a").periods() == (PlanPeriod("plans/a", ACTIVATED, None),)


def test_a_new_plan_ends_the_one_before() -> None:
    changed = history(("a", 0)).changed("b", day(10))

    assert changed.periods() == (PlanPeriod("a", day(0), day(10)), PlanPeriod("b", day(10), None))


def test_a_start_in_the_past_truncates_the_plan_in_force_then_and_replaces_what_came_after() -> None:
    changed = history(("a", 0), ("b", 10), ("c", 20)).changed("d", day(15))

    assert changed == history(("a", 0), ("b", 10), ("d", 15))


def test_a_start_at_activation_replaces_everything() -> None:
    assert history(("a", 0), ("b", 10)).changed("c", day(0)) == history(("c", 0))


def test_a_start_in_the_future_is_planned_and_in_force_only_from_then_on() -> None:
    changed = history(("a", 0)).changed("b", day(10))

    assert changed.at(day(10) - timedelta(microseconds=1)) == "a"
    assert changed.at(day(10)) == "b"


def test_a_planned_change_is_cancelled_by_writing_the_old_plan_from_its_start() -> None:
    assert history(("a", 0), ("b", 10)).changed("a", day(10)) == history(("a", 0))


def test_the_plan_before_activation_is_the_first_one() -> None:
    assert history(("a", 0), ("b", 10)).at(day(-5)) == "a"


def test_a_start_before_activation_is_refused() -> None:
    with pytest.raises(InvalidValue, match="not before activation") as refused:
        history(("a", 0)).changed("b", day(-1))

    assert refused.value.field == "plan_start_time"


def test_an_ended_history_can_be_corrected_but_not_continued() -> None:
    ended = history(("a", 0), end=20)

    assert ended.changed("b", day(10)) == history(("a", 0), ("b", 10), end=20)
    with pytest.raises(InvalidValue, match="before the subscription was terminated"):
        ended.changed("b", day(20))


def test_an_end_drops_what_was_planned_for_later() -> None:
    assert history(("a", 0), ("b", 10)).ended(day(5)) == history(("a", 0), end=5)


def test_an_end_before_activation_leaves_no_period_but_still_names_the_plan() -> None:
    ended = history(("a", 0)).ended(day(-3))

    assert ended.periods() == ()
    assert ended.at(day(1)) == "a"


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (-5, history(("a", -5), ("b", 10))),
        (0, history(("a", 0), ("b", 10))),
        (4, history(("a", 4), ("b", 10))),
        (10, history(("b", 10))),
        (12, history(("b", 12))),
    ],
)
def test_a_corrected_activation_moves_the_beginning(activation: int, expected: PlanHistory) -> None:
    assert history(("a", 0), ("b", 10)).activated(day(activation)) == expected


def test_an_activation_after_the_end_is_refused() -> None:
    with pytest.raises(InvalidValue, match="not after the subscription was terminated"):
        history(("a", 0), end=5).activated(day(6))


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), max_size=12),
    st.one_of(st.none(), st.integers(-5, 50)),
)
def test_periods_never_have_gaps_or_overlaps(changes: list[tuple[str, int]], end: int | None) -> None:
    plans = history(("a", 0))
    for plan, start in changes:
        plans = plans.changed(plan, day(start))
        assert plans.at(day(start)) == plan
        assert plans.at(day(1000)) == plan
    if end is not None:
        plans = plans.ended(day(end))
    periods = plans.periods()
    assert all(before.end == after.start for before, after in pairwise(periods))
    assert all(before.plan != after.plan for before, after in pairwise(periods))
    assert all(period.end is None or period.start < period.end for period in periods)
    if periods:
        assert periods[0].start == ACTIVATED
        assert periods[-1].end == (None if end is None else day(end))
