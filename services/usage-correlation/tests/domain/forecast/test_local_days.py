"""Does a moment fall on the day, and at the time, that the customer's clock shows?"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_correlation.domain.forecast.local_days import LocalDays

ZONES = st.sampled_from(
    ["Europe/Vienna", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC"]
).map(ZoneInfo)
STARTS = st.integers(1_300_000_000, 1_800_000_000)


@given(ZONES, STARTS, st.lists(st.integers(0, 40 * 86_400), max_size=30))
def test_moments_fall_where_the_clock_says(zone: ZoneInfo, start: int, offsets: list[int]) -> None:
    moments = np.array([start + offset for offset in offsets], np.int64)
    days = LocalDays.between(zone, start, start + 41 * 86_400)
    day, wall = days.place(moments)
    for moment, number, seconds in zip(moments.tolist(), day.tolist(), wall.tolist(), strict=True):
        local = datetime.fromtimestamp(moment, UTC).astimezone(zone)
        assert days.first + timedelta(days=number) == local.date()
        shown = local.hour * 3600 + local.minute * 60 + local.second
        # Half an hour that Lord Howe repeats has no second of its own.
        assert abs(seconds - shown) <= 1800 if zone.key == "Australia/Lord_Howe" else seconds == shown


@given(ZONES, STARTS, st.lists(st.integers(0, 40 * 86_400), max_size=30))
def test_there_and_back_again(zone: ZoneInfo, start: int, offsets: list[int]) -> None:
    moments = np.array([start + offset for offset in offsets], np.int64)
    days = LocalDays.between(zone, start, start + 41 * 86_400)
    back = days.moments(*days.place(moments))
    # What the clock shows twice comes back as the first of the two.
    assert all(
        moment - found in (0, 1800, 3600) or abs(moment - found) < 1800
        for moment, found in zip(moments, back, strict=True)
    )


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_days_are_as_long_as_clocks_make_them(day: date, hours: int) -> None:
    days = LocalDays.of(ZoneInfo("Europe/Vienna"), day, 1)
    assert np.diff(days.midnights).tolist() == [hours * 3600]


def test_an_hour_that_is_skipped_begins_with_the_jump() -> None:
    days = LocalDays.of(ZoneInfo("Europe/Vienna"), date(2026, 3, 29), 1)
    two_thirty = days.moments(np.array([0]), np.array([2 * 3600 + 1800]))
    assert datetime.fromtimestamp(int(two_thirty[0]), UTC) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_weekdays_begin_with_monday() -> None:
    days = LocalDays.of(ZoneInfo("UTC"), date(2026, 3, 16), 8)
    assert days.weekdays.tolist() == [0, 1, 2, 3, 4, 5, 6, 0]


def test_a_stretch_touches_the_days_of_its_ends() -> None:
    start = int(datetime(2026, 3, 1, 23, tzinfo=UTC).timestamp())
    assert len(LocalDays.between(ZoneInfo("UTC"), start, start + 3600)) == 1
    assert len(LocalDays.between(ZoneInfo("UTC"), start, start + 3601)) == 2
    assert LocalDays.between(ZoneInfo("Europe/Vienna"), start, start + 3600).first == date(2026, 3, 2)
