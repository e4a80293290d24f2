"""Do the times on the critical path add up, whatever the timeline?"""

import sys
import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apportioning.critical_path import critical_path
from apportioning.ordering import CRISP, JAEGER, OrderRule
from apportioning.replay import Cut, Replay
from apportioning.span import Span, SpanKind
from apportioning.timeline import Timeline, timeline_of
from apportioning.trace_tree import grow_tree


def _nothing(_node: int, _duration: int) -> Sequence[Cut]:
    return ()


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    starts, ends = [0], [draw(st.integers(0, 1000))]
    children: list[list[int]] = [[]]
    for node in range(1, draw(st.integers(1, 12))):
        parent = draw(st.integers(0, node - 1))
        edges = sorted(draw(st.lists(st.integers(starts[parent], ends[parent]), min_size=2, max_size=2)))
        starts.append(edges[0])
        ends.append(edges[1])
        children.append([])
        children[parent].append(node)
    return Timeline(starts, ends, children)


@settings(max_examples=300, deadline=None)
@given(timelines(), st.sampled_from([CRISP, JAEGER, OrderRule(200_000, touching=True)]))
def test_exclusive_times_are_never_negative_and_sum_to_the_duration(timeline: Timeline, rule: OrderRule) -> None:
    path = critical_path(timeline, rule)
    assert sum(path.exclusive) == timeline.duration(0)
    assert min(path.exclusive) >= 0
    assert all(own <= timeline.duration(node) for node, own in enumerate(path.exclusive))


@settings(max_examples=300, deadline=None)
@given(timelines())
def test_without_tolerance_the_sections_follow_each_other_from_the_end_to_the_start(timeline: Timeline) -> None:
    path = critical_path(timeline, JAEGER)
    moment = timeline.ends[0]
    for section in path.sections:
        assert section.end == moment
        assert section.start < section.end
        moment = section.start
    assert moment == timeline.starts[0]


@settings(max_examples=300, deadline=None)
@given(timelines())
def test_a_replay_of_what_happened_takes_as_long_as_it_took(timeline: Timeline) -> None:
    seen: list[int] = []

    def look(node: int, duration: int) -> tuple[()]:
        assert duration == timeline.duration(node)
        seen.append(node)
        return ()

    replay = Replay(timeline, look)
    assert replay.cuts == {}
    assert set(seen) == set(timeline.deepest_first())
    assert replay.durations([], 2).tolist() == [timeline.duration(0)] * 2


def test_overlap_below_a_percent_of_the_parent_is_taken_from_the_parents_own_time() -> None:
    timeline = Timeline([0, 0, 495], [1000, 500, 990], [[1, 2], [], []])
    assert critical_path(timeline).exclusive == [5, 500, 495]


def test_overlap_that_the_parent_has_no_time_for_is_taken_from_the_earlier_child() -> None:
    timeline = Timeline([0, 0, 495], [1000, 500, 1000], [[1, 2], [], []])
    assert critical_path(timeline).exclusive == [0, 495, 505]


def test_overlap_of_a_percent_is_too_much() -> None:
    timeline = Timeline([0, 0, 490], [1000, 500, 1000], [[1, 2], [], []])
    assert critical_path(timeline).exclusive == [490, 0, 510]


def test_overlap_is_not_tolerated_when_a_third_begins_or_ends_within_it() -> None:
    timeline = Timeline([0, 0, 495, 200], [1000, 500, 1000, 497], [[1, 2, 3], [], [], []])
    assert critical_path(timeline).exclusive == [198, 0, 505, 297]


def test_a_chain_deeper_than_pythons_stack_has_a_path(span: Callable[..., Span]) -> None:
    depth = 10 * sys.getrecursionlimit()
    spans = [span("0", "", "services/a", 0, 2 * depth)]
    spans += [span(f"{n}", f"{n - 1}", "services/a", n, 2 * depth - n) for n in range(1, depth)]
    timeline = timeline_of(grow_tree(spans, b"0"))
    assert critical_path(timeline).exclusive == [2] * depth
    assert Replay(timeline, _nothing).restored_ns == 2 * depth


@pytest.mark.parametrize("kind", [SpanKind.CLIENT, SpanKind.INTERNAL])
def test_fifty_thousand_children_take_seconds_at_most(span: Callable[..., Span], kind: SpanKind) -> None:
    spans = [span("r", "", "services/a", 0, 10**6)]
    spans += [span(f"{n}", "r", "services/a", n, n + 30, kind=kind) for n in range(50_000)]
    began = time.perf_counter()
    timeline = timeline_of(grow_tree(spans, b"r"))
    assert sum(critical_path(timeline).exclusive) == 10**6
    assert Replay(timeline, _nothing).restored_ns == 10**6
    assert time.perf_counter() - began < 10
