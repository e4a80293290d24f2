"""Can whoever holds a bundle work the decision out again, and does a bundle that was tampered with show it?"""

import copy
import json
import random
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import pytest

from apportioning.apportionment import MOST_VISITS
from apportioning.evidence.breaches import BreachCase, breach_bundle
from apportioning.evidence.canonical import Bundle, canonical, digest
from apportioning.evidence.lines import line_bundle, revenue_inputs
from apportioning.evidence.recompute import recompute
from apportioning.evidence.sessions import Case, session_bundle
from apportioning.evidence.signing import NoBundle, NoKey, Signer, key_id_of, read_signed
from apportioning.evidence.view import EvidenceDetail, breach_view, session_view
from apportioning.faults import UNKNOWN
from apportioning.ordering import CRISP
from apportioning.penalty import Window
from apportioning.proof.plans import PARTNERS, Dice, concurrent, spans_of
from apportioning.revenue import Basis, RevenueKind, RevenueTerms
from apportioning.span import Span
from apportioning.terms import LinkTerms, Policy, Promise, Terms

MakeSession = Callable[[int], Any]
_TRACE = bytes(range(16))


def _case(
    spans: Sequence[Span],
    promises: Sequence[Promise],
    policy: Policy = Policy.SHAPLEY,
    root: bytes = b"root",
    **other: Any,
) -> Case:
    return Case(
        trace_id=_TRACE,
        service="iptv",
        root_id=root,
        spans=spans,
        flags=frozenset(),
        promises={(each.partner, each.operation): each for each in promises if isinstance(each, Terms)},
        callees={},
        called=other.get("called", {}),
        policy=policy,
        rule=CRISP,
        beside=other.get("beside", frozenset()),
    )


def _random_bundle(seed: int, policy: Policy = Policy.SHAPLEY) -> Bundle:
    plan = Dice(random.Random(seed)).plan()
    spans = spans_of(plan)
    promises = [
        Terms(f"agreements/{partner[9:]}-{operation.replace(' ', '-')}", partner, operation, budget, LinkTerms(300_000))
        for operation, budget in plan.budgets.items()
        for partner in PARTNERS
    ]
    promises.append(Terms("valueNetworks/iptv", "", "watch", 120))
    return session_bundle(_case(spans, promises, policy, (1).to_bytes(8, "big"), beside=concurrent(plan)))


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("seed", range(12))
def test_a_session_comes_out_as_stated_for_us_and_for_every_partner(seed: int, policy: Policy) -> None:
    full = _random_bundle(seed, policy)
    assert recompute(full).holds
    for partner in PARTNERS:
        for detail in EvidenceDetail:
            report = recompute(session_view(full, partner, detail))
            assert report.holds, [check for check in report.checks if not check.holds]


@pytest.mark.parametrize("detail", EvidenceDetail)
@pytest.mark.parametrize("seed", range(12))
def test_a_partner_reads_nothing_of_who_the_others_are_and_what_they_promised(
    seed: int, detail: EvidenceDetail
) -> None:
    full: Any = _random_bundle(seed)
    own = PARTNERS[0]
    text = canonical(session_view(full, own, detail)).decode()
    own_words = {each["operation"] for each in full["spans"] if each["sender"] == own}
    for other in (*PARTNERS[1:], "services/head-end"):
        assert f'"{other}"' not in text
        assert f"agreements/{other[9:]}-" not in text
    assert "valueNetworks" not in text
    for span in full["spans"]:
        if span["sender"] != own and span["operation"] not in own_words:
            shown = any(each["operation"] == span["operation"] for each in full["promises"] if each["partner"] == own)
            assert shown or f'"{span["operation"]}"' not in text


def test_more_than_ten_players_come_out_as_stated_by_the_same_orders(session: MakeSession) -> None:
    spans = session(1_300)
    for number in range(13):
        spans.call(f"{chr(97 + number)}", 100 * number, 100 * number + 90)
    promises = [each for each in spans.promises({chr(97 + number): 40 for number in range(13)}) if each]
    full: Any = session_bundle(_case(spans.spans, promises))
    assert full["sampled"]["pairs"] == 500
    assert full["values"] == []
    assert recompute(full).holds
    assert recompute(session_view(full, "partners/c", EvidenceDetail.PSEUDONYMOUS)).holds
    assert "estimate" in recompute(session_view(full, "partners/c", EvidenceDetail.OWN_ONLY)).taken[-1]


@pytest.mark.parametrize("visits", [MOST_VISITS, MOST_VISITS + 1])
def test_a_session_of_more_visits_than_are_apportioned_is_charged_to_nobody(session: MakeSession, visits: int) -> None:
    spans = session(100 * visits)
    for number in range(visits - 1):  # the session itself is one
        spans.call(f"{'ab'[number % 2]}{number}", 100 * number, 100 * number + 90)
    promises = [each for each in spans.promises({"a0": 40, "b1": 40}) if each]
    full: Any = session_bundle(_case(spans.spans, promises))
    oversized = visits > MOST_VISITS
    assert ("OVERSIZED" in full["flags"], full["result"]["charged"]) == (oversized, not oversized)
    assert full["result"]["lateness_ns"] == (0 if oversized else 100)
    assert recompute(full).holds
    for detail in EvidenceDetail:
        assert recompute(session_view(full, "partners/a", detail)).holds
    full["flags"] = [] if oversized else ["OVERSIZED"]
    with pytest.raises(NoBundle) if oversized else nullcontext():
        assert not recompute(full).holds


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every integer in a bundle."""
    if isinstance(value, dict):
        return [path for key, each in value.items() for path in _paths(each, (*at, key))]
    if isinstance(value, list):
        return [path for number, each in enumerate(value) for path in _paths(each, (*at, number))]
    return [at] if isinstance(value, int) and not isinstance(value, bool) else []


@pytest.mark.parametrize("seed", [1, 5])
def test_a_changed_figure_in_parts_values_or_cuts_shows(seed: int) -> None:
    full = json.loads(canonical(_random_bundle(seed)))
    for path in _paths({key: full[key] for key in ("cuts", "values", "result")}):
        changed = copy.deepcopy(full)
        inner = changed
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] += 1
        try:
            assert not recompute(changed).holds, path
        except NoBundle:
            assert path[0] == "cuts"  # a player that is none


def _breach(policy: Policy = Policy.SHAPLEY) -> Bundle:
    patterns = {
        (("agreements/b",),): 7,
        (("agreements/a",), ("agreements/c", "agreements/d")): 3,
        UNKNOWN: 2,
    }
    return breach_bundle(
        BreachCase(
            subject="breaches/b.1772366400",
            window=Window(99, 40, 900_000, 10_001, patterns),
            agreement="agreements/b",
            currency="EUR",
            policy=policy,
            partners={f"agreements/{name}": f"partners/{name}" for name in "abcd"},
            lateness=[("PARTNER", "partners/b", 70), ("LINK", "", 29), ("PARTNER", "partners/a", 1)],
            sessions=["sessions/" + _TRACE.hex()],
        )
    )


@pytest.mark.parametrize("policy", Policy)
def test_a_breach_comes_out_as_stated_for_us_and_for_every_partner(policy: Policy) -> None:
    full = _breach(policy)
    assert recompute(full).holds
    for name in "abcd":
        shown = breach_view(full, f"partners/{name}")
        assert recompute(shown).holds
        text = canonical(shown).decode()
        assert not any(
            f"partners/{other}" in text or f"agreements/{other}" in text for other in "abcd" if other != name
        )
        assert ("breaches/b." in text) == (name == "b")


def test_a_changed_amount_of_a_breach_shows() -> None:
    changed: Any = json.loads(canonical(_breach()))
    changed["result"]["by_agreement"]["agreements/b"] -= 1
    changed["result"]["unattributed"] += 1
    assert not recompute(changed).holds


def test_lines_come_out_as_stated_and_a_changed_amount_shows() -> None:
    breach: Any = breach_view(_breach(), "partners/b")
    paid = breach["result"]["by_agreement"]["agreements/b"]
    terms = RevenueTerms(RevenueKind.PERCENTAGE, "EUR", ppm=125_000)
    contest = {"name": "contests/c", "statement": "statements/b.1.1", "line": 1, "outcome": "UPHELD", "adjustment": 70}
    inputs: list[tuple[int, dict[str, Any]]] = [
        (-paid, {"breach": breach}),
        (-paid + 20, {"breach": breach, "before": -20}),
        (126, {"revenue": revenue_inputs(terms, Basis(1_004, 0, 1, 1))}),
        (-30, {"credits": [{"amount": 10}, {"amount": 20}]}),
        (70, {"contest": contest}),
    ]
    for amount, given in inputs:
        line = line_bundle("statements/b.1.1/lines/1", "partners/b", "PENALTY", amount, "EUR", given)
        assert recompute(line).holds
        assert not recompute({**line, "amount": amount + 1}).holds


def test_a_signed_bundle_is_read_back_and_its_signature_holds() -> None:
    signer = Signer.new()
    document = signer.sign(_random_bundle(3)).document()
    signed = read_signed(document)
    assert signed.key_id == signer.key_id == key_id_of(signer.public_pem)
    assert signed.is_signed_by(signer.public_pem)
    assert not signed.is_signed_by(Signer.new().public_pem)
    assert Signer.from_pem(signer.private_pem()).key_id == signer.key_id
    assert signed.document() == document


def test_a_changed_bundle_is_told_by_its_digest_and_by_its_signature() -> None:
    signer = Signer.new()
    read = json.loads(signer.sign(_random_bundle(3)).document())
    read["bundle"]["result"]["lateness_ns"] += 1
    with pytest.raises(NoBundle, match="digest"):
        read_signed(json.dumps(read))
    read["digest"] = digest(read["bundle"])
    assert not read_signed(json.dumps(read)).is_signed_by(signer.public_pem)


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"bundle": 1, "signature": 2}', "\xff", "[" * 100_000])
def test_what_is_no_bundle_is_told_so(document: str) -> None:
    with pytest.raises(NoBundle):
        read_signed(document)


@pytest.mark.parametrize("bundle", [{}, {"subject": "x", "kind": "y", "reduced_for": ""}])
def test_a_bundle_without_its_parts_is_told_so(bundle: Bundle) -> None:
    with pytest.raises(NoBundle):
        recompute(bundle)


def test_a_key_of_another_kind_is_told_so() -> None:
    with pytest.raises(NoKey):
        Signer.from_pem(b"-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----")
    with pytest.raises(NoKey):
        key_id_of("nothing")


def test_there_is_one_way_to_write_a_bundle() -> None:
    assert canonical({"b": [1, "ü"], "a": None}) == '{"a":null,"b":[1,"ü"]}'.encode()
    with pytest.raises(TypeError, match="floating-point"):
        canonical({"a": [{"b": 0.5}]})  # type: ignore[dict-item]  # what is refused
