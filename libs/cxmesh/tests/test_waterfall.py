"""Does the waterfall show every span once, in its place, with nothing past the edge?"""

from cxmesh_cli.tracing.tree import TraceSpan, arrange
from cxmesh_cli.tracing.waterfall import render

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
BEGIN_NS = 1_790_000_000_000_000_000


def span(
    span_id: str,
    parent_id: str,
    name: str,
    service: str,
    start_ms: float,
    length_ms: float,
    *,
    partner: str = "",
    error: str = "",
    claims: bool = False,
) -> TraceSpan:
    start = BEGIN_NS + int(start_ms * 1e6)
    return TraceSpan(
        span_id,
        parent_id,
        name,
        service,
        partner,
        start,
        start + int(length_ms * 1e6),
        error=error,
        claims_other_sender=claims,
    )


BILL_SHOCK = [
    span("g", "f", "process offer", "notification", 95, 100),
    span("a", "", "cxmesh.usage.v1.UsageService/RecordUsage", "usage-correlation", 0, 12.4),
    span("b", "a", "send usage", "usage-correlation", 8, 1),
    span("c", "b", "process usage", "offer-decision", 30, 60),
    span("d", "c", "cxmesh.profile.v1.ProfileService/GetCustomerView", "offer-decision", 31, 8),
    span("e", "d", "cxmesh.profile.v1.ProfileService/GetCustomerView", "profile", 33, 4),
    span("f", "c", "send offer", "offer-decision", 88, 1),
    span("h", "g", "deliver", "relay", 110, 80, partner="mail-co", error="550 no such mailbox", claims=True),
    span("i", "never-came", "segment", "cdn", 150, 20, partner="cdn-one"),
]


def lines_of(spans: list[TraceSpan], width: int) -> list[str]:
    return [line.plain.rstrip() for line in render(TRACE, spans, width)]


GOLDEN = """\
trace 4bf92f3577b34da6a3ce929d0e0e4736
195.0 ms · 9 spans · 6 services · 2 partners · 1 error

service           span                                       offset   duration
usage-correlation UsageService/RecordUsage                   0.0 ms    12.4 ms ██
usage-correlation └ send usage                               8.0 ms     1.0 ms  ▏
offer-decision      └ process usage                         30.0 ms    60.0 ms     ██████████
offer-decision        ├ ProfileService/GetCustomerView      31.0 ms     8.0 ms     █
profile               │ └ ProfileService/GetCustomerView    33.0 ms     4.0 ms      █
offer-decision        └ send offer                          88.0 ms     1.0 ms              ▏
notification            └ process offer                     95.0 ms   100.0 ms                ████████████████
relay · mail-co           └ deliver                        110.0 ms    80.0 ms                  █████████████
                            ✗ 550 no such mailbox
                            it claims to come from another partner
cdn · cdn-one     segment                                  150.0 ms    20.0 ms                        ███
                  its parent span was not received
""".splitlines()


def test_a_trace_is_drawn_as_a_tree_with_bars() -> None:
    assert lines_of(BILL_SHOCK, 110) == GOLDEN


def test_no_line_is_wider_than_the_terminal() -> None:
    for width in (80, 100, 132, 200):
        assert max(len(line) for line in lines_of(BILL_SHOCK, width)) <= width


def test_a_span_of_no_length_at_the_very_end_still_has_a_mark() -> None:
    drawn = lines_of([span("a", "", "long", "one", 0, 100), span("b", "a", "instant", "one", 100, 0)], 100)
    assert drawn[-1].endswith("▏")
    assert len(drawn[-1]) <= 100


def test_an_empty_trace_is_a_heading_alone() -> None:
    assert lines_of([], 80)[1] == "0.0 ms · 0 spans · 0 services"


def test_spans_that_are_their_own_ancestors_are_shown_once() -> None:
    circle = [span("a", "b", "one", "s", 0, 1), span("b", "a", "two", "s", 1, 1), span("c", "c", "self", "s", 2, 1)]
    assert sorted(row.span.span_id for row in arrange(circle)) == ["a", "b", "c"]


def test_a_trace_deeper_than_the_recursion_limit_is_arranged() -> None:
    chain = [span(str(n), str(n - 1) if n else "", "call", "s", n, 2000 - n) for n in range(2000)]
    rows = arrange(chain)
    assert len(rows) == 2000
    assert len(rows[-1].branches) == 1999


def test_a_span_whose_parent_is_missing_is_an_orphan_and_a_root_is_not() -> None:
    orphans = {row.span.span_id for row in arrange(BILL_SHOCK) if row.orphan}
    assert orphans == {"i"}
