"""Are drag, slack and what would have been what the plan of a session says?"""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apportioning.span import Span, SpanKind
from apportioning.trace_tree import grow_tree
from apportioning.visits import Visits, collapse
from value_network_sla.domain.pinpointing.components import Component, component_times, growth
from value_network_sla.domain.pinpointing.depth import Depth, depths
from value_network_sla.domain.pinpointing.what_if import Allowed, what_if

MakeSpan = Callable[..., Span]
Call = Callable[..., list[Span]]


def _visits(*spans: Span) -> Visits:
    return collapse(grow_tree(spans, b"root"), {})


def _depths(visits: Visits) -> dict[str, Depth]:
    return {visits.visits[number].partner: depth for number, depth in depths(visits).items()}


def test_in_series_each_call_drags_by_all_that_it_takes(root: MakeSpan, call: Call) -> None:
    visits = _visits(root(100), *call("1", "root", "a", 10, 40), *call("2", "root", "b", 50, 90))
    assert _depths(visits) == {"partners/a": Depth(30, 0), "partners/b": Depth(40, 0)}


def test_side_by_side_the_longer_drags_by_what_it_is_longer_and_the_shorter_has_slack(
    root: MakeSpan, call: Call
) -> None:
    visits = _visits(root(100), *call("1", "root", "a", 10, 90), *call("2", "root", "b", 10, 60))
    assert _depths(visits) == {"partners/a": Depth(30, 0), "partners/b": Depth(0, 30)}


def test_what_lies_in_another_visit_matters_as_much_as_that_one_lets_it(root: MakeSpan, call: Call) -> None:
    outer = call("1", "root", "a", 10, 90)
    inner = call("2", "s-1", "b", 30, 70, caller="partners/a")
    beside = call("3", "root", "c", 10, 80)
    visits = _visits(root(100), *outer, *inner, *beside)
    assert _depths(visits) == {
        "partners/a": Depth(10, 0),
        "partners/b": Depth(10, 0),
        "partners/c": Depth(0, 10),
    }


def test_what_nobody_waited_for_has_no_depth(root: MakeSpan, span: MakeSpan) -> None:
    producer = span("p", "root", "services/head-end", 10, 20, kind=SpanKind.PRODUCER)
    consumer = span("m", "p", "partners/x", 15, 300, kind=SpanKind.CONSUMER)
    assert depths(_visits(root(100), producer, consumer)) == {}


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_drag_and_slack_never_exceed_what_there_is(plan: list[tuple[int, int]]) -> None:
    """Pairs of calls side by side, one pair after the other."""
    spans, at = [], 10
    for number, pair in enumerate(plan):
        for which, lasting in enumerate(pair):
            name = f"{number}-{which}"
            client, server = SpanKind.CLIENT, SpanKind.SERVER
            for kind, ident, parent, sender in (
                (client, f"c{name}", b"root", "services/a"),
                (server, f"s{name}", f"c{name}".encode(), f"partners/{which}"),
            ):
                spans.append(Span(ident.encode(), parent, sender, name, kind, at, at + lasting))
        at += max(pair) + 5
    whole = Span(b"root", b"", "services/a", "watch", SpanKind.SERVER, 1, at)
    visits = _visits(whole, *spans)
    for number, depth in depths(visits).items():
        pair = plan[int(visits.visits[number].operation.split("-")[0])]
        own, other = visits.visits[number].waited_ns, sum(pair) - visits.visits[number].waited_ns
        assert depth == Depth(max(0, own - other), max(0, other - own))


def test_within_budget_a_session_is_shorter_by_what_was_beyond_it(root: MakeSpan, call: Call) -> None:
    visits = _visits(root(100), *call("1", "root", "a", 10, 60), *call("2", "root", "b", 60, 90))
    result = what_if(visits, {1: Allowed(20, of_own_time=False)})
    assert (result.duration_ns, [(each.visit, each.by_ns) for each in result.shortened]) == (70, [(1, 30)])
    assert what_if(visits, {1: Allowed(50, of_own_time=False)}).shortened == []


def test_side_by_side_only_what_the_other_lets_it_is_won(root: MakeSpan, call: Call) -> None:
    visits = _visits(root(100), *call("1", "root", "a", 10, 90), *call("2", "root", "b", 10, 60))
    (longer,) = (number for number, visit in enumerate(visits.visits) if visit.partner == "partners/a")
    assert what_if(visits, {longer: Allowed(10, of_own_time=False)}).duration_ns == 70


def test_a_learned_budget_is_of_a_visits_own_time(root: MakeSpan, call: Call) -> None:
    outer = call("1", "root", "a", 10, 90)
    inner = call("2", "s-1", "b", 20, 70, caller="partners/a")
    visits = _visits(root(100), *outer, *inner)
    # Of the 80 that `a` took, 50 are `b`'s.
    assert what_if(visits, {1: Allowed(30, of_own_time=True)}).duration_ns == 100
    assert what_if(visits, {1: Allowed(20, of_own_time=True)}).duration_ns == 90


def test_components_are_told_apart_by_what_the_partners_own_spans_say(
    root: MakeSpan, call: Call, span: MakeSpan
) -> None:
    client, server = call("1", "root", "cdn", 10, 90)
    query = span("db", "s-1", "partners/cdn", 20, 80, operation="query")
    spans = [root(100), client, server._replace(service="edge"), query._replace(service="store", instance="store-1")]
    times = component_times(grow_tree(spans, b"root"))
    assert times[Component("partners/cdn", "edge", "", "cdn")] == 20
    assert times[Component("partners/cdn", "store", "store-1", "query")] == 60
    assert sum(times.values()) == 100


def test_what_grew_most_comes_first_and_what_did_not_grow_is_left_out() -> None:
    edge, store = (Component("partners/cdn", name, "", "work") for name in ("edge", "store"))
    other = Component("partners/x", "x", "", "work")
    late = [{edge: 20.0, store: 90.0, other: 900.0}, {edge: 20.0, store: 70.0}]
    fine = [{edge: 20.0, store: 10.0}, {edge: 22.0, store: 10.0}]
    assert growth("partners/cdn", late, fine) == [(store, pytest.approx(70.0))]
