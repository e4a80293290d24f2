"""Whatever spans come, does a session come of them that adds up, and bills nobody for what can't be known?"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apportioning.apportionment import MOST_VISITS
from apportioning.assembly import DISQUALIFYING, SessionFlag, assemble
from apportioning.party import PartyKind
from apportioning.span import Span, SpanKind
from value_network_sla.domain.agreement import Agreement, AgreementBook
from value_network_sla.domain.contribution import contributions
from value_network_sla.domain.session import Session, assess
from value_network_sla.store.traces import MOST_SPANS

MS, HOUR = 1_000_000, 3_600_000
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
START = 1_772_366_400_000
"""Milliseconds."""
BOOK = AgreementBook(
    Agreement(
        name=f"agreements/{partner}",
        partner=f"partners/{partner}",
        service="iptv",
        operation=f"op-{partner}",
        latency_budget_ns=10 * MS,
        objective_ppm=990_000,
        window=timedelta(seconds=60),
        min_visits=1,
        penalty=None,
        effective_time=LONG_AGO,
        create_time=LONG_AGO,
    )
    for partner in "ab"
)
_names = st.integers(0, 9).map(lambda number: f"{number}".encode() * 8)
_times = st.integers(-3 * HOUR, 3 * HOUR) | st.integers(0, 200)


@st.composite
def _spans(draw: st.DrawFn) -> Span:
    start, lasting = draw(_times), draw(st.integers(-100, 400))
    partner = draw(st.sampled_from("ab"))
    sender = draw(st.sampled_from(["services/tv", "services/crm", f"partners/{partner}", f"partners/{partner}"]))
    return Span(
        span_id=draw(_names),
        parent_id=draw(st.one_of(st.just(b""), _names, st.just(b"nobody00"))),
        sender=sender,
        operation=f"op-{partner}",
        kind=draw(st.sampled_from(SpanKind)),
        start_ns=(START + start) * MS,
        end_ns=(START + start + lasting) * MS,
        error=draw(st.booleans()),
        session_service=draw(st.sampled_from(["", "iptv"])),
        timed_out=draw(st.booleans()),
    )


_ROOT = Span(b"root0000", b"", "services/tv", "watch", SpanKind.SERVER, START * MS, (START + 300) * MS)


def _session(spans: Sequence[Span]) -> Session | None:
    assembly = assemble([spans])
    return assess(b"t" * 16, assembly.spans, BOOK, flags=assembly.flags)


@given(st.lists(_spans(), max_size=14), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_spans_at_all_make_a_session_that_adds_up(spans: list[Span], rooted: bool) -> None:
    session = _session([*spans, _ROOT._replace(session_service="iptv")] if rooted else spans)
    if session is None:
        assert not rooted
        return
    assert sum(judged.exclusive_ns for judged in session.visits) == session.duration_ns
    assert all(judged.exclusive_ns >= 0 for judged in session.visits)
    assert sum(share.lateness_ns for share in session.shares) == session.lateness_ns
    assert 0 <= session.lateness_ns <= session.duration_ns
    assert session.partial == bool(session.flags & DISQUALIFYING)
    if session.partial:
        assert all(share.party.kind is PartyKind.UNATTRIBUTED for share in session.shares)
    assert (session.fault is not None) == session.error
    contributions(session)


@given(st.lists(_spans(), max_size=10), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_in_which_senders_spans_arrive_changes_nothing(spans: list[Span], shuffler: Random) -> None:
    once = {(span.span_id, span.sender): span for span in [*spans, _ROOT._replace(session_service="iptv")]}
    ordered = list(once.values())
    shuffled = list(ordered)
    shuffler.shuffle(shuffled)
    assert _session(shuffled) == _session(ordered)


def _chain(count: int) -> list[Span]:
    return [_child(number, number - 1) for number in range(count)]


def _fan(count: int) -> list[Span]:
    return [_child(number, -1) for number in range(count)]


def _circle(count: int) -> list[Span]:
    return [_child(number, (number + 1) % count) for number in range(count)]


def _orphans(count: int) -> list[Span]:
    return [_child(number, number + count) for number in range(count)]


def _child(number: int, parent: int) -> Span:
    return Span(
        span_id=number.to_bytes(8, "big", signed=True),
        parent_id=b"root0000" if parent < 0 else parent.to_bytes(8, "big"),
        sender=f"partners/{'ab'[number % 2]}",
        operation=f"op-{'ab'[number % 2]}",
        kind=SpanKind.SERVER,
        start_ns=START * MS + number * 1000,
        end_ns=(START + 300) * MS - number * 1000,
    )


@pytest.mark.parametrize("shape", [_chain, _fan, _circle, _orphans], ids=lambda shape: shape.__name__[1:])
def test_as_many_spans_as_are_read_are_worked_out_in_seconds_whatever_their_shape(
    shape: Callable[[int], list[Span]],
) -> None:
    root = _ROOT._replace(session_service="iptv", end_ns=(START + 300) * MS)
    began = time.process_time()
    session = _session([root, *shape(MOST_SPANS)])
    assert time.process_time() - began < 10
    assert session is not None
    assert SessionFlag.OVERSIZED in session.flags
    assert (session.partial, session.lateness_ns) == (True, 0)
    assert sum(judged.exclusive_ns for judged in session.visits) == session.duration_ns


def test_just_below_the_bound_lateness_is_apportioned() -> None:
    session = _session([_ROOT._replace(session_service="iptv"), *_chain(MOST_VISITS - 1)])
    assert session is not None
    assert (session.partial, session.lateness_ns > 0) == (False, True)
