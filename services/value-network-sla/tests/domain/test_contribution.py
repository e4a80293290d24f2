"""What does a session add to the windows, and what does its correction take back?"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from apportioning.party import LINK, UNATTRIBUTED, Party, PartyKind
from apportioning.span import Span
from value_network_sla.domain.agreement import Agreement, AgreementBook
from value_network_sla.domain.contribution import Contribution, WindowChange, changes, contributions
from value_network_sla.domain.session import Session, assess

MakeSpan = Callable[..., Span]
MakeCall = Callable[..., list[Span]]
MakeAgreement = Callable[..., Agreement]

_START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_X = Party(PartyKind.PARTNER, "partners/x")


def _session(spans: Sequence[Span], *agreements: Agreement) -> Session:
    session = assess(bytes(16), spans, AgreementBook(agreements))
    assert session is not None
    return session


def test_every_visit_under_an_agreement_is_counted_in_the_window_that_its_session_began_in(
    root: MakeSpan, call: MakeCall, agreement: MakeAgreement
) -> None:
    second = 1_000_000_000
    spans = [root(70 * second), *call("1", "root", "x", 59 * second, 60 * second)]
    spans += [
        *call("2", "root", "x", 61 * second, 65 * second),
        *call("3", "root", "unknown", 66 * second, 67 * second),
    ]
    (part,) = contributions(_session(spans, agreement("x", 2 * second)))
    assert part == Contribution(
        ("agreements/x", _START),
        visits=2,
        good=1,
        hit=True,
        lateness_ns={_X: 2 * second},
        patterns={(("agreements/x",),): 1},
    )


def test_a_bad_visit_that_did_no_harm_hits_nobody(root: MakeSpan, call: MakeCall, agreement: MakeAgreement) -> None:
    spans = [root(100), *call("1", "root", "x", 10, 60), *call("2", "root", "y", 10, 90)]
    (part,) = contributions(_session(spans, agreement("x", 30)))
    assert (part.visits, part.good, part.hit) == (1, 0, False)


def test_an_error_hits_when_the_session_failed_too(root: MakeSpan, call: MakeCall, agreement: MakeAgreement) -> None:
    visit = call("1", "root", "x", 10, 20, error=True)
    for failed in (True, False):
        (part,) = contributions(_session([root(100, error=failed), *visit], agreement("x", 30)))
        assert (part.good, part.hit) == (0, failed)


def test_a_partial_session_still_counts_and_its_lateness_is_nobodys(
    root: MakeSpan, call: MakeCall, span: MakeSpan, agreement: MakeAgreement
) -> None:
    spans = [root(100), *call("1", "root", "x", 10, 90), span("orphan", "lost", "partners/x", 5, 6)]
    (part,) = contributions(_session(spans, agreement("x", 30)))
    assert (part.visits, part.good, part.hit) == (1, 0, True)
    assert part.lateness_ns == {UNATTRIBUTED: 50}


_WINDOWS = [(f"agreements/{name}", _START + timedelta(minutes=minute)) for name in "ab" for minute in (0, 1)]
_PARTS = st.lists(
    st.builds(
        Contribution,
        window=st.sampled_from(_WINDOWS),
        visits=st.integers(1, 5),
        good=st.integers(0, 5),
        hit=st.booleans(),
        lateness_ns=st.dictionaries(st.sampled_from([_X, LINK]), st.integers(1, 9)),
    ),
    max_size=6,
)


@given(_PARTS, _PARTS)
def test_changes_lead_from_the_old_counts_to_the_new(before: list[Contribution], after: list[Contribution]) -> None:
    def total(parts: Sequence[Contribution | WindowChange]) -> tuple[int, int, int]:
        lateness = sum(sum(part.lateness_ns.values()) for part in parts)
        return sum(part.visits for part in parts), sum(part.good for part in parts), lateness

    for window in _WINDOWS:
        old, new, made = (
            total([part for part in parts if part.window == window])
            for parts in (before, after, changes(before, after))
        )
        assert tuple(a + b for a, b in zip(old, made, strict=True)) == new


@given(_PARTS)
def test_closing_a_session_again_with_the_same_spans_changes_nothing(parts: list[Contribution]) -> None:
    assert changes(parts, parts) == ()


@given(_PARTS)
def test_changes_come_in_the_order_in_which_windows_are_locked(parts: list[Contribution]) -> None:
    windows = [change.window for change in changes([], parts)]
    assert windows == sorted(set(windows))
