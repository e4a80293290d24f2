"""Do moments survive the wire, and is what no calendar has refused?"""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from mesh.api import NoMoment, moment_message, moment_of


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds are naive
def test_a_moment_comes_back_as_it_went(moment: datetime) -> None:
    assert moment_of(moment_message(moment)) == moment


def test_a_moment_is_told_in_utc_and_to_the_microsecond() -> None:
    vienna = datetime(2026, 5, 5, 12, tzinfo=timezone(timedelta(hours=2)))
    assert moment_of(moment_message(vienna)).isoformat() == "2026-05-05T10:00:00+00:00"
    assert moment_of(Timestamp(seconds=1, nanos=1_999)).microsecond == 1


def test_what_is_not_set_stays_so() -> None:
    assert moment_message(None) is None


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (Timestamp(nanos=-1), "-1 ns"),
        (Timestamp(nanos=1_000_000_000), "1000000000 ns"),
        (Timestamp(seconds=-(2**62)), f"{-(2**62)} s"),
        (Timestamp(seconds=253_402_300_800), "253402300800 s"),
    ],
)
def test_what_no_calendar_has_is_refused(message: Timestamp, shown: str) -> None:
    with pytest.raises(NoMoment, match="between the years 1 and 9999") as refused:
        moment_of(message)
    assert refused.value.shown == shown
