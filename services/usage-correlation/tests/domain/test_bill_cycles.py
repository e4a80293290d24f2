"""In which bill cycle does a moment lie, whatever the clocks do?"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_correlation.domain.bill_cycles import BillCalendar, BillCycle
from usage_correlation.domain.moments import LATEST_MICROS, to_micros

ZONES = [
    "UTC",
    "America/New_York",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
]
FIRST = to_micros(datetime(1970, 2, 1, tzinfo=UTC))
moments = st.integers(FIRST, LATEST_MICROS - 1)
days = st.integers(1, 31)
zones = st.sampled_from(ZONES).map(ZoneInfo)


def cycle(moment: datetime, day: int, zone: str) -> BillCycle:
    return BillCalendar().cycle_at(to_micros(moment), day, ZoneInfo(zone))


@given(moments, days, zones)
def test_every_moment_lies_in_its_cycle(micros: int, day: int, zone: ZoneInfo) -> None:
    assert micros in BillCalendar().cycle_at(micros, day, zone)


@given(moments, days, zones)
def test_cycles_follow_one_another_without_gap_or_overlap(micros: int, day: int, zone: ZoneInfo) -> None:
    calendar = BillCalendar()
    this = calendar.cycle_at(micros, day, zone)
    assert calendar.cycle_at(this.end_micros - 1, day, zone) == this
    after = calendar.cycle_at(this.end_micros, day, zone)
    before = calendar.cycle_at(this.start_micros - 1, day, zone)
    assert after.start_micros == this.end_micros
    assert before.end_micros == this.start_micros


@given(st.integers(to_micros(datetime(1971, 1, 1, tzinfo=UTC)), LATEST_MICROS - 1), days)
def test_a_cycle_starts_on_its_day_or_on_the_last_of_a_shorter_month(micros: int, day: int) -> None:
    start = BillCalendar().cycle_at(micros, day, ZoneInfo("UTC")).start
    assert start.day == min(day, monthrange(start.year, start.month)[1])
    assert (start.hour, start.minute, start.second, start.microsecond) == (0, 0, 0, 0)


@given(st.lists(moments, max_size=40), days, zones)
def test_a_calendar_that_remembers_answers_as_a_new_one(asked: list[int], day: int, zone: ZoneInfo) -> None:
    calendar = BillCalendar()
    for micros in asked:
        assert calendar.cycle_at(micros, day, zone) == BillCalendar().cycle_at(micros, day, zone)


def test_the_thirty_first_is_the_last_of_february() -> None:
    found = cycle(datetime(2026, 3, 10, tzinfo=UTC), 31, "UTC")
    assert (found.start, found.end) == (datetime(2026, 2, 28, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))


def test_a_leap_year_has_its_day() -> None:
    assert cycle(datetime(2028, 2, 29, 1, tzinfo=UTC), 30, "UTC").start == datetime(2028, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "day", "zone", "start", "end"),
    [
        # New York moves to summer time on 8 March: the cycle is an hour short.
        ("2026-03-15T12:00Z", 1, "America/New_York", "2026-03-01T05:00Z", "2026-04-01T04:00Z"),
        # The last minute of February there is March already in UTC.
        ("2026-03-01T04:59Z", 1, "America/New_York", "2026-02-01T05:00Z", "2026-03-01T05:00Z"),
        # Cairo jumps over midnight on 24 April: that day begins with the jump.
        ("2026-04-24T12:00Z", 24, "Africa/Cairo", "2026-04-23T22:00Z", "2026-05-23T21:00Z"),
        # Havana has midnight twice on 1 November: the first begins the day.
        ("2026-11-01T12:00Z", 1, "America/Havana", "2026-11-01T04:00Z", "2026-12-01T05:00Z"),
        # Samoa had no 30 December 2011.
        ("2011-12-31T12:00Z", 30, "Pacific/Apia", "2011-12-30T10:00Z", "2012-01-29T10:00Z"),
    ],
)
def test_cycles_begin_at_the_customers_midnight(moment: str, day: int, zone: str, start: str, end: str) -> None:
    found = cycle(datetime.fromisoformat(moment), day, zone)
    assert (found.start, found.end) == (datetime.fromisoformat(start), datetime.fromisoformat(end))


def test_the_boundary_belongs_to_the_cycle_that_it_starts() -> None:
    boundary = datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert cycle(boundary, 1, "America/New_York").start == boundary
    assert cycle(boundary - timedelta(microseconds=1), 1, "America/New_York").end == boundary
