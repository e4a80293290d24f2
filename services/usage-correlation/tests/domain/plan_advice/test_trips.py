"""Does planned usage lie on the days, and at the times, that were planned?"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating import SERVICE_CODES, Service, UsageColumns
from usage_correlation.domain.consumption.history import History
from usage_correlation.domain.moments import MICROS, to_micros
from usage_correlation.domain.plan_advice.trips import (
    DailyUse,
    Trip,
    networks_within,
    own_usage,
    planned_usage,
    used_in,
)

VIENNA = ZoneInfo("Europe/Vienna")
PLANNED = [Service.VOICE, Service.DATA, Service.SMS]


def trip(start: datetime, days: int = 5) -> Trip:
    return Trip(to_micros(start), days, VIENNA)


def clock(columns: UsageColumns) -> list[datetime]:
    return [datetime.fromtimestamp(start, UTC).astimezone(VIENNA) for start in columns.start.tolist()]


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - as hypothesis wants it
    st.integers(1, 20),
    st.lists(
        st.tuples(st.sampled_from([Service.VOICE, Service.DATA, Service.SMS]), st.integers(1, 500)),
        min_size=1,
        max_size=3,
    ),
)
def test_all_that_is_planned_is_there_and_nothing_before_the_start(
    start: datetime, days: int, uses: list[tuple[Service, int]]
) -> None:
    planned = [DailyUse(service, quantity, min(quantity, 7)) for service, quantity in uses]
    found = planned_usage(trip(start, days), planned)
    assert int(found.quantity.sum()) == days * sum(quantity for _, quantity in uses)
    assert len(found) == days * sum(use.count for use in planned)
    moments = clock(found)
    assert moments == sorted(moments)
    assert moments[0] >= start - timedelta(seconds=1)
    first = start.astimezone(VIENNA).date()
    assert {(moment.date() - first).days for moment in moments} <= set(range(days))


def test_usage_lies_between_nine_and_nine_on_the_clock() -> None:
    found = planned_usage(trip(datetime(2026, 3, 27, tzinfo=UTC)), [DailyUse(Service.VOICE, 100, 4)])
    assert {(moment.hour, moment.minute) for moment in clock(found)} == {(10, 30), (13, 30), (16, 30), (19, 30)}


@pytest.mark.parametrize(
    ("use", "records"),
    [
        (DailyUse(Service.VOICE, 600, 0), 1),
        (DailyUse(Service.SMS, 5, 0), 5),
        (DailyUse(Service.DATA, 10, 3), 3),
    ],
)
def test_what_is_not_said_of_records_follows_from_the_service(use: DailyUse, records: int) -> None:
    assert use.count == records


def own(days: int) -> History:
    """On each day as many seconds as its number."""
    first = datetime(2026, 3, 1, 12, tzinfo=UTC)
    starts = [first + timedelta(days=number) for number in range(days)]
    columns = UsageColumns.of(service=Service.VOICE, start=starts, quantity=list(range(1, days + 1)))
    return History(columns, columns.start * MICROS)


def test_own_usage_is_that_of_the_last_same_weekdays() -> None:
    # 1 to 28 March; the 29th, a Sunday, is today.
    now = to_micros(datetime(2026, 3, 29, 6, tzinfo=UTC))
    found = own_usage(trip(datetime(2026, 3, 30, tzinfo=UTC), 14), own(28), now)
    assert isinstance(found, UsageColumns)
    week_before = [23, 24, 25, 26, 27, 28, 22]
    assert found.quantity.tolist() == [*week_before, *(number - 7 for number in week_before)]
    assert {moment.hour for moment in clock(found)} == {13}


def test_a_trip_that_is_longer_than_what_is_known_repeats_it() -> None:
    now = to_micros(datetime(2026, 3, 12, 6, tzinfo=UTC))
    found = own_usage(trip(datetime(2026, 3, 16, tzinfo=UTC), 21), own(11), now)
    assert isinstance(found, UsageColumns)
    assert found.quantity.tolist()[:7] == found.quantity.tolist()[7:14] == found.quantity.tolist()[14:]


@pytest.mark.parametrize(("days", "known"), [(0, 0), (1, 0), (3, 2), (7, 6)])
def test_under_a_week_says_nothing(days: int, known: int) -> None:
    now = to_micros(datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days=days))
    assert own_usage(trip(datetime(2026, 4, 1, tzinfo=UTC)), own(days), now) == known


def test_usage_can_be_moved_to_a_network_and_home_again() -> None:
    columns = planned_usage(trip(datetime(2026, 3, 2, tzinfo=UTC), 1), [DailyUse(Service.SMS, 2, 0)])
    there = used_in(columns, "26201")
    assert there.visited_network is not None
    assert there.visited_network.tolist() == ["26201", "26201"]
    assert used_in(there, "").visited_network is None
    assert np.array_equal(there.service, np.full(2, SERVICE_CODES[Service.SMS]))


def test_codes_without_tariffs_are_themselves() -> None:
    assert networks_within(["310", "302"], []) == ("302", "310")
