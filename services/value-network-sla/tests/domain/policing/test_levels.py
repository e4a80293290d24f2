"""Are changes of level dated, whatever is missing or mad in between, and none seen where there is none?"""

import csv
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from value_network_sla.domain.policing.levels import MOST_BUCKETS, Levels, LevelTerms, TooManyBuckets, find_levels
from value_network_sla.domain.policing.metrics import is_plausible, metric_named
from value_network_sla.domain.policing.series import Series, coverage_of

START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
SLOT = 1800
DAY_SLOTS = 48
DATA = Path(os.environ.get("CXMESH_TEST_DATA", Path(__file__).resolve().parents[6] / "shared" / "data"))
TESTS = DATA / "speedtest" / "speedtests_2017-10_2019-04.csv"


def series_of(values: "np.ndarray[tuple[int], np.dtype[np.float64]]", kept: float = 1.0, seed: int = 1) -> Series:
    """A value every half hour, of which a share is kept."""
    times = START + np.arange(len(values), dtype=np.int64) * SLOT
    chosen = np.random.default_rng(seed).random(len(values)) < kept
    return Series(times[chosen], values[chosen], np.ones(int(chosen.sum()), np.bool_))


def noisy(levels: list[tuple[int, float]], deviation: float = 2.0, seed: int = 7) -> np.ndarray:
    """Days and level of each stretch, with noise."""
    means = np.concatenate([np.full(days * DAY_SLOTS, level) for days, level in levels])
    return means + np.random.default_rng(seed).normal(0, deviation, len(means))


def days(found: Levels) -> list[int]:
    """On which day each change is dated."""
    return [int((change.time.timestamp() - START) // 86_400) for change in found.changes]


def test_a_change_is_dated_to_the_day_and_told_with_both_levels() -> None:
    found = find_levels(series_of(noisy([(60, 34), (60, 50)])), LevelTerms())
    assert days(found) == [60]
    [change] = found.changes
    assert change.before == pytest.approx(34, abs=0.5)
    assert change.after == pytest.approx(50, abs=0.5)
    assert [level.buckets for level in found.levels] == [60, 60]


def test_several_changes_are_found_up_and_down() -> None:
    found = find_levels(series_of(noisy([(40, 30), (30, 50), (50, 42)])), LevelTerms())
    assert days(found) == [40, 70]


@pytest.mark.parametrize("seed", range(10))
def test_a_steady_series_has_no_change(seed: int) -> None:
    assert not find_levels(series_of(noisy([(200, 34)], deviation=5, seed=seed)), LevelTerms(least_change=0)).changes


@pytest.mark.parametrize("seed", range(10))
def test_days_that_lean_on_each_other_are_no_change_of_level(seed: int) -> None:
    random = np.random.default_rng(seed)
    drift = np.zeros(300)
    for day in range(1, 300):
        drift[day] = 0.6 * drift[day - 1] + random.normal(0, 1)
    values = 34 + np.repeat(drift, DAY_SLOTS) + random.normal(0, 1, 300 * DAY_SLOTS)
    assert not find_levels(series_of(values), LevelTerms()).changes


def test_wild_values_and_bad_days_make_no_level() -> None:
    values = noisy([(60, 34), (60, 50)])
    wild = np.random.default_rng(3).random(len(values)) < 0.2
    values[wild] *= 0.05
    values[30 * DAY_SLOTS : 32 * DAY_SLOTS] = 1.0
    assert days(find_levels(series_of(values), LevelTerms())) == [60]


def test_what_is_missing_moves_nothing_but_dates() -> None:
    values = noisy([(60, 34), (60, 50)])
    thin = series_of(values, kept=0.6)
    hole = (thin.times < START + 58 * 86_400) | (thin.times >= START + 65 * 86_400)
    found = find_levels(Series(thin.times[hole], thin.values[hole], thin.usable[hole]), LevelTerms())
    assert days(found) == [65]
    [change] = found.changes
    assert change.earliest == datetime.fromtimestamp(START + 58 * 86_400, UTC)


def test_sentinels_are_not_looked_at_and_told_of() -> None:
    values = noisy([(40, 20)])
    values[::10] = 1_800_000
    raw = series_of(values)
    metric = metric_named("latency_ms")
    assert metric is not None
    usable = np.array([is_plausible(metric, value) for value in raw.values])
    series = Series(raw.times, raw.values, usable)
    assert not find_levels(series, LevelTerms()).changes
    assert coverage_of(series).sentinels == len(values) / 10


def test_a_change_too_small_to_tell_of_is_left_out() -> None:
    series = series_of(noisy([(60, 50), (60, 52)], deviation=1))
    assert not find_levels(series, LevelTerms()).changes
    assert days(find_levels(series, LevelTerms(least_change=0.01))) == [60]


def test_a_series_without_any_noise_has_its_changes_too() -> None:
    assert days(find_levels(series_of(noisy([(30, 10), (30, 20)], deviation=0)), LevelTerms())) == [30]
    assert not find_levels(series_of(noisy([(60, 10)], deviation=0)), LevelTerms()).changes


def test_few_buckets_are_one_level_and_none_is_nothing() -> None:
    few = find_levels(series_of(noisy([(5, 34)])), LevelTerms())
    assert len(few.levels) == 1
    assert not find_levels(series_of(np.empty(0)), LevelTerms()).levels


def test_a_series_that_is_too_long_is_refused() -> None:
    values = np.ones(MOST_BUCKETS + 1)
    with pytest.raises(TooManyBuckets):
        find_levels(series_of(values), LevelTerms(bucket=timedelta(seconds=SLOT)))


def test_gaps_are_counted_in_slots_though_the_probe_drifts() -> None:
    times = START + np.arange(200, dtype=np.int64) * SLOT + np.random.default_rng(1).integers(-300, 300, 200)
    kept = np.ones(200, np.bool_)
    kept[50:60] = kept[100] = False
    series = Series(times[kept], np.ones(189), np.ones(189, np.bool_))
    found = coverage_of(series, timedelta(seconds=SLOT))
    assert (found.missing_slots, found.expected_slots, found.measurements) == (11, 200, 189)
    assert [gap.slots for gap in found.gaps] == [10, 1]


def test_a_series_of_one_measurement_has_no_gaps() -> None:
    assert coverage_of(series_of(np.ones(1))).missing_slots == 0
    assert coverage_of(series_of(np.empty(0))).expected_slots == 0


@pytest.fixture(scope="module")
def line() -> dict[str, Series]:
    """A real access line, tested every half hour for 18 months."""
    if not TESTS.exists():
        pytest.skip(f"{TESTS} is not here (CXMESH_TEST_DATA)")
    with TESTS.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    stamps = [datetime.fromisoformat(row["datetimestart"]).replace(tzinfo=UTC).timestamp() for row in rows]
    times = np.array(stamps, np.int64)
    found = {}
    for column, name in (("ping", "latency_ms"), ("download", "download_mbps")):
        values = np.array([float(row[column]) for row in rows])
        metric = metric_named(name)
        assert metric is not None
        found[name] = Series(times, values, np.array([is_plausible(metric, value) for value in values]))
    return found


def test_the_real_line_became_faster_in_may_2018(line: dict[str, Series]) -> None:
    first = find_levels(line["download_mbps"], LevelTerms()).changes[0]
    assert (first.time.year, first.time.month) == (2018, 5)
    assert first.before == pytest.approx(34, abs=1)
    assert first.after > 50


def test_the_real_line_became_slow_to_answer_in_january_2019(line: dict[str, Series]) -> None:
    weekly = LevelTerms(quantile=0.95, bucket=timedelta(days=7), least_samples=40, least_buckets=3)
    for terms in (weekly, LevelTerms(quantile=0.95)):
        last = find_levels(line["latency_ms"], terms).changes[-1]
        assert (last.time.year, last.time.month) == (2019, 1)
        assert last.after > last.before


def test_the_real_line_has_a_sentinel_and_missing_slots_that_are_no_measurements(line: dict[str, Series]) -> None:
    found = coverage_of(line["latency_ms"])
    assert found.sentinels == 1
    assert found.interval == timedelta(minutes=30)
    assert 0.05 < found.missing_slots / found.expected_slots < 0.2
