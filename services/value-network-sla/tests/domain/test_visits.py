"""Which visits are found in a trace, how long was waited, and who is held to account?"""

from collections.abc import Callable, Mapping, Sequence

from apportioning.span import Span, SpanKind
from apportioning.trace_tree import grow_tree
from apportioning.visit import Visit
from apportioning.visits import Visits, collapse

MakeSpan = Callable[..., Span]
MakeCall = Callable[..., list[Span]]


def _collapse(spans: Sequence[Span], callees: Mapping[str, str] | None = None) -> Visits:
    return collapse(grow_tree(spans, b"root"), callees or {})


def _of(visits: Visits, partner: str) -> Visit:
    (visit,) = (visit for visit in visits.visits if visit.partner == partner)
    return visit


def test_a_visit_lasts_as_long_as_the_caller_waited(root: MakeSpan, call: MakeCall) -> None:
    visit = _of(_collapse([root(100), *call("1", "root", "x", 10, 90, gap=20)]), "partners/x")
    assert (visit.waited_ns, visit.answered_ns) == (80, 60)


def test_the_gap_to_a_partner_that_we_called_is_the_partners(root: MakeSpan, call: MakeCall) -> None:
    visit = _of(_collapse([root(100), *call("1", "root", "x", 10, 90, gap=20)]), "partners/x")
    assert (visit.link_ns, visit.accountable_ns) == (0, 80)


def test_the_gap_between_two_partners_is_the_links(root: MakeSpan, call: MakeCall) -> None:
    spans = [root(100), *call("1", "root", "x", 10, 90)]
    spans += call("2", "s-1", "y", 20, 80, caller="partners/x", gap=10)
    visit = _of(_collapse(spans), "partners/y")
    assert visit.caller == "partners/x"
    assert (visit.link_ns, visit.accountable_ns) == (10, 50)


def test_spans_inside_a_partner_melt_into_the_visit(root: MakeSpan, call: MakeCall, span: MakeSpan) -> None:
    spans = [root(100), *call("1", "root", "x", 10, 90)]
    spans.append(span("c-in", "s-1", "partners/x", 20, 60, kind=SpanKind.CLIENT))
    spans.append(span("s-in", "c-in", "partners/x", 25, 55, kind=SpanKind.SERVER))
    visits = _collapse(spans)
    assert [visit.partner for visit in visits.visits] == ["", "partners/x"]
    assert len(visits.timeline.starts) == 2


def test_calls_between_our_own_services_are_no_visits(root: MakeSpan, span: MakeSpan) -> None:
    spans = [root(100), span("c", "root", "services/head-end", 10, 90, kind=SpanKind.CLIENT)]
    spans.append(span("s", "c", "services/profile", 20, 80, kind=SpanKind.SERVER))
    assert [visit.operation for visit in _collapse(spans).visits] == ["watch"]


def test_our_own_spans_around_visits_stay_as_intervals(root: MakeSpan, call: MakeCall, span: MakeSpan) -> None:
    spans = [root(100), span("branch", "root", "services/head-end", 5, 50), *call("1", "branch", "x", 10, 40)]
    spans.append(span("alone", "root", "services/head-end", 60, 70))
    visits = _collapse(spans)
    assert len(visits.timeline.starts) == 3
    assert visits.visit_of == [0, 0, 1]


def test_a_partner_that_sends_a_span_without_a_client_span_of_ours_is_visited(root: MakeSpan, span: MakeSpan) -> None:
    visits = _collapse([root(100), span("s", "root", "partners/x", 10, 30, operation="Play")])
    visit = _of(visits, "partners/x")
    assert (visit.operation, visit.waited_ns, visit.link_ns) == ("Play", 20, 0)


def test_a_call_that_nobody_answered_is_a_visit_to_the_one_partner_that_promised_it(
    root: MakeSpan, span: MakeSpan
) -> None:
    client = span("c", "root", "services/head-end", 10, 90, kind=SpanKind.CLIENT, operation="Play", error=True)
    visit = _of(_collapse([root(100), client], {"Play": "partners/x"}), "partners/x")
    assert (visit.waited_ns, visit.answered_ns, visit.error) == (80, None, True)
    assert [visit.partner for visit in _collapse([root(100), client]).visits] == [""]


def test_an_unanswered_call_by_a_partner_blames_nobody_else(root: MakeSpan, call: MakeCall, span: MakeSpan) -> None:
    spans = [root(100), *call("1", "root", "x", 10, 90)]
    spans.append(span("lie", "s-1", "partners/x", 15, 85, kind=SpanKind.CLIENT, operation="Play", error=True))
    assert [visit.partner for visit in _collapse(spans, {"Play": "partners/y"}).visits] == ["", "partners/x"]


def test_attempts_within_one_call_are_one_visit(root: MakeSpan, call: MakeCall, span: MakeSpan) -> None:
    spans = [root(100), *call("1", "root", "x", 10, 90, gap=50)]
    spans.append(span("again", "c-1", "partners/x", 70, 85, kind=SpanKind.SERVER))
    visit = _of(_collapse(spans), "partners/x")
    assert (visit.waited_ns, visit.answered_ns) == (80, 45)


def test_a_call_that_two_partners_answered_is_a_visit_to_each(root: MakeSpan, call: MakeCall, span: MakeSpan) -> None:
    spans = [root(100), *call("1", "root", "x", 10, 90, gap=40)]
    spans.append(span("other", "c-1", "partners/y", 70, 85, kind=SpanKind.SERVER))
    visits = _collapse(spans)
    assert _of(visits, "partners/x").waited_ns == 40
    assert _of(visits, "partners/y").waited_ns == 15


def test_a_partner_that_calls_us_back_gets_a_visit_from_us(root: MakeSpan, call: MakeCall, span: MakeSpan) -> None:
    spans = [root(100), *call("1", "root", "x", 10, 90)]
    spans.append(span("c-back", "s-1", "partners/x", 20, 60, kind=SpanKind.CLIENT, operation="Check"))
    spans.append(span("s-back", "c-back", "services/profile", 25, 55, kind=SpanKind.SERVER))
    visits = _collapse(spans)
    back = visits.visits[2]
    assert (back.partner, back.caller, back.operation) == ("", "partners/x", "Check")


def test_a_visit_that_nobody_waited_for_is_no_part_of_the_timeline(
    root: MakeSpan, call: MakeCall, span: MakeSpan
) -> None:
    spans = [root(100), span("sent", "root", "services/head-end", 10, 11, kind=SpanKind.PRODUCER)]
    spans.append(span("taken", "sent", "services/profile", 20, 300, kind=SpanKind.CONSUMER))
    spans += call("1", "taken", "x", 30, 200)
    visits = _collapse(spans)
    assert _of(visits, "partners/x").waited_ns == 170
    assert visits.entered_at == {}


def test_an_error_of_the_callee_or_of_our_own_call_is_the_visits(root: MakeSpan, call: MakeCall) -> None:
    assert _of(_collapse([root(100), *call("1", "root", "x", 10, 90, error=True)]), "partners/x").error


def test_an_error_that_another_partner_claims_is_not(root: MakeSpan, call: MakeCall, span: MakeSpan) -> None:
    spans = [root(100), *call("1", "root", "x", 10, 90)]
    spans.append(span("c-2", "s-1", "partners/x", 20, 80, kind=SpanKind.CLIENT, error=True))
    spans.append(span("s-2", "c-2", "partners/y", 25, 75, kind=SpanKind.SERVER))
    assert not _of(_collapse(spans), "partners/y").error
