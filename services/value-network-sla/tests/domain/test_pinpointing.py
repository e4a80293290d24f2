"""Is the party that was slow named first, and nobody when nothing is wrong?"""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apportioning.span import PROVIDER, Span, SpanKind
from apportioning.trace_tree import grow_tree
from apportioning.visits import collapse
from value_network_sla.domain.pinpointing.calls import Calls, Edge, calls_of
from value_network_sla.domain.pinpointing.metrics import Measure, MetricBaseline, NodeMetrics
from value_network_sla.domain.pinpointing.window import learn, suspects

ACCESS, CONTENT, PAYMENT = (f"partners/{name}" for name in ("access", "content", "payment"))
MS = 1_000_000
EDGES: dict[Edge, float] = {
    (PROVIDER, PROVIDER, "watch"): 5.0,
    (PROVIDER, ACCESS, "connect"): 10.0,
    (PROVIDER, CONTENT, "stream"): 40.0,
    (PROVIDER, PAYMENT, "charge"): 2.0,
    (CONTENT, ACCESS, "deliver"): 8.0,
}
"""Milliseconds that each call takes on its own, on average."""


def window(
    seed: int,
    sessions: int = 300,
    slower: Mapping[Edge, float] | None = None,
    gaps: Mapping[Edge, float] | None = None,
) -> Calls:
    """Sessions of one call of each kind; `slower` and `gaps` in milliseconds more."""
    source = np.random.default_rng(seed)
    edges, own, gap, session = [], [], [], []
    for number, (edge, usual) in enumerate(EDGES.items()):
        way = source.exponential(0.5, sessions) + (gaps or {}).get(edge, 0.0)
        took = source.exponential(usual, sessions) + (slower or {}).get(edge, 0.0) + way
        edges.append(np.full(sessions, number))
        own.append(took)
        gap.append(way)
        session.append(np.arange(sessions))
    return Calls(
        list(EDGES),
        np.concatenate(edges),
        np.concatenate(session),
        np.concatenate(own) * MS,
        np.concatenate(gap) * MS,
        sessions,
    )


NORMAL = learn(window(1, 2000))


@given(st.integers(2, 2**31))
@settings(max_examples=40, deadline=None)
def test_nobody_is_named_when_nothing_is_wrong(seed: int) -> None:
    assert suspects(window(seed), NORMAL) == []


@given(st.integers(2, 2**31), st.sampled_from(sorted(EDGES)), st.floats(1.0, 20.0))
@settings(max_examples=60, deadline=None)
def test_the_slow_one_is_named_first_and_for_the_operation_that_was_slow(seed: int, edge: Edge, times: float) -> None:
    found = suspects(window(seed, slower={edge: EDGES[edge] * times + 5}), NORMAL)
    assert found[0].party == edge[1]
    assert found[0].by_operation[0][0] == edge[2]
    assert sum(one.share for one in found) == pytest.approx(1)
    assert found[0].confidence > 0.9


def test_a_longer_way_to_one_callee_is_the_callees() -> None:
    found = suspects(window(3, gaps={(PROVIDER, CONTENT, "stream"): 200.0}), NORMAL)
    assert [one.party for one in found] == [CONTENT]


def test_a_longer_way_to_every_callee_is_the_callers() -> None:
    longer = {edge: 200.0 for edge in EDGES if edge[0] == PROVIDER and edge[1] != PROVIDER}
    found = suspects(window(4, gaps=longer), NORMAL)
    assert found[0].party == PROVIDER
    assert found[0].share > 0.9


def test_the_same_window_is_answered_the_same_whatever_the_order_of_its_rows() -> None:
    calls = window(5, slower={(PROVIDER, ACCESS, "connect"): 50.0})
    order = np.random.default_rng(1).permutation(len(calls.edge))
    shuffled = Calls(
        calls.edges,
        calls.edge[order],
        calls.session[order],
        calls.own_ns[order],
        calls.gap_ns[order],
        calls.sessions,
    )
    first, again = suspects(calls, NORMAL), suspects(shuffled, NORMAL)
    assert [one.party for one in first] == [one.party for one in again]
    assert [one.lateness_ns for one in first] == pytest.approx([one.lateness_ns for one in again])


def test_an_agreed_budget_takes_the_place_of_a_learned_one() -> None:
    edge = (PROVIDER, CONTENT, "stream")
    generous = learn(window(1, 2000), {edge: 1000.0 * MS})
    assert suspects(window(6, slower={edge: 100.0}), generous) == []
    assert suspects(window(6, slower={edge: 2000.0}), generous)[0].party == CONTENT


def test_calls_without_a_past_and_windows_without_calls_say_nothing() -> None:
    assert suspects(window(7), {}) == []
    assert learn(window(8, sessions=4)) == {}
    empty = Calls([], np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0), 0)
    assert suspects(empty, NORMAL) == []


def span(name: str, parent: str, sender: str, kind: SpanKind, times: tuple[int, int]) -> Span:
    return Span(name.encode(), parent.encode(), sender, name, kind, times[0] * MS, times[1] * MS)


def test_what_a_call_took_of_its_own_leaves_out_what_it_called_itself() -> None:
    spans = [
        span("watch", "", "services/tv", SpanKind.SERVER, (0, 100)),
        span("stream", "watch", "services/tv", SpanKind.CLIENT, (10, 90)),
        span("stream-here", "stream", CONTENT, SpanKind.SERVER, (15, 85)),
        span("deliver", "stream-here", CONTENT, SpanKind.CLIENT, (20, 60)),
        span("deliver-here", "deliver", ACCESS, SpanKind.SERVER, (22, 58)),
    ]
    calls = calls_of([collapse(grow_tree(spans, b"watch"), {})])
    own = {edge: (calls.own_ns[calls.of(edge)] / MS).tolist() for edge in calls.edges}
    assert own == {
        (PROVIDER, PROVIDER, "watch"): [20],
        (PROVIDER, CONTENT, "stream"): [40],
        (CONTENT, ACCESS, "deliver"): [40],
    }
    gaps = {edge: (calls.gap_ns[calls.of(edge)] / MS).tolist() for edge in calls.edges}
    assert gaps[PROVIDER, CONTENT, "stream"] == [10]
    assert gaps[CONTENT, ACCESS, "deliver"] == [4]


GRAPH = {"site": ["search", "pay"], "search": ["cache"], "cache": ["table"], "pay": ["bank"]}
USUAL = {"site": 0.100, "search": 0.020, "table": 0.010, "pay": 0.050, "bank": 0.030}
"""Nobody measures the cache."""
REQUESTS = {"site": 500, "search": 800, "table": 800, "pay": 100, "bank": 100}


def metrics(seed: int, intervals: int, slower: str = "", by: float = 0.0) -> dict[str, NodeMetrics]:
    """Mean latencies; a node that is slower makes all above it slower, by as much time in all."""
    source = np.random.default_rng(seed)
    more = {slower: by * REQUESTS[slower]} if slower else {}
    for node in ("cache", "search", "pay", "site"):
        more[node] = more.get(node, 0.0) + sum(more.get(callee, 0.0) for callee in GRAPH[node])
    found = {}
    for node, usual in USUAL.items():
        requests = source.poisson(REQUESTS[node], intervals).astype(float)
        latency = usual * source.normal(1, 0.03, intervals) + more.get(node, 0.0) / REQUESTS[node]
        found[node] = NodeMetrics(requests, latency)
    return found


BASELINE = MetricBaseline.learn(Measure.LATENCY, "site", GRAPH, metrics(1, 300), 5)


@pytest.mark.parametrize("node", sorted(USUAL))
def test_the_node_whose_own_excess_it_is_comes_first_not_those_above_it(node: str) -> None:
    found = BASELINE.suspects(metrics(2, 5, node, USUAL[node] * 2))
    assert [one.node for one in found] == [node]


def test_good_times_have_no_suspects_but_for_the_stated_share() -> None:
    named = [bool(BASELINE.suspects(metrics(seed, 5))) for seed in range(100, 300)]
    assert np.mean(named) < 0.12


def test_failures_count_where_they_arise() -> None:
    def failing(intervals: int, rate: float) -> dict[str, NodeMetrics]:
        shares = {"bank": rate, "pay": rate, "site": rate / 5}
        return {
            node: NodeMetrics(np.full(intervals, float(REQUESTS[node])), np.full(intervals, shares.get(node, 0.0)))
            for node in USUAL
        }

    baseline = MetricBaseline.learn(Measure.FAILURES, "site", GRAPH, failing(100, 0.0), 5)
    assert baseline.suspects(failing(5, 0.0)) == []
    assert [one.node for one in baseline.suspects(failing(5, 0.2))] == ["bank"]


def test_what_was_not_measured_is_no_excess() -> None:
    gaps = metrics(4, 5)
    gaps["table"] = NodeMetrics(np.full(5, np.nan), np.full(5, np.nan))
    assert BASELINE.suspects(gaps) == []


def test_too_short_a_past_is_refused() -> None:
    with pytest.raises(ValueError, match="9 intervals of good times; expected at least 10"):
        MetricBaseline.learn(Measure.LATENCY, "site", GRAPH, metrics(1, 9), 5)
