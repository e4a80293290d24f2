"""Who answers for which part of a session's lateness, by which policy, and what waited for what?"""

from collections.abc import Callable
from typing import Any

import pytest

from apportioning.orders import Pair
from apportioning.party import LINK, ORCHESTRATOR, Party, PartyKind
from apportioning.terms import LinkTerms, Policy

MakeSession = Callable[[int], Any]
PartsOf = Callable[..., dict[str, int]]


def test_calls_in_series_answer_each_for_its_own(session: MakeSession, parts_of: PartsOf) -> None:
    game = session(100).call("a", 0, 40).call("b", 50, 100).game({"a": 30, "b": 20})
    assert parts_of(game) == {"a": 10, "b": 30}


def test_calls_side_by_side_share_what_both_held_up(session: MakeSession, parts_of: PartsOf) -> None:
    game = session(100).call("a", 0, 100).call("b", 0, 80).game({"a": 20, "b": 20})
    assert parts_of(game) == {"a": 50, "b": 30}


def test_a_call_that_begins_within_anothers_time_does_not_wait_for_it(session: MakeSession, parts_of: PartsOf) -> None:
    game = session(100).call("a", 0, 60).call("b", 25, 100).game({"a": 30, "b": 75})
    assert game.lateness_ns == 0
    assert parts_of(game) == {}


@pytest.mark.parametrize(("end", "part"), [(21, 1), (30, 10), (49, 29), (60, 30), (99, 30), (100, 30), (120, 50)])
def test_what_waits_for_whom_does_not_depend_on_how_late_somebody_was(
    session: MakeSession, parts_of: PartsOf, end: int, part: int
) -> None:
    """The second call begins at 50, long after the first should be over at 20; the first gets slower and slower."""
    game = session(max(100, end)).call("a", 0, end).call("b", 50, 100).game({"a": 20, "b": 50})
    assert parts_of(game) == {"a": part}


def test_a_pair_that_runs_side_by_side_by_design_is_never_taken_for_a_series(
    session: MakeSession, parts_of: PartsOf
) -> None:
    beside = frozenset({Pair.of(" watch", "partners/b b", "partners/a a")})
    game = session(100).call("a", 0, 40).call("b", 50, 100).game({"a": 20, "b": 50}, beside)
    assert parts_of(game) == {}


def test_a_third_call_does_not_hide_what_a_declared_branch_cost(session: MakeSession, parts_of: PartsOf) -> None:
    """b follows a; c runs beside both, and just before b began it had ended."""
    spans = session(60).call("a", 0, 20).call("c", 0, 19).call("b", 20, 60)
    assert parts_of(spans.game({"a": 5, "b": 40, "c": 19})) == {"a": 1}
    beside = frozenset(Pair.of(" watch", "partners/c c", other) for other in ("partners/a a", "partners/b b"))
    assert parts_of(spans.game({"a": 5, "b": 40, "c": 19}, beside)) == {"a": 15}


def test_the_provider_is_late_beyond_its_own_budget_with_all_others_in_theirs(session: MakeSession) -> None:
    game = session(100).call("a", 10, 50).game({"a": 20, "watch": 60})
    parts = game.apportion(Policy.SHAPLEY, seed=1).by_party()
    assert parts == {Party(PartyKind.PARTNER, "partners/a"): 20, ORCHESTRATOR: 20}


def test_without_a_budget_the_provider_is_never_late(session: MakeSession, parts_of: PartsOf) -> None:
    assert parts_of(session(10_000).call("a", 10, 50).game({"a": 20})) == {"a": 20}


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (None, {"b": 20, "~b": 30}),
        (LinkTerms(1_000_000), {"b": 50}),
        (LinkTerms(500_000), {"b": 35, "~b": 15}),
        (LinkTerms(0, "partners/x"), {"b": 20, "~b": 30}),
    ],
)
def test_the_gap_between_partners_is_whose_the_agreement_says(
    session: MakeSession, parts_of: PartsOf, terms: LinkTerms | None, expected: dict[str, int]
) -> None:
    spans = session(120).call("a", 0, 120).call("b", 10, 110, parent="s-a", caller="partners/a", gap=30)
    game = spans.game({"a": 200, "b": 50}, links={} if terms is None else {"b": terms})
    assert parts_of(game) == expected
    owners = {player.party for player in game.players if player.link}
    owner = Party(PartyKind.PARTNER, "partners/x") if terms and terms.owner else LINK
    assert owners <= {owner}


def test_our_own_gap_is_the_callees_unless_agreed_otherwise(session: MakeSession, parts_of: PartsOf) -> None:
    spans = session(100).call("a", 0, 100, gap=40)
    assert parts_of(spans.game({"a": 50})) == {"a": 50}
    assert parts_of(spans.game({"a": 50}, links={"a": LinkTerms(0)})) == {"a": 10, "~a": 40}


def test_by_excess_parts_follow_what_each_took_too_long_on_the_critical_path(
    session: MakeSession, parts_of: PartsOf
) -> None:
    spans = session(150).call("a", 0, 50).call("b", 50, 150).call("c", 50, 90)
    game = spans.game({"a": 20, "b": 40, "c": 10})
    assert game.lateness_ns == 90
    assert parts_of(game, Policy.PROPORTIONAL) == {"a": 30, "b": 60}


def test_the_last_cause_answers_for_everything(session: MakeSession, parts_of: PartsOf) -> None:
    game = session(150).call("a", 0, 50).call("b", 50, 140).game({"a": 20, "b": 80})
    assert parts_of(game, Policy.LAST_CAUSE) == {"b": 40}


@pytest.mark.parametrize("policy", Policy)
def test_under_every_policy_parts_sum_to_the_lateness(session: MakeSession, parts_of: PartsOf, policy: Policy) -> None:
    spans = session(300).block("x", 0, 120).call("a", 0, 100, parent="x").call("b", 0, 120, parent="x")
    game = spans.call("c", 130, 300).game({"a": 33, "b": 51, "c": 101, "watch": 7})
    assert sum(parts_of(game, policy).values()) == game.lateness_ns > 0


def test_many_siblings_that_outlast_each_other_take_no_time_worth_mentioning(session: MakeSession) -> None:
    spans = session(30_000)
    for number in range(3_000):
        spans.call(f"a{number}", number, number + 20_000)
    game = spans.game({f"a{number}": 1 for number in range(0, 3_000, 500)})
    assert game.apportion(Policy.SHAPLEY, seed=1).error_ns == 0
