"""Do periods follow each other without a gap, by the clock of their zone?"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from value_network_sla.domain.policing.windows import (
    EPOCH,
    CalendarWindow,
    Duration,
    Period,
    RollingWindow,
    Unit,
    duration_from,
    slice_start,
    slices_in,
)

ZONES = ("UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana")


def local(text: str) -> datetime:
    """A time by the clock of some zone."""
    return datetime.fromisoformat(text)


MOMENTS = st.datetimes(local("2018-01-01"), local("2030-01-01"), timezones=st.just(UTC))
STARTS = st.datetimes(local("2019-01-01"), local("2025-12-31")).map(lambda it: it.replace(second=0, microsecond=0))
WINDOWS = st.builds(
    CalendarWindow,
    st.one_of(
        st.builds(Duration, st.integers(30, 3000), st.just(Unit.MINUTE)),
        st.builds(Duration, st.integers(1, 100), st.just(Unit.HOUR)),
        st.builds(Duration, st.integers(1, 40), st.just(Unit.DAY)),
        st.builds(Duration, st.integers(1, 8), st.just(Unit.WEEK)),
        st.builds(Duration, st.integers(1, 30), st.just(Unit.MONTH)),
        st.builds(Duration, st.integers(1, 6), st.just(Unit.QUARTER)),
        st.builds(Duration, st.integers(1, 3), st.just(Unit.YEAR)),
    ),
    STARTS,
    st.sampled_from(ZONES),
)
VIENNA_DAYS = CalendarWindow(Duration(1, Unit.DAY), local("2026-01-01"), "Europe/Vienna")


def hours(period: Period) -> float:
    return (period.end - period.start) / timedelta(hours=1)


@given(window=WINDOWS, moment=MOMENTS)
def test_every_moment_is_in_the_period_that_is_said_to_hold_it(window: CalendarWindow, moment: datetime) -> None:
    period = window.at(moment)
    assert period.start <= moment < period.end


@given(window=WINDOWS, moment=MOMENTS)
def test_periods_follow_each_other_without_a_gap(window: CalendarWindow, moment: datetime) -> None:
    period = window.at(moment)
    assert window.after(period).start == period.end
    assert window.before(period).end == period.start
    assert window.at(period.start) == period == window.at(period.end - timedelta(microseconds=1))


@given(window=WINDOWS)
def test_the_start_that_is_named_is_the_start_of_a_period(window: CalendarWindow) -> None:
    named = window.start.replace(tzinfo=ZoneInfo(window.zone)).astimezone(UTC)
    assert window.at(named).start == named


@given(window=WINDOWS, moment=MOMENTS, minutes=st.integers(1, 3000))
def test_slices_tile_a_period_and_are_as_many_as_are_counted(
    window: CalendarWindow, moment: datetime, minutes: int
) -> None:
    grain, period = timedelta(minutes=minutes), window.at(moment)
    found = slice_start(window, grain, moment)
    assert period.start <= found <= moment < found + grain
    assert (found - period.start) % grain == timedelta(0)
    last = slice_start(window, grain, period.end - timedelta(microseconds=1))
    assert slices_in(period, grain) == (last - period.start) // grain + 1


@given(moment=MOMENTS, minutes=st.integers(1, 3000))
def test_slices_of_a_rolling_window_are_counted_from_the_epoch(moment: datetime, minutes: int) -> None:
    grain = timedelta(minutes=minutes)
    found = slice_start(RollingWindow(timedelta(days=30)), grain, moment)
    assert (found - EPOCH) % grain == timedelta(0)
    assert found <= moment < found + grain


@pytest.mark.parametrize(
    ("day", "length"),
    [
        ("2026-03-28", 24),
        ("2026-03-29", 23),
        ("2026-10-25", 25),
        ("2026-07-01", 24),
    ],
)
def test_a_day_lasts_from_midnight_to_midnight_by_the_clock(day: str, length: int) -> None:
    period = VIENNA_DAYS.at(local(day).replace(hour=12, tzinfo=ZoneInfo("Europe/Vienna")))
    assert period.start.astimezone(ZoneInfo("Europe/Vienna")).replace(tzinfo=None) == local(day)
    assert hours(period) == length


def test_hours_are_time_that_passes_whatever_the_clock_does() -> None:
    window = CalendarWindow(Duration(6, Unit.HOUR), local("2026-03-29"), "Europe/Vienna")
    assert {hours(window.at(datetime(2026, 3, 29, hour, tzinfo=UTC))) for hour in range(24)} == {6.0}


def test_a_start_that_the_clock_skips_is_put_on_by_what_it_skips() -> None:
    window = CalendarWindow(Duration(1, Unit.DAY), local("2026-01-01T02:30"), "Europe/Vienna")
    period = window.at(datetime(2026, 3, 29, 12, tzinfo=UTC))
    assert period.start == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # 03:30 in Vienna


def test_a_start_that_the_clock_has_twice_is_the_first_of_the_two() -> None:
    window = CalendarWindow(Duration(1, Unit.DAY), local("2026-01-01T02:30"), "Europe/Vienna")
    period = window.at(datetime(2026, 10, 25, 12, tzinfo=UTC))
    assert period.start == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30 in Vienna, still summer time


def test_months_that_begin_on_the_31st_begin_on_the_last_day_where_there_is_none() -> None:
    window = CalendarWindow(Duration(1, Unit.MONTH), local("2026-01-31"), "UTC")
    starts = [window.at(datetime(2026, month, 15, tzinfo=UTC)).end.day for month in range(1, 6)]
    assert starts == [31, 28, 31, 30, 31]


def test_a_quarter_has_three_months_and_a_year_twelve() -> None:
    moment = datetime(2026, 5, 5, tzinfo=UTC)
    quarter = CalendarWindow(Duration(1, Unit.QUARTER), local("2026-01-01"), "UTC").at(moment)
    year = CalendarWindow(Duration(1, Unit.YEAR), local("2024-02-29"), "UTC").at(moment)
    assert quarter == (datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
    assert year == (datetime(2026, 2, 28, tzinfo=UTC), datetime(2027, 2, 28, tzinfo=UTC))


def test_a_rolling_window_ends_with_the_minute_that_goes_on() -> None:
    period = RollingWindow(timedelta(hours=1)).until(datetime(2026, 1, 1, 12, 30, 29, 5, tzinfo=UTC))
    assert period == (datetime(2026, 1, 1, 11, 31, tzinfo=UTC), datetime(2026, 1, 1, 12, 31, tzinfo=UTC))


@pytest.mark.parametrize("text", ["12h", "4w", "1M", "1Q", "365d", "1Y", "5m"])
def test_shorthand_is_read_and_written(text: str) -> None:
    found = duration_from(text)
    assert found is not None
    assert str(found) == text


@pytest.mark.parametrize("text", ["", "0d", "h", "1", "1 h", "-1h", "1.5h", "1s", "01h", "1H", "99999999d"])
def test_what_is_no_shorthand_is_none(text: str) -> None:
    assert duration_from(text) is None
