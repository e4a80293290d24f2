"""Does every span id count once, and is nobody's span pushed out by another's?"""

from collections.abc import Callable
from itertools import permutations

from apportioning.assembly import SessionFlag, assemble
from apportioning.span import Span

MakeSpan = Callable[..., Span]


def test_what_a_sender_said_first_stays(span: MakeSpan) -> None:
    first, again = span("a", "", "partners/x", 0, 10), span("a", "", "partners/x", 0, 5)
    found = assemble([[first], [again]])
    assert (found.spans, found.flags) == ([first], frozenset())


def test_ours_counts_where_a_partner_took_its_id_whichever_came_first(span: MakeSpan) -> None:
    ours, forged = span("call", "root", "services/tv", 0, 100), span("call", "", "partners/x", 0, 1)
    for parts in permutations([[ours], [forged]]):
        found = assemble(parts)
        assert (found.spans, found.flags) == ([ours], {SessionFlag.FORGED_SPAN})


def test_two_partners_that_contest_a_span_make_the_trace_suspect_in_any_order(span: MakeSpan) -> None:
    one, other = span("call", "root", "partners/a", 0, 100), span("call", "", "partners/b", 0, 1)
    for parts in permutations([[one], [other]]):
        found = assemble(parts)
        assert (found.spans, found.flags) == ([one], {SessionFlag.CONTESTED_SPAN})


def test_flags_that_are_known_already_stay(span: MakeSpan) -> None:
    assert assemble([[span("a", "", "x", 0, 1)]], [SessionFlag.TRUNCATED]).flags == {SessionFlag.TRUNCATED}
