"""Does each shipped signal decide as its page says: spending, misfit, stagnation, adoption, calls, quality?"""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pattern_samples import NOON, Event, events_of

from quality import Call, codec_named, rate_call
from rating import UsageColumns
from usage_correlation.domain.insights.adoption import AdoptionTerms, is_early, is_new
from usage_correlation.domain.insights.calling import call_features, local_days, local_hours
from usage_correlation.domain.insights.misfit import MisfitTerms, is_misfit
from usage_correlation.domain.insights.perceived import perceived
from usage_correlation.domain.insights.spending import UnusualTerms, is_unusual, usual
from usage_correlation.domain.insights.stagnation import StagnationTerms, are_consecutive, stillness

amounts = st.fractions(0, 1000, max_denominator=600)
NEW_YORK = ZoneInfo("America/New_York")
NAN = float("nan")


def seconds(*moments: datetime) -> np.ndarray:
    return np.array([int(each.timestamp()) for each in moments], np.int64)


@given(st.lists(amounts, min_size=3, max_size=12), amounts, amounts)
def test_who_spends_more_is_never_less_unusual(past, spent, more):
    known = usual(past, UnusualTerms())
    assert known is not None
    assert is_unusual(spent + more, known, UnusualTerms()) or not is_unusual(spent, known, UnusualTerms())
    assert not is_unusual(min(past), known, UnusualTerms())


def test_too_few_cycles_say_nothing():
    assert usual([Fraction(1), Fraction(2)], UnusualTerms()) is None


@given(amounts, amounts)
def test_a_dearer_plan_is_never_advised(current, better):
    if is_misfit(current, better, MisfitTerms()):
        assert better < current
        assert (current - better) * 10 >= current
        assert current - better >= 3


def test_usage_stands_still_only_when_every_line_does():
    moving, still = [100.0, 150, 200, 250, 300, 350], [400.0] * 6
    terms = StagnationTerms()
    found = stillness({"data": [*moving, *still], "voice": [10.0] * 12}, terms)
    assert found is not None
    assert (found.line, found.largest_percent) == ("data", 0.0)
    assert stillness({"data": [*moving, *still], "voice": [*still, *moving]}, terms) is None
    assert stillness({"voice": [10.0] * 12}, terms) is None
    assert stillness({"data": [*moving, *[0.0] * 6]}, terms) is None
    assert stillness({}, terms) is None


def test_a_missing_cycle_is_noticed():
    day = 86_400
    assert are_consecutive([0, 31 * day, 59 * day], 32 * day)
    assert not are_consecutive([0, 31 * day, 90 * day], 32 * day)


def test_a_line_is_new_only_with_history_before_it_and_not_for_ever():
    terms = AdoptionTerms()
    day = timedelta(days=1) // timedelta(microseconds=1)
    assert is_new(0, 100 * day, 200 * day, terms)
    assert not is_new(0, 80 * day, 100 * day, terms)
    assert not is_new(0, 100 * day, 281 * day, terms)
    assert is_early(16, 100, terms)
    assert not is_early(17, 100, terms)
    assert not is_early(1, 49, terms)


def test_hours_and_days_are_those_that_the_customers_clock_shows():
    # Clocks went forward at 07:00 UTC on 8 March 2026.
    before, after = datetime(2026, 3, 8, 6, 59, tzinfo=UTC), datetime(2026, 3, 8, 7, tzinfo=UTC)
    assert list(local_hours(seconds(before, after), NEW_YORK)) == [1, 3]
    late = datetime(2026, 3, 2, 4, 59, tzinfo=UTC)
    one, two = local_days(seconds(late, late + timedelta(minutes=1)), NEW_YORK)
    assert two == one + 1


@given(st.lists(st.integers(0, 4 * 10**9), min_size=1, max_size=20))
def test_hours_agree_with_the_zone_itself(moments):
    found = local_hours(np.array(moments, np.int64), NEW_YORK)
    assert list(found) == [datetime.fromtimestamp(each, NEW_YORK).hour for each in moments]


def test_calls_are_parted_by_the_clock_and_by_country():
    at = [datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (14, 23, 4, 14, 14, 14)]
    usage = UsageColumns.of(
        service=["voice", "voice", "voice", "voice", "voice", "data"],  # type: ignore[arg-type]  # names of Services will do
        start=at,
        quantity=[60, 120, 180, 240, 300, 10**9],
        destination=["12125550100", "12125550100", "12125550100", "18765550100", "911", ""],
    )
    owner = np.array([0, 0, 0, 0, 0, 1])
    found = call_features(usage, owner, 2, NEW_YORK, r"^1(?!876)")
    assert {name: list(column) for name, column in found.items()} == {
        "day_minutes": [6, 0],  # a short code is at home
        "evening_minutes": [2, 0],
        "night_minutes": [3, 0],
        "international_minutes": [4, 0],
        "international_calls": [1, 0],
    }
    unknown = call_features(usage, owner, 2, NEW_YORK, None)
    assert np.isnan(unknown["international_minutes"]).all()
    assert list(unknown["day_minutes"]) == [10, 0]


def heard(**measured: float | str) -> dict[str, float]:
    (events,) = events_of([Event("voice_quality", "s-1", NOON, "q", {"codec": "PCMA", **measured})])
    found = perceived("voice_quality", events.fields)
    return {name: float(found[name][0]) for name in ("mos", "r_factor")}  # type: ignore[arg-type]  # doubles


def test_a_call_is_rated_by_the_e_model_where_nobody_has():
    expected = rate_call(Call(codec_named("PCMA"), mouth_to_ear_ms=200.0, jitter_ms=30.0, loss_percent=4.0))
    found = heard(delay_ms=200.0, jitter_ms=30.0, loss_percent=4.0)
    assert found["r_factor"] == pytest.approx(float(expected.r))
    assert found["mos"] == pytest.approx(float(expected.mos))


def test_an_observers_own_rating_holds_and_gives_the_other():
    assert heard(mos=3.1, loss_percent=20.0) == pytest.approx({"mos": 3.1, "r_factor": 60.0}, abs=0.01)
    assert heard(r_factor=93.2) == pytest.approx({"mos": 4.41, "r_factor": 93.2}, abs=0.01)
    assert heard(mos=4.8)["r_factor"] == pytest.approx(100.0)


@pytest.mark.parametrize(
    "measured",
    [{}, {"delay_ms": 400.0}, {"codec": "EVS", "loss_percent": 9.0}, {"codec": "", "loss_percent": 9.0}],
)
def test_what_can_not_be_rated_has_no_rating(measured):
    assert np.isnan(list(heard(**measured).values())).all()


def test_a_stream_is_rated_by_start_and_stalls():
    several = [
        {"played_ms": 600_000.0, "startup_ms": 800.0},
        {"played_ms": 60_000.0, "rebuffering_count": 4, "rebuffering_ms": 20_000.0},
        {"failed": True},
        {"startup_ms": 800.0},
        {"played_ms": 60_000.0, "rebuffering_ms": 4000.0},
    ]
    (events,) = events_of(Event("stream_quality", "s-1", NOON, f"s{at}", each) for at, each in enumerate(several))
    fine, stopping, failed, unknown, once = (float(each) for each in perceived("stream_quality", events.fields)["mos"])  # type: ignore[union-attr]  # doubles
    assert fine > 4
    assert stopping < 3
    assert failed == 1
    assert np.isnan(unknown)
    assert 3 < once < 4.5
