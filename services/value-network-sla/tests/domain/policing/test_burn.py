"""Does an alert fire as soon as it has to, and never on a budget that lasts?"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from value_network_sla.domain.policing.budget import GOOD, Budgeting, MinuteCount, Target, burn_rate, tally_of
from value_network_sla.domain.policing.burn import (
    DEFAULT_CONDITIONS,
    AlertCause,
    AlertChange,
    AlertState,
    Burn,
    BurnCondition,
    OpenAlert,
    cause_of,
    judge_alert,
)

MINUTE = timedelta(minutes=1)
EVENTS = 1_000
"""A minute."""
TARGET = Target(Budgeting.OCCURRENCES, Fraction("0.999"))
FAST = DEFAULT_CONDITIONS[0]


class Line:
    """A minute after minute of events, and what becomes of one condition's alert."""

    def __init__(self, condition: BurnCondition, start: datetime, target: Target = TARGET) -> None:
        self.condition = condition
        self.now = start
        self.target = target
        self.alert: OpenAlert | None = None
        self.changes: list[tuple[int, AlertChange]] = []
        self._minutes: list[tuple[int, int]] = []

    def run(self, minutes: int, bad: int, events: int = EVENTS) -> None:
        for _ in range(minutes):
            self._minutes.append((events, bad))
            self.now += MINUTE
            change = judge_alert(self.condition, self._burn(), self.alert, self.now)
            self._take(change)

    def changed(self, change: AlertChange) -> list[int]:
        """After how many minutes."""
        return [minute for minute, each in self.changes if each is change]

    def _burn(self) -> Burn:
        long, short = (self._last(length) for length in (self.condition.long, self.condition.short))
        tallies = [tally_of(self.target, each) for each in (long, short)]
        return Burn(burn_rate(self.target, tallies[0]), burn_rate(self.target, tallies[1]), tallies[0].events)

    def _last(self, length: timedelta) -> list[MinuteCount]:
        found = self._minutes[-(length // MINUTE) :]
        stamps = (self.now + number * MINUTE for number in range(len(found)))
        return [
            MinuteCount(at, at, events, (events - bad) * GOOD) for at, (events, bad) in zip(stamps, found, strict=True)
        ]

    def _take(self, change: AlertChange) -> None:
        if change is not AlertChange.NONE:
            self.changes.append((len(self._minutes), change))
        if change in {AlertChange.RESOLVE, AlertChange.FORGET}:
            self.alert = None
        elif change is AlertChange.WAIT:
            self.alert = OpenAlert(AlertState.PENDING, self.now)
        elif change is AlertChange.FIRE:
            since = self.alert.since if self.alert else self.now
            self.alert = OpenAlert(AlertState.FIRING, since)


def test_the_defaults_are_those_of_the_workbook() -> None:
    hours = [(each.threshold, each.long / timedelta(hours=1), each.short / MINUTE) for each in DEFAULT_CONDITIONS]
    assert hours == [(Fraction("14.4"), 1, 5), (6, 6, 30), (3, 24, 120), (1, 72, 360)]
    for condition, spent in zip(DEFAULT_CONDITIONS, ("0.02", "0.05", "0.1", "0.1"), strict=True):
        assert condition.threshold * Fraction(condition.long / timedelta(days=30)).limit_denominator() == Fraction(
            spent
        )


@pytest.mark.parametrize("bad", [EVENTS, EVENTS // 2, 100, 20, 16])
def test_it_fires_within_the_time_that_the_windows_promise(start: datetime, bad: int) -> None:
    """After good hours, the long window is full of good events: it takes threshold * budget / error rate of it."""
    line = Line(FAST, start)
    line.run(60, 0)
    needed = FAST.threshold * TARGET.budget * EVENTS / bad * 60
    line.run(60, bad)
    promised = -(-needed.numerator // needed.denominator)
    assert line.changed(AlertChange.FIRE) == [60 + promised]


@pytest.mark.parametrize("number", range(4))
def test_every_pair_of_windows_fires_on_a_total_outage_within_minutes(start: datetime, number: int) -> None:
    condition = DEFAULT_CONDITIONS[number]
    line = Line(condition, start)
    line.run(min(condition.long // MINUTE, 500), 0)
    before = len(line._minutes)
    line.run(6, EVENTS)
    [fired] = line.changed(AlertChange.FIRE)
    needed = condition.threshold * TARGET.budget * min(condition.long // MINUTE, 500)
    assert fired - before <= -(-needed // 1) + 1


def test_it_is_over_when_the_short_window_is_clean(start: datetime) -> None:
    line = Line(FAST, start)
    line.run(60, 0)
    line.run(10, EVENTS)
    line.run(30, 0)
    assert line.changed(AlertChange.RESOLVE) == [75]


@settings(max_examples=20, deadline=None)
@given(bad=st.integers(0, 14), minutes=st.integers(1, 200))
def test_a_budget_that_burns_more_slowly_than_the_threshold_alarms_nobody(bad: int, minutes: int) -> None:
    line = Line(FAST, datetime(2026, 3, 1))  # noqa: DTZ001 - only differences matter
    line.run(minutes, bad)
    assert not line.changes


@settings(max_examples=20, deadline=None)
@given(bad=st.lists(st.sampled_from([0, 0, 0, 1, 1, 2, 5]), min_size=60, max_size=300))
def test_single_bad_events_alarm_nobody_as_long_as_the_hour_is_within_bounds(bad: Sequence[int]) -> None:
    line = Line(FAST, datetime(2026, 3, 1))  # noqa: DTZ001 - only differences matter
    for each in bad:
        line.run(1, each)
    assert not line.changes


def test_few_events_are_too_few_to_tell(start: datetime) -> None:
    quiet = Line(FAST, start)
    quiet.run(9, 1, events=1)
    assert not quiet.changes
    quiet.run(1, 1, events=1)
    assert quiet.changed(AlertChange.FIRE) == [10]


def test_a_condition_that_has_to_go_on_fires_when_it_has_gone_on(
    start: datetime, with_fields: Callable[..., BurnCondition]
) -> None:
    line = Line(with_fields(alert_after=timedelta(minutes=5)), start)
    line.run(60, 0)
    line.run(10, EVENTS)
    assert line.changes[:2] == [(61, AlertChange.WAIT), (66, AlertChange.FIRE)]


def test_a_condition_that_was_over_before_is_forgotten(
    start: datetime, with_fields: Callable[..., BurnCondition]
) -> None:
    line = Line(with_fields(alert_after=timedelta(minutes=30)), start)
    line.run(60, 0)
    line.run(2, EVENTS)
    line.run(10, 0)
    assert [change for _, change in line.changes] == [AlertChange.WAIT, AlertChange.FORGET]


@pytest.fixture
def with_fields() -> Callable[..., BurnCondition]:
    return lambda **fields: replace(FAST, **fields)


def test_silence_fires_only_where_it_is_watched(with_fields: Callable[..., BurnCondition]) -> None:
    nothing = Burn(None, None, 0)
    assert cause_of(FAST, nothing) is None
    assert cause_of(with_fields(when_no_data=True), nothing) is AlertCause.NO_DATA


def test_a_condition_that_does_not_tell_of_breaching_does_not(with_fields: Callable[..., BurnCondition]) -> None:
    assert cause_of(with_fields(when_breaching=False), Burn(Fraction(99), Fraction(99), 100)) is None


def test_a_strict_condition_is_not_met_at_the_threshold(with_fields: Callable[..., BurnCondition]) -> None:
    at = Burn(FAST.threshold, FAST.threshold, 100)
    assert cause_of(FAST, at) is AlertCause.BURNING
    assert cause_of(with_fields(strict=True), at) is None
