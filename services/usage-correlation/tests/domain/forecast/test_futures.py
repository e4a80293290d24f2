"""Are futures made of the subscriber's own days, each where it belongs?"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating import Service, UsageColumns
from usage_correlation.domain.consumption.history import History
from usage_correlation.domain.forecast.futures import Futures, draw_futures
from usage_correlation.domain.forecast.local_days import LocalDays
from usage_correlation.domain.forecast.rhythm import Rhythm, Stay, TooEarly, ready_micros, rhythm_of
from usage_correlation.domain.forecast.trend import trend_of
from usage_correlation.domain.moments import MICROS, to_micros

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def history(starts: list[datetime], quantities: list[int] | None = None, networks: list[str] | None = None) -> History:
    """Calls that begin then, in order."""
    columns = UsageColumns.of(
        service=Service.VOICE,
        start=starts,
        quantity=quantities or [60] * len(starts),
        visited_network=networks or "",
    )
    return History(columns, columns.start * MICROS)


def rhythm(known: History, now: datetime = NOW, since: datetime = SINCE) -> Rhythm:
    found = rhythm_of(known, (), VIENNA, to_micros(since), to_micros(now))
    assert isinstance(found, Rhythm)
    return found


def futures(of: Rhythm, count: int = 50, now: datetime = NOW, end: datetime = END, seed: int = 1) -> Futures:
    low, high = int(now.timestamp()), int(end.timestamp())
    return draw_futures(of, LocalDays.between(VIENNA, low, high), low, high, count, np.random.default_rng(seed))


def on_the_clock(drawn: Futures) -> list[datetime]:
    return [datetime.fromtimestamp(start, UTC).astimezone(VIENNA) for start in drawn.columns.start.tolist()]


def each_day(hour: int, until: datetime = NOW, since: datetime = SINCE) -> list[datetime]:
    days = (until - since).days + 1
    moments = [since + timedelta(days=number, hours=hour) for number in range(days)]
    return [moment for moment in moments if moment < until]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 78 * 86_400 - 1), min_size=20, max_size=120, unique=True),
    st.integers(0, 11 * 86_400),
    st.integers(0, 9),
)
def test_all_that_is_to_come_comes_from_own_days(offsets: list[int], later: int, seed: int) -> None:
    now = NOW + timedelta(seconds=later)
    starts = sorted(SINCE + timedelta(seconds=offset) for offset in offsets)
    found = rhythm_of(history(starts, list(range(len(starts)))), (), VIENNA, to_micros(SINCE), to_micros(now))
    if isinstance(found, TooEarly):
        assert starts[0] > SINCE + timedelta(days=60)
        return
    drawn = futures(found, 20, now, seed=seed)
    assert set(drawn.columns.quantity.tolist()) <= set(found.columns.quantity.tolist())
    assert ((drawn.columns.start >= now.timestamp()) & (drawn.columns.start < END.timestamp())).all()
    order = np.lexsort((drawn.columns.start, drawn.future))
    assert (order == np.arange(len(order))).all()
    source = dict(zip(found.columns.quantity.tolist(), found.columns.start.tolist(), strict=True))
    for quantity, start in zip(drawn.columns.quantity.tolist(), drawn.columns.start.tolist(), strict=True):
        was, will = (datetime.fromtimestamp(each, UTC).astimezone(VIENNA) for each in (source[quantity], start))
        assert (was.minute, was.second) == (will.minute, will.second)


def test_each_weekday_is_drawn_from_its_own_kind() -> None:
    known = [moment for moment in each_day(15) if moment.astimezone(VIENNA).weekday() == 2]
    drawn = futures(rhythm(history(known)))
    weekdays = {
        datetime.fromtimestamp(start, UTC).astimezone(VIENNA).weekday() for start in drawn.columns.start.tolist()
    }
    assert weekdays == {2}


def test_times_are_those_on_the_clock_also_after_it_was_turned() -> None:
    drawn = futures(rhythm(history(each_day(17))))  # at 18 o'clock in Vienna; clocks are turned on 29 March
    assert {moment.hour for moment in on_the_clock(drawn)} == {18}


def test_what_today_is_over_does_not_come_again() -> None:
    drawn = futures(rhythm(history(each_day(9))), 10)
    first = datetime.fromtimestamp(int(drawn.columns.start.min()), UTC)
    assert first.date() == (NOW + timedelta(days=1)).date()


def test_steady_use_goes_on_as_it_was() -> None:
    drawn = futures(rhythm(history(each_day(15))), 200)
    counts = np.bincount(drawn.future, minlength=200)
    assert 10 <= np.median(counts) <= 13
    assert abs(trend_of(rhythm(history(each_day(15)))).mean) < 1e-9


@pytest.mark.parametrize(("first", "last", "sign"), [(60, 600, 1), (600, 60, -1)])
def test_use_that_rises_or_falls_is_seen(first: int, last: int, sign: int) -> None:
    starts = each_day(15)
    lengths = np.linspace(first, last, len(starts)).astype(int).tolist()
    found = trend_of(rhythm(history(starts, lengths)))
    assert sign * found.mean > 2 * found.deviation
    factors = found.factors(6, 500, np.random.default_rng(1))
    assert sign * (float(np.median(factors)) - 1) > 0.2


def test_who_is_abroad_now_stays_as_long_again_as_likely_as_not() -> None:
    starts = each_day(9)
    networks = ["26201" if start >= NOW - timedelta(days=3) else "" for start in starts]
    found = rhythm(history(starts, networks=networks))
    assert found.staying == Stay(len(found) - 3, len(found) - 1)
    drawn = futures(found, 400)
    networks_drawn = drawn.columns.visited_network
    assert networks_drawn is not None
    days = drawn.columns.start // 86_400 - int(NOW.timestamp()) // 86_400
    on_the_third = networks_drawn[days == 3] == "26201"
    assert 0.35 < on_the_third.mean() < 0.65
    assert (networks_drawn[days == 10] == "26201").mean() < on_the_third.mean()


def test_trips_come_as_often_as_they_did() -> None:
    starts = each_day(9)
    away = [20 <= number < 27 or 50 <= number < 57 for number in range(len(starts))]
    found = rhythm(history(starts, networks=["26201" if each else "" for each in away]))
    assert (len(found.stays), found.staying) == (2, None)
    networks = futures(found, 400).columns.visited_network
    assert networks is not None
    share = (networks == "26201").mean()
    assert 0.04 < share < 0.25


def test_home_networks_are_home() -> None:
    starts = each_day(9)
    known = history(starts, networks=["23201"] * len(starts))
    found = rhythm_of(known, ("232",), VIENNA, to_micros(SINCE), to_micros(NOW))
    assert isinstance(found, Rhythm)
    assert not found.is_abroad.any()


def test_days_without_use_count_and_those_before_the_first_use_do_not() -> None:
    starts = [datetime(2026, 2, 1, 9, tzinfo=UTC), datetime(2026, 3, 1, 9, tzinfo=UTC)]
    found = rhythm(history(starts))
    assert found.whole_days == 46  # 2 February to 19 March
    assert int(np.diff(found.row_of_day).sum()) == 1


@pytest.mark.parametrize("days", range(12, 18))
def test_two_of_each_weekday_are_needed(days: int) -> None:
    since = NOW - timedelta(days=days)
    known = history(each_day(0, since=since))
    found = rhythm_of(known, (), VIENNA, to_micros(SINCE), to_micros(NOW))
    assert (found is TooEarly.HISTORY_TOO_SHORT) == (days <= 14)
    if isinstance(found, TooEarly):
        ready = ready_micros(known, VIENNA, to_micros(SINCE), to_micros(NOW))
        assert rhythm_of(known, (), VIENNA, to_micros(SINCE), ready - 1) is TooEarly.HISTORY_TOO_SHORT
        assert isinstance(rhythm_of(known, (), VIENNA, to_micros(SINCE), ready), Rhythm)


def test_without_use_there_is_no_rhythm() -> None:
    assert rhythm_of(history([]), (), VIENNA, to_micros(SINCE), to_micros(NOW)) is TooEarly.NO_USAGE
