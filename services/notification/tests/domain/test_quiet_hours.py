"""When it is quiet, and until when."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notification.domain.contacts import QuietHours
from notification.domain.quiet_hours import quiet_until

NIGHT = QuietHours(time(22), time(7))
NOON = QuietHours(time(12), time(14, 30))
ZONES = ["UTC", "Europe/Vienna", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]


def at(text: str, zone: str = "Europe/Vienna") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        (NIGHT, "2026-01-10T21:59:59", None),
        (NIGHT, "2026-01-10T22:00:00", "2026-01-11T07:00:00"),
        (NIGHT, "2026-01-10T23:59:59", "2026-01-11T07:00:00"),
        (NIGHT, "2026-01-11T00:00:00", "2026-01-11T07:00:00"),
        (NIGHT, "2026-01-11T06:59:59", "2026-01-11T07:00:00"),
        (NIGHT, "2026-01-11T07:00:00", None),
        (NIGHT, "2025-12-31T22:30:00", "2026-01-01T07:00:00"),
        (NOON, "2026-01-10T11:59:59", None),
        (NOON, "2026-01-10T12:00:00", "2026-01-10T14:30:00"),
        (NOON, "2026-01-10T14:30:00", None),
        (QuietHours(time(0), time(7)), "2026-01-10T03:00:00", "2026-01-10T07:00:00"),
        (QuietHours(time(22), time(0)), "2026-01-10T23:00:00", "2026-01-11T00:00:00"),
        (None, "2026-01-10T23:00:00", None),
    ],
)
def test_quiet_hours_by_the_clock_on_the_wall(hours: QuietHours | None, now: str, until: str | None):
    assert quiet_until(hours, "Europe/Vienna", at(now)) == (at(until) if until else None)


def test_it_is_the_customers_clock_that_counts():
    now = at("2026-01-10T23:00:00", "UTC")

    assert quiet_until(NIGHT, "UTC", now) == at("2026-01-11T07:00:00", "UTC")
    assert quiet_until(NIGHT, "America/Los_Angeles", now) is None


def test_a_night_in_which_the_clock_is_changed_is_shorter_or_longer():
    spring, autumn = at("2026-03-28T22:00:00"), at("2026-10-24T22:00:00")

    assert quiet_until(NIGHT, "Europe/Vienna", spring) == spring + timedelta(hours=8)
    assert quiet_until(NIGHT, "Europe/Vienna", autumn) == autumn + timedelta(hours=10)


@given(
    st.builds(QuietHours, st.times(), st.times()).filter(lambda hours: hours.start != hours.end),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds it
)
@example(QuietHours(time(1), time(2, 30)), "Europe/Vienna", datetime(2026, 10, 25, 0, 45, tzinfo=UTC))
@example(QuietHours(time(1), time(2, 30)), "Europe/Vienna", datetime(2026, 10, 25, 1, 15, tzinfo=UTC))
@example(QuietHours(time(1), time(2, 30)), "Europe/Vienna", datetime(2026, 3, 29, 0, 45, tzinfo=UTC))
def test_quiet_hours_end_within_a_day_and_it_is_not_quiet_then(hours: QuietHours, zone: str, now: datetime):
    until = quiet_until(hours, zone, now)
    if until is None:
        return
    assert now < until <= now + timedelta(hours=26)
    assert quiet_until(hours, zone, until) is None
