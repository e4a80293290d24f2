"""Is an error followed to where it began, and a time-out to whoever was late?"""

from collections.abc import Callable, Mapping, Sequence

import pytest

from apportioning.span import PROVIDER, Span, SpanKind
from apportioning.trace_tree import TraceTree, grow_tree
from apportioning.visits import Visits, collapse
from value_network_sla.domain.pinpointing.faults import ErrorRole, Fault, SpanError, errors_of, fault_of, origin_of

MakeSpan = Callable[..., Span]
Call = Callable[..., list[Span]]
CALLEES = {"down": "partners/down"}


def _grown(spans: Sequence[Span]) -> tuple[TraceTree, Visits]:
    tree = grow_tree(spans, b"root")
    return tree, collapse(tree, CALLEES)


def _fault(spans: Sequence[Span], budget: int | None = None) -> Fault | None:
    tree, visits = _grown(spans)
    budgets = {} if budget is None else dict.fromkeys(range(1, len(visits.visits)), budget)
    return fault_of(tree, visits, budgets)


def _errors(spans: Sequence[Span]) -> Mapping[str, SpanError]:
    tree, visits = _grown(spans)
    return {tree.spans[number].span_id.decode(): error for number, error in errors_of(tree, visits, {}).items()}


def _failed(spans: Sequence[Span], *span_ids: str) -> list[Span]:
    return [span._replace(error=span.error or span.span_id.decode() in span_ids) for span in spans]


def test_an_error_is_followed_to_the_partner_where_it_began(root: MakeSpan, call: Call) -> None:
    outer = call("1", "root", "cdn", 10, 90)
    inner = call("2", "s-1", "access", 20, 80, caller="partners/cdn")
    spans = _failed([root(100, error=True), *outer, *inner], "c-1", "s-1", "c-2", "s-2")
    fault = _fault(spans)
    assert fault == Fault("partners/access", "access", ErrorRole.SELF)
    assert {name: (error.role.value, error.party) for name, error in _errors(spans).items()} == {
        "root": ("PROPAGATED", PROVIDER),
        "c-1": ("PROPAGATED", PROVIDER),
        "s-1": ("PROPAGATED", "partners/cdn"),
        "c-2": ("PROPAGATED", "partners/cdn"),
        "s-2": ("SELF", "partners/access"),
    }


def test_an_error_that_somebody_put_up_with_is_nobodys_fault(root: MakeSpan, call: Call) -> None:
    spans = _failed([root(100), *call("1", "root", "cdn", 10, 90)], "c-1", "s-1")
    assert _fault(spans) is None
    assert _errors(spans)["c-1"].absorbed
    assert not _errors(spans)["s-1"].absorbed


def test_of_two_errors_the_one_that_ended_last_ended_the_session(root: MakeSpan, call: Call) -> None:
    tried = call("1", "root", "a", 10, 30)
    then = call("2", "root", "b", 40, 90)
    spans = _failed([root(100, error=True), *tried, *then], "c-1", "s-1", "c-2", "s-2")
    fault = _fault(spans)
    assert fault is not None
    assert fault.party == "partners/b"


def test_our_own_error_is_our_own(root: MakeSpan, call: Call) -> None:
    fault = _fault([root(100, error=True), *call("1", "root", "cdn", 10, 90)])
    assert fault == Fault(PROVIDER, "watch", ErrorRole.SELF)


def test_a_caller_that_gave_up_tells_of_a_callee_that_was_late(root: MakeSpan, call: Call) -> None:
    client, server = call("1", "root", "cdn", 10, 90)
    spans = [root(100, error=True), client._replace(error=True, timed_out=True), server._replace(service="edge")]
    assert _fault(spans) == Fault("partners/cdn", "cdn", ErrorRole.TIMED_OUT, "edge")
    assert _fault(spans, budget=50) == Fault("partners/cdn", "cdn", ErrorRole.TIMED_OUT, "edge")


def test_a_caller_that_gave_up_within_the_callees_budget_was_impatient(root: MakeSpan, call: Call) -> None:
    client, server = call("1", "root", "cdn", 10, 90)
    fault = _fault([root(100, error=True), client._replace(error=True, timed_out=True), server], budget=80)
    assert fault is not None
    assert (fault.party, fault.role) == (PROVIDER, ErrorRole.SELF)


def test_a_call_that_nobody_answered_is_the_fault_of_whoever_promised_to(root: MakeSpan, span: MakeSpan) -> None:
    client = span("c", "root", "services/head-end", 10, 20, kind=SpanKind.CLIENT, operation="down", error=True)
    fault = _fault([root(100, error=True), client])
    assert fault is not None
    assert (fault.party, fault.role) == ("partners/down", ErrorRole.SELF)


def test_the_component_is_named_that_failed_inside_the_partner(root: MakeSpan, call: Call, span: MakeSpan) -> None:
    client, server = call("1", "root", "cdn", 10, 90)
    inside = span("db", "s-1", "partners/cdn", 20, 80, operation="query", error=True)
    spans = _failed([root(100, error=True), client, server], "c-1", "s-1")
    fault = _fault([*spans, inside._replace(service="catalogue", instance="catalogue-2")])
    assert fault == Fault("partners/cdn", "cdn", ErrorRole.SELF, "catalogue", "catalogue-2")


@pytest.mark.parametrize("size", [3, 200])
def test_circles_of_errors_come_to_an_end(root: MakeSpan, span: MakeSpan, size: int) -> None:
    circle = [span(f"{n}", f"{(n + 1) % size}", "partners/x", 10 + n % 80, 90, error=True) for n in range(size)]
    tree = grow_tree([root(100, error=True), *circle], b"root")
    assert origin_of(tree) is not None
