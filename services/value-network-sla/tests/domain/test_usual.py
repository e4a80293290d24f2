"""Is what is usual learned whatever incidents were among it, and are failures told from chance?"""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from value_network_sla.domain.pinpointing.calls import Calls, Edge
from value_network_sla.domain.pinpointing.failures import failure_suspects, usual_shares
from value_network_sla.domain.pinpointing.faults import ErrorRole, Fault
from value_network_sla.domain.pinpointing.usual import HourOfCalls, comparable_failures, summarize, usual_at

EDGE: Edge = ("", "partners/cdn", "stream")
MONDAY = datetime(2026, 3, 2, 20, tzinfo=UTC)
WEEK, DAY = timedelta(days=7), timedelta(days=1)


def row(hour: datetime, p95: int, failed_ppm: int = 0) -> HourOfCalls:
    return HourOfCalls(EDGE, hour, 1000, p95, p95 // 10, 5, 9, failed_ppm)


def test_the_same_hour_of_the_week_is_what_counts() -> None:
    rows = [row(MONDAY - week * WEEK, 100) for week in range(1, 5)]
    rows += [row(MONDAY - day * DAY, 500) for day in range(1, 7)]
    assert usual_at(rows, MONDAY + timedelta(minutes=30), {})[EDGE].budget_ns == 100


def test_an_incident_in_one_of_the_weeks_changes_nothing() -> None:
    rows = [row(MONDAY - week * WEEK, 100 if week != 2 else 90_000) for week in range(1, 4)]
    assert usual_at(rows, MONDAY, {})[EDGE].budget_ns == 100


def test_with_too_few_weeks_other_days_count_and_then_other_hours() -> None:
    days = [row(MONDAY - day * DAY, 300) for day in range(1, 4)]
    assert usual_at(days, MONDAY, {})[EDGE].budget_ns == 300
    hours = [row(MONDAY - timedelta(hours=hour), 200) for hour in range(1, 4)]
    assert usual_at(hours, MONDAY, {})[EDGE].budget_ns == 200
    assert usual_at(hours[:2], MONDAY, {}) == {}


def test_nothing_is_learned_from_the_hour_itself_or_from_what_came_after() -> None:
    rows = [row(MONDAY + week * WEEK, 100) for week in range(5)]
    assert usual_at(rows, MONDAY, {}) == {}


def test_what_was_agreed_holds() -> None:
    rows = [row(MONDAY - week * WEEK, 100) for week in range(1, 4)]
    assert usual_at(rows, MONDAY, {EDGE: 70.0})[EDGE].budget_ns == 70.0


def test_an_hour_is_summed_up_by_its_quantiles() -> None:
    own = np.arange(1.0, 101.0)
    calls = Calls([EDGE], np.zeros(100, np.int64), np.arange(100), own, own / 10, 100)
    [found] = summarize(calls, {EDGE: 0.02}, MONDAY)
    assert (found.calls, found.own_p95_ns, found.gap_p50_ns, found.failed_ppm) == (100, 95, 5, 20_000)
    few = Calls([EDGE], np.zeros(5, np.int64), np.arange(5), own[:5], own[:5], 5)
    assert summarize(few, {}, MONDAY) == []


def test_the_usual_share_of_failures_is_a_median_too() -> None:
    rows = [row(MONDAY - week * WEEK, 100, failed) for week, failed in ((1, 1000), (2, 900_000), (3, 2000))]
    usual, learned_from = comparable_failures(rows, MONDAY)
    assert (usual, learned_from) == ({("partners/cdn", "stream"): 0.002}, 3000)


FAULT = Fault("partners/cdn", "stream", ErrorRole.SELF)
OTHER = Fault("partners/access", "connect", ErrorRole.TIMED_OUT)


def test_whoever_fails_more_often_than_usual_is_named() -> None:
    usual = usual_shares([FAULT] * 10 + [OTHER] * 10 + [None] * 980)
    window = [FAULT] * 60 + [OTHER] * 5 + [None] * 435
    [found] = failure_suspects(window, usual, 1 / 1000)
    assert (found.party, found.by_operation) == ("partners/cdn", (("stream", pytest.approx(55)),))
    assert (found.share, found.confidence, len(found.sessions)) == (1.0, 1.0, 60)


@given(st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_as_many_failures_as_chance_allows_name_nobody(seed: int) -> None:
    source = np.random.default_rng(seed)
    faults = [FAULT if failed else None for failed in source.random(2000) < 0.02]
    assert failure_suspects(faults, {("partners/cdn", "stream"): 0.02}, 1 / 1000) == []


def test_a_handful_of_failures_names_nobody() -> None:
    assert failure_suspects([FAULT] * 4 + [None] * 96, {}, 1 / 10_000) == []
    assert failure_suspects([], {}, 1.0) == []
