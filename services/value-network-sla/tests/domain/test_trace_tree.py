"""Does a tree come out of spans that are incomplete, contradictory or sent by liars?"""

import random
import time
from collections.abc import Callable

import pytest

from apportioning.span import Span, SpanKind
from apportioning.trace_tree import TraceTree, grow_tree

MakeSpan = Callable[..., Span]


def _interval(tree: TraceTree, span_id: str, root_start: int) -> tuple[int, int]:
    number = next(n for n, span in enumerate(tree.spans) if span.span_id == span_id.encode())
    return tree.starts[number] - root_start, tree.ends[number] - root_start


def _blocking(tree: TraceTree, span_id: str) -> bool:
    return next(tree.blocking[n] for n, span in enumerate(tree.spans) if span.span_id == span_id.encode())


def _under_root(tree: TraceTree) -> set[str]:
    return {tree.spans[number].span_id.decode() for number in tree.order}


def test_a_whole_trace_is_whole(span: MakeSpan) -> None:
    tree = grow_tree([span("r", "", "services/a", 0, 9), span("x", "r", "services/a", 1, 2)], b"r")
    assert tree.whole
    assert _under_root(tree) == {"r", "x"}


def test_a_span_without_its_parent_hangs_under_the_root_and_is_told_of(span: MakeSpan) -> None:
    tree = grow_tree([span("r", "", "services/a", 0, 9), span("x", "lost", "services/a", 1, 2)], b"r")
    assert tree.missing_parent
    assert not tree.whole
    assert _under_root(tree) == {"r", "x"}


def test_a_root_that_has_a_parent_means_that_something_is_missing(span: MakeSpan) -> None:
    assert not grow_tree([span("r", "lost", "services/a", 0, 9)], b"r").whole


def test_spans_under_another_root_are_left_out_and_do_no_harm(span: MakeSpan) -> None:
    spans = [
        span("r", "", "services/a", 0, 9),
        span("other", "", "partners/liar", 0, 9),
        span("x", "other", "partners/liar", 1, 2),
    ]
    tree = grow_tree(spans, b"r")
    assert tree.whole
    assert _under_root(tree) == {"r"}


@pytest.mark.parametrize(
    "links", [{"x": "x"}, {"x": "y", "y": "x"}, {"x": "y", "y": "z", "z": "x", "tail": "z"}], ids=len
)
def test_spans_that_go_round_in_circles_are_cut_loose_and_told_of(span: MakeSpan, links: dict[str, str]) -> None:
    spans = [span("r", "", "services/a", 0, 9)]
    spans += [span(child, parent, "services/a", 1, 2) for child, parent in links.items()]
    tree = grow_tree(spans, b"r")
    assert tree.cyclic
    assert not tree.whole
    assert _under_root(tree) == {"r", *links}
    assert len(tree.order) == len(set(tree.order))


def test_a_span_that_ends_before_it_begins_took_no_time(span: MakeSpan) -> None:
    tree = grow_tree([span("r", "", "services/a", 0, 9), span("x", "r", "services/a", 5, 3)], b"r")
    start, end = _interval(tree, "x", tree.starts[tree.root])
    assert start == end == 5


def test_what_outlives_its_parent_is_cut_there(span: MakeSpan) -> None:
    spans = [span("r", "", "services/a", 0, 100), span("x", "r", "services/a", 90, 150)]
    spans.append(span("y", "x", "services/a", 95, 140))
    tree = grow_tree(spans, b"r")
    assert _interval(tree, "x", tree.starts[tree.root]) == (90, 100)
    assert _interval(tree, "y", tree.starts[tree.root]) == (95, 100)


def test_what_lies_wholly_outside_its_parent_was_not_waited_for(span: MakeSpan) -> None:
    spans = [span("r", "", "services/a", 0, 100), span("x", "r", "services/a", 110, 150)]
    assert not _blocking(grow_tree(spans, b"r"), "x")


def test_what_a_message_set_off_was_not_waited_for(span: MakeSpan) -> None:
    spans = [
        span("r", "", "services/a", 0, 100),
        span("sent", "r", "services/a", 10, 12, kind=SpanKind.PRODUCER),
        span("taken", "sent", "services/b", 11, 12, kind=SpanKind.CONSUMER),
    ]
    tree = grow_tree(spans, b"r")
    assert _blocking(tree, "sent")
    assert not _blocking(tree, "taken")


@pytest.mark.parametrize("off", [-3_600_000, -30, 95, 3_600_000])
def test_a_callee_whose_clock_is_wrong_is_put_into_the_middle_of_the_call(span: MakeSpan, off: int) -> None:
    spans = [
        span("r", "", "services/a", 0, 100),
        span("c", "r", "services/a", 20, 80, kind=SpanKind.CLIENT),
        span("s", "c", "partners/x", 30 + off, 70 + off, kind=SpanKind.SERVER),
        span("inner", "s", "partners/x", 40 + off, 50 + off),
    ]
    tree = grow_tree(spans, b"r")
    begin = tree.starts[tree.root]
    assert _interval(tree, "s", begin) == (30, 70)
    assert _interval(tree, "inner", begin) == (40, 50)
    assert next(each for each in tree.spans if each.span_id == b"s").start_ns == begin + 30 + off  # kept as it was sent


def test_a_callee_that_goes_on_after_the_caller_gave_up_is_cut_not_moved(span: MakeSpan) -> None:
    spans = [
        span("r", "", "services/a", 0, 100),
        span("c", "r", "services/a", 20, 80, kind=SpanKind.CLIENT),
        span("s", "c", "partners/x", 22, 500, kind=SpanKind.SERVER),
    ]
    tree = grow_tree(spans, b"r")
    assert _interval(tree, "s", tree.starts[tree.root]) == (22, 80)


def test_a_right_clock_behind_a_wrong_one_stays_right(span: MakeSpan) -> None:
    spans = [
        span("r", "", "services/a", 0, 100),
        span("c", "r", "services/a", 10, 90, kind=SpanKind.CLIENT),
        span("s", "c", "partners/x", 5_010, 5_090, kind=SpanKind.SERVER),
        span("c2", "s", "partners/x", 5_030, 5_070, kind=SpanKind.CLIENT),
        span("s2", "c2", "partners/y", 35, 65, kind=SpanKind.SERVER),
    ]
    tree = grow_tree(spans, b"r")
    begin = tree.starts[tree.root]
    assert _interval(tree, "c2", begin) == (30, 70)
    assert _interval(tree, "s2", begin) == (35, 65)


def test_a_hundred_thousand_spans_in_chains_circles_and_fans_take_seconds_at_most(span: MakeSpan) -> None:
    dice = random.Random(7)
    spans = [span("r", "", "services/a", 0, 10**9)]
    spans += [span(f"deep{n}", f"deep{n - 1}" if n else "r", "services/a", n, 10**9 - n) for n in range(30_000)]
    spans += [span(f"wide{n}", "r", "services/a", n, n + 5) for n in range(30_000)]
    spans += [span(f"loop{n}", f"loop{(n + 1) % 20_000}", "services/a", 5, 6) for n in range(20_000)]
    spans += [span(f"leaf{n}", "loop7", "services/a", 1, 2) for n in range(20_000)]
    dice.shuffle(spans)
    began = time.perf_counter()
    tree = grow_tree(spans, b"r")
    assert time.perf_counter() - began < 10
    assert len(tree.order) == len(spans)
