"""Is a session what its spans tell, and is nobody charged for what they don't?"""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apportioning.party import LINK, UNATTRIBUTED, Party, PartyKind
from apportioning.span import Span, SpanKind
from value_network_sla.domain.agreement import Agreement, AgreementBook
from value_network_sla.domain.session import Session, assess

MakeSpan = Callable[..., Span]
MakeCall = Callable[..., list[Span]]
MakeAgreement = Callable[..., Agreement]

_TRACE_ID = bytes(range(16))


def _partner(name: str) -> Party:
    return Party(PartyKind.PARTNER, f"partners/{name}")


def _assess(spans: Sequence[Span], *agreements: Agreement) -> Session:
    session = assess(_TRACE_ID, spans, AgreementBook(agreements))
    assert session is not None
    return session


def _lateness(session: Session) -> dict[Party, int]:
    return {share.party: share.lateness_ns for share in session.shares}


def test_a_late_partner_answers_for_what_it_took_too_long(
    root: MakeSpan, call: MakeCall, agreement: MakeAgreement
) -> None:
    spans = [root(100), *call("1", "root", "x", 10, 90)]
    session = _assess(spans, agreement("x", 30))
    assert session.lateness_ns == 50
    assert _lateness(session) == {_partner("x"): 50}
    assert [judged.exclusive_ns for judged in session.visits] == [20, 80]
    assert [judged.good for judged in session.visits] == [True, False]


def test_a_session_says_whose_it_is_and_of_which_service(root: MakeSpan) -> None:
    session = _assess([root(100, error=True)])
    assert (session.service, session.customer, session.duration_ns) == ("iptv", "customers/1", 100)
    assert session.error
    assert not session.partial


def test_without_agreements_nobody_is_late(root: MakeSpan, call: MakeCall) -> None:
    session = _assess([root(100), *call("1", "root", "x", 10, 90)])
    assert session.lateness_ns == 0
    assert session.shares == ()


def test_parallel_partners_that_are_equally_late_share_equally(
    root: MakeSpan, call: MakeCall, agreement: MakeAgreement
) -> None:
    spans = [root(100), *call("1", "root", "x", 10, 90), *call("2", "root", "y", 10, 90)]
    assert _lateness(_assess(spans, agreement("x", 30), agreement("y", 30))) == {_partner("x"): 25, _partner("y"): 25}


def test_a_late_visit_that_the_session_did_not_wait_for_costs_nothing(
    root: MakeSpan, call: MakeCall, agreement: MakeAgreement
) -> None:
    spans = [root(100), *call("1", "root", "x", 10, 60), *call("2", "root", "y", 10, 90)]
    session = _assess(spans, agreement("x", 30), agreement("y", 80))
    assert session.lateness_ns == 0
    assert [judged.good for judged in session.visits if judged.visit.partner == "partners/x"] == [False]


def test_a_partner_does_not_answer_for_another_that_it_called_and_that_has_an_agreement(
    root: MakeSpan, call: MakeCall, agreement: MakeAgreement
) -> None:
    spans = [root(200), *call("1", "root", "x", 10, 190), *call("2", "s-1", "y", 20, 180, caller="partners/x")]
    assert _lateness(_assess(spans, agreement("x", 60), agreement("y", 30))) == {_partner("y"): 130}


def test_a_partner_answers_for_another_that_it_called_without_an_agreement(
    root: MakeSpan, call: MakeCall, agreement: MakeAgreement
) -> None:
    spans = [root(200), *call("1", "root", "x", 10, 190), *call("2", "s-1", "y", 20, 180, caller="partners/x")]
    assert _lateness(_assess(spans, agreement("x", 60))) == {_partner("x"): 120}


def test_a_partner_cannot_shift_its_own_slowness_on_whom_it_called(
    root: MakeSpan, call: MakeCall, agreement: MakeAgreement
) -> None:
    spans = [root(200), *call("1", "root", "x", 10, 190)]
    spans += call("2", "s-1", "y", 20, 180, caller="partners/x", gap=150)
    session = _assess(spans, agreement("x", 60), agreement("y", 30))
    assert _partner("y") not in _lateness(session)
    assert _lateness(session) == {LINK: 130}
    assert [judged.good for judged in session.visits if judged.visit.partner == "partners/y"] == [True]


def test_a_partial_session_is_charged_to_nobody(
    root: MakeSpan, call: MakeCall, span: MakeSpan, agreement: MakeAgreement
) -> None:
    spans = [root(100), *call("1", "root", "x", 10, 90), span("orphan", "lost", "services/a", 5, 6)]
    session = _assess(spans, agreement("x", 30))
    assert session.partial
    assert _lateness(session) == {UNATTRIBUTED: 50}
    assert session.delays_ns == {"agreements/x": 50}


def test_a_session_whose_root_was_lost_is_there_in_part(
    root: MakeSpan, call: MakeCall, agreement: MakeAgreement
) -> None:
    lost_root = root(100)._replace(parent_id=b"lost")
    session = _assess([lost_root, *call("1", "root", "x", 10, 90)], agreement("x", 30))
    assert session.partial
    assert session.duration_ns == 100


def test_a_root_with_a_span_of_ours_above_is_none(root: MakeSpan, span: MakeSpan) -> None:
    below = root(100)._replace(parent_id=b"above")
    assert assess(_TRACE_ID, [below, span("above", "", "services/b", -5, 105)], AgreementBook([])) is None


@pytest.mark.parametrize("parent", ["", "lost too", "root", "c-1", "above"])
def test_a_partner_above_the_root_undoes_no_session(
    root: MakeSpan, call: MakeCall, span: MakeSpan, agreement: MakeAgreement, parent: str
) -> None:
    spans = [root(100)._replace(parent_id=b"above"), *call("1", "root", "x", 10, 90)]
    session = _assess([*spans, span("above", parent, "partners/x", -5, 105)], agreement("x", 30))
    assert (session.root_span_id, session.partial) == (b"root", True)
    assert [judged.good for judged in session.visits if judged.agreement is not None] == [False]


def test_a_trace_that_names_no_service_is_no_session(span: MakeSpan) -> None:
    assert assess(_TRACE_ID, [span("root", "", "services/a", 0, 9)], AgreementBook([])) is None


def test_a_partners_word_opens_no_session(span: MakeSpan) -> None:
    forged = span("root", "", "partners/liar", 0, 9, session="iptv", customer="customers/1")
    assert assess(_TRACE_ID, [forged], AgreementBook([])) is None


def test_a_partner_that_sends_a_root_of_its_own_changes_nothing(
    root: MakeSpan, call: MakeCall, span: MakeSpan, agreement: MakeAgreement
) -> None:
    spans = [root(100), *call("1", "root", "x", 10, 90)]
    forged = span("0", "", "partners/x", -50, 1000, session="iptv")
    assert _assess([*spans, forged], agreement("x", 30)) == _assess(spans, agreement("x", 30))


def test_visits_come_by_start(root: MakeSpan, call: MakeCall) -> None:
    spans = [*call("2", "root", "y", 50, 90), root(100), *call("1", "root", "x", 10, 40)]
    assert [judged.visit.partner for judged in _assess(spans).visits] == ["", "partners/x", "partners/y"]


def test_more_than_ten_late_agreements_are_apportioned_with_a_stated_error(
    root: MakeSpan, call: MakeCall, agreement: MakeAgreement
) -> None:
    names = [f"p{number}" for number in range(12)]
    spans = [root(1300)]
    for number, name in enumerate(names):
        spans += call(name, "root", name, 100 * number, 100 * number + 90)
    session = _assess(spans, *(agreement(name, 40) for name in names))
    assert session.lateness_ns == 600
    assert _lateness(session) == {_partner(name): 50 for name in names}  # in series every order gives the same


_SENDERS = ("services/head-end", "services/profile", "partners/x", "partners/y")
_NAMES = [f"n{number}" for number in range(8)]


@st.composite
def _chaos(draw: st.DrawFn) -> list[Span]:
    """Spans that make no sense: any parent, any time, any sender."""
    return [
        Span(
            span_id=name.encode(),
            parent_id=draw(st.sampled_from([*_NAMES, "", "lost"])).encode(),
            sender=draw(st.sampled_from(_SENDERS)),
            operation=draw(st.sampled_from(["x", "y"])),
            kind=draw(st.sampled_from(SpanKind)),
            start_ns=draw(st.integers(0, 300)),
            end_ns=draw(st.integers(0, 300)),
            error=draw(st.booleans()),
            session_service=draw(st.sampled_from(["", "iptv"])),
        )
        for name in _NAMES[: draw(st.integers(1, 8))]
    ]


@pytest.fixture(scope="module")
def tight_book() -> AgreementBook:
    long_ago = datetime(1970, 1, 1, tzinfo=UTC)
    return AgreementBook(
        Agreement(f"agreements/{p}{o}", f"partners/{p}", "iptv", o, 20, 1, timedelta(1), 0, None, long_ago, long_ago)
        for p in "xy"
        for o in "xy"
    )


@settings(max_examples=500, deadline=None)
@given(_chaos(), st.integers())
def test_whatever_comes_the_sums_hold_and_the_order_of_arrival_changes_nothing(
    tight_book: AgreementBook, spans: list[Span], seed: int
) -> None:
    session = assess(_TRACE_ID, spans, tight_book)
    if session is not None:
        assert sum(judged.exclusive_ns for judged in session.visits) == session.duration_ns
        assert sum(share.lateness_ns for share in session.shares) == session.lateness_ns
        assert 0 <= session.lateness_ns <= session.duration_ns
        assert all(share.party == UNATTRIBUTED for share in session.shares) or not session.partial
    shuffled = random.Random(seed).sample(spans, len(spans))
    assert assess(_TRACE_ID, shuffled, tight_book) == session
