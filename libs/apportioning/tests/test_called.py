"""Is a call that nobody answered put down to whom it went, and does its evidence come out the same for everybody?"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from apportioning.apportionment import flags_of
from apportioning.assembly import SessionFlag
from apportioning.evidence.canonical import Bundle, canonical
from apportioning.evidence.recompute import recompute
from apportioning.evidence.sessions import Case, session_bundle
from apportioning.evidence.view import EvidenceDetail, session_view
from apportioning.ordering import CRISP
from apportioning.span import Span, SpanKind
from apportioning.terms import Policy, Terms
from apportioning.trace_tree import grow_tree
from apportioning.visits import Visits, collapse

_CDN, _GATEWAY = "cdn.example.net:443", "gateway.example.net:443"
_CALLED = {_CDN: ["partners/y"], _GATEWAY: ["partners/x", "partners/y"]}
_PROMISES = [Terms(f"agreements/{name}", f"partners/{name}", "Play", 40) for name in "xy"]


def _silent_at(address: str, session: Callable[[int], Any]) -> Sequence[Span]:
    """A call for Play that nobody answered, and one that partners/a did."""
    spans: Sequence[Span] = session(200).add("c", "root", "services/head-end", "Play", SpanKind.CLIENT, 0, 90).spans
    spans = [*spans[:-1], spans[-1]._replace(server_address=address)]
    return [*spans, *session(200).call("a", 100, 190).spans[1:]]


def _collapse(spans: Sequence[Span], callees: Mapping[str, str] | None = None) -> Visits:
    return collapse(grow_tree(spans, b"root"), callees or {}, _CALLED)


def _partners(visits: Visits) -> list[str]:
    return [visit.partner for visit in visits.visits]


def _bundle(spans: Sequence[Span]) -> Bundle:
    return session_bundle(
        Case(
            trace_id=bytes(range(16)),
            service="iptv",
            root_id=b"root",
            spans=spans,
            flags=frozenset(),
            promises={(each.partner, each.operation): each for each in _PROMISES},
            callees={"Play": "partners/x"},
            called=_CALLED,
            policy=Policy.SHAPLEY,
            rule=CRISP,
            beside=frozenset(),
        )
    )


def test_an_address_says_more_than_an_operation(session: Callable[[int], Any]) -> None:
    only_x = {"Play": "partners/x"}
    assert _partners(_collapse(_silent_at(_CDN, session))) == ["", "partners/y", "partners/a"]
    assert _partners(_collapse(_silent_at(_CDN, session), only_x)) == ["", "partners/y", "partners/a"]
    assert _partners(_collapse(_silent_at("elsewhere:443", session), only_x)) == ["", "partners/x", "partners/a"]
    assert _partners(_collapse(_silent_at("", session), only_x)) == ["", "partners/x", "partners/a"]


def test_an_address_that_two_partners_declare_is_nobodys_and_flagged(session: Callable[[int], Any]) -> None:
    spans = _silent_at(_GATEWAY, session)
    visits = _collapse(spans, {"Play": "partners/x"})
    assert _partners(visits) == ["", "partners/a"]
    assert flags_of(grow_tree(spans, b"root"), visits, frozenset()) == {SessionFlag.AMBIGUOUS_CALLEE}


def test_what_the_callee_says_itself_counts_and_not_where_it_was_called(session: Callable[[int], Any]) -> None:
    for address in (_CDN, _GATEWAY):
        spans = session(100).call("a", 0, 90).spans
        spans[1] = spans[1]._replace(server_address=address)
        visits = _collapse(spans)
        assert (_partners(visits), visits.ambiguous) == (["", "partners/a"], False)


def test_a_partner_cannot_put_its_slowness_on_an_address(session: Callable[[int], Any]) -> None:
    spans = session(100).call("a", 0, 90).add("lie", "s-a", "partners/a", "Play", SpanKind.CLIENT, 5, 85).spans
    for address in (_CDN, _GATEWAY):
        visits = _collapse([*spans[:-1], spans[-1]._replace(server_address=address)])
        assert (_partners(visits), visits.ambiguous) == (["", "partners/a"], False)


@pytest.mark.parametrize(("address", "charged"), [(_CDN, "partners/y"), (_GATEWAY, ""), ("", "partners/x")])
def test_evidence_comes_out_as_stated_for_us_and_for_every_partner(
    session: Callable[[int], Any], address: str, charged: str
) -> None:
    full: Any = _bundle(_silent_at(address, session))
    assert [player["party"]["partner"] for player in full["players"]] == [charged] * bool(charged)
    assert recompute(full).holds
    for partner in ("partners/a", "partners/x", "partners/y"):
        for detail in EvidenceDetail:
            view = session_view(full, partner, detail)
            assert recompute(view).holds
            text = canonical(view).decode()
            assert "example.net" not in text
            assert not any(f'"partners/{other}"' in text for other in "axy" if other != partner[-1])


def test_an_address_that_is_said_to_be_somebody_elses_shows(session: Callable[[int], Any]) -> None:
    for changed_to in ([], ["partners/x"], ["partners/x", "partners/y"]):
        changed: Any = json.loads(canonical(_bundle(_silent_at(_CDN, session))))
        changed["called"] = {_CDN: changed_to}
        assert not recompute(changed).holds
    changed = json.loads(canonical(_bundle(_silent_at(_GATEWAY, session))))
    changed["flags"] = []
    assert not recompute(changed).holds


def test_a_bundle_made_before_addresses_were_looked_at_still_comes_out(session: Callable[[int], Any]) -> None:
    old: Any = json.loads(canonical(_bundle(_silent_at("", session))))
    del old["called"]
    assert recompute(old).holds
    for detail in EvidenceDetail:
        assert recompute(session_view(old, "partners/x", detail)).holds
