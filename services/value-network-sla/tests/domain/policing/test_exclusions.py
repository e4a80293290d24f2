"""Is exactly that left out which an exclusion says, by the clock of its zone?"""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from value_network_sla.domain.policing.exclusions import (
    Exclusion,
    ExclusionKind,
    Weekly,
    covered_minutes,
    is_whole_minutes,
    stretches_of,
)
from value_network_sla.domain.policing.windows import MINUTE, Period

START = datetime(2026, 3, 23, tzinfo=UTC)
WEEKS = Period(START, START + timedelta(days=14))
"""Two weeks, with the change to summer time in between."""
SUNDAY = 6


def once(begin: int, minutes: int, **scope: str) -> Exclusion:
    at = START + begin * MINUTE
    return Exclusion(ExclusionKind.FORCE_MAJEURE, "flood", at, at + minutes * MINUTE, **scope)


def weekly(*days: int, at: time, hours: float, zone: str = "Europe/Vienna", end: datetime | None = None) -> Exclusion:
    recurrence = Weekly(frozenset(days), at, timedelta(hours=hours), zone)
    return Exclusion(ExclusionKind.MAINTENANCE, "announced", START, end, recurrence)


def test_a_weekly_one_begins_at_the_same_time_by_the_clock() -> None:
    found = list(weekly(0, SUNDAY, at=time(4), hours=2).stretches(WEEKS))
    local = [period.start.astimezone(ZoneInfo("Europe/Vienna")) for period in found]
    assert [(each.day, each.hour) for each in local] == [(23, 4), (29, 4), (30, 4), (5, 4)]
    assert [period.start.hour for period in found] == [3, 2, 2, 2]  # in UTC: winter, summer
    assert {period.end - period.start for period in found} == {timedelta(hours=2)}


def test_one_that_reaches_into_the_stretch_is_cut_at_its_start() -> None:
    nights = Weekly(frozenset({SUNDAY}), time(23), timedelta(hours=10), "UTC")
    long_since = Exclusion(ExclusionKind.MAINTENANCE, "", START - timedelta(days=30), None, nights)
    [first, *_] = long_since.stretches(WEEKS)
    assert first == (START, START + timedelta(hours=9))


def test_a_weekly_one_ends_when_it_is_said_to() -> None:
    until = datetime(2026, 3, 30, tzinfo=UTC)
    found = list(weekly(*range(7), at=time(1), hours=1, zone="UTC", end=until).stretches(WEEKS))
    assert len(found) == 7
    assert found[-1].end <= until


def test_its_scope_goes_with_it() -> None:
    [found] = stretches_of([once(10, 5, customer="customers/c", resource="line-1")], WEEKS)
    assert (found.customer, found.resource) == ("customers/c", "line-1")


@given(spans=st.lists(st.tuples(st.integers(-50, 300), st.integers(1, 80)), max_size=8), length=st.integers(1, 250))
def test_minutes_that_several_exclude_are_counted_once(spans: list[tuple[int, int]], length: int) -> None:
    within = Period(START, START + length * MINUTE)
    expected = {minute for begin, minutes in spans for minute in range(begin, begin + minutes)} & set(range(length))
    assert covered_minutes([once(*span) for span in spans], within) == len(expected)


def test_what_is_excluded_for_somebody_alone_does_not_cover_the_others() -> None:
    assert covered_minutes([once(0, 60, customer="customers/c"), once(30, 60, resource="x")], WEEKS) == 0


@pytest.mark.parametrize(("seconds", "whole"), [(0, True), (60, True), (1, False), (59, False)])
def test_whole_minutes_are_told(seconds: int, whole: bool) -> None:
    assert is_whole_minutes(START + timedelta(seconds=seconds)) is whole
