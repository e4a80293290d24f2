"""Because of whom was a visit bad, and who pays for the windows that such visits break?"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apportioning.faults import UNKNOWN, Pattern, pattern_from, pattern_text, patterns
from apportioning.penalty import Window, split_penalty

MakeSession = Callable[[int], Any]


def _patterns(spans: Any, budgets: Mapping[str, int]) -> dict[str, list[str]]:
    """By operation of the bad visit: its cures, each as operations joined by +."""
    visits = spans.visits()
    found = patterns(visits, spans.promises(budgets), spans.game(budgets))
    return {
        visits.visits[number].operation: [
            "+".join(name.removeprefix("agreements/") for name in cure) for cure in pattern
        ]
        for number, pattern in found.items()
    }


def test_a_late_visit_is_made_good_by_its_partner(session: MakeSession) -> None:
    assert _patterns(session(100).call("a", 0, 90), {"a": 50}) == {"a": ["a"]}


def test_a_visit_late_by_another_alone_is_made_good_by_that_one(session: MakeSession) -> None:
    spans = session(100).call("a", 0, 100).call("b", 10, 90, parent="s-a", caller="partners/a")
    assert _patterns(spans, {"a": 60, "b": 30}) == {"a": ["b"], "b": ["b"]}


def test_where_either_would_do_both_are_named(session: MakeSession) -> None:
    spans = session(100).call("a", 0, 100).call("b", 10, 60, parent="s-a", caller="partners/a")
    assert _patterns(spans, {"a": 55, "b": 5})["a"] == ["b"]
    assert _patterns(spans, {"a": 45, "b": 5})["a"] == ["a+b"]


def test_an_error_is_made_good_where_it_began(session: MakeSession) -> None:
    spans = session(100).call("a", 0, 40, error=True)
    spans.call("b", 10, 30, parent="s-a", caller="partners/a", error=True).call("c", 50, 100)
    assert _patterns(spans, {"a": 100, "b": 100, "c": 10}) == {"a": ["b"], "b": ["b"], "c": ["c"]}


def test_a_visit_both_late_and_failed_takes_both(session: MakeSession) -> None:
    spans = session(100).call("a", 0, 100, error=True)
    spans.call("b", 10, 20, parent="s-a", caller="partners/a", error=True)
    assert _patterns(spans, {"a": 50, "b": 100})["a"] == ["a+b"]


_PATTERNS: st.SearchStrategy[Pattern] = st.sampled_from(
    [(("x",),), (("y",),), (("x", "y"),), (("x",), ("y",)), (("x", "y"), ("z",)), UNKNOWN]
)


@given(_PATTERNS)
def test_a_pattern_is_written_in_one_way(pattern: Pattern) -> None:
    assert pattern_from(pattern_text(pattern)) == pattern


_COUNTS = st.dictionaries(_PATTERNS, st.integers(1, 40), min_size=1)


@settings(max_examples=200)
@given(_COUNTS, st.integers(0, 100), st.integers(0, 10**7), st.integers(1, 1_000_000))
def test_a_penalty_is_split_to_the_smallest_unit(
    counts: dict[Pattern, int], good: int, penalty: int, objective_ppm: int
) -> None:
    bad = sum(counts.values())
    split = split_penalty(Window(1, bad + good, objective_ppm, penalty, counts))
    assert sum(split.by_agreement.values()) + split.unattributed == penalty
    assert split.unattributed >= 0
    assert set(split.by_agreement) <= {name for pattern in counts for cure in pattern for name in cure}


@settings(max_examples=200)
@given(_COUNTS, st.integers(0, 60), st.sampled_from("xyz"), _COUNTS)
def test_more_bad_visits_of_ones_own_never_cost_one_less(
    counts: dict[Pattern, int], good: int, name: str, others: dict[Pattern, int]
) -> None:
    """What were good visits become bad ones that the party alone could have made good."""
    counts = {**others, **counts}
    bad = sum(counts.values())
    worse = {**counts, ((name,),): counts.get(((name,),), 0) + good // 2}
    paid, pays = (
        split_penalty(Window(1, bad + good, 900_000, 1_000, each)).by_agreement.get(name, 0) for each in (counts, worse)
    )
    assert pays >= paid - 1


def test_who_could_not_have_saved_the_penalty_pays_nothing_of_it() -> None:
    """Three visits may fail; x alone broke it, and y's two would not have."""
    split = split_penalty(Window(1, 30, 900_000, 1_000, {(("x",),): 9, (("y",),): 2}))
    assert split.by_agreement == {"x": 1_000}


def test_two_that_broke_it_together_pay_the_same() -> None:
    split = split_penalty(Window(1, 30, 900_000, 1_001, {(("x",),): 3, (("y",),): 3}))
    assert split.by_agreement == {"x": 501, "y": 500}


def test_visits_of_unknown_cause_count_last() -> None:
    counts: dict[Pattern, int] = {(("x",),): 4, UNKNOWN: 20}
    assert split_penalty(Window(1, 30, 900_000, 1_000, counts)).by_agreement == {"x": 1_000}
    lone = split_penalty(Window(1, 30, 900_000, 1_000, {(("x",),): 3, UNKNOWN: 20}))
    assert (lone.by_agreement, lone.unattributed) == ({}, 1_000)


def test_the_split_is_the_shapley_value_of_what_is_saved() -> None:
    """x is in every cure; y and z are each as good as the other."""
    counts: dict[Pattern, int] = {(("x", "y"), ("x", "z")): 10}
    split = split_penalty(Window(1, 10, 1_000_000, 600, counts))
    exact = {"x": Fraction(4, 6), "y": Fraction(1, 6), "z": Fraction(1, 6)}
    assert split.by_agreement == {name: int(600 * part) for name, part in exact.items()}


@pytest.mark.parametrize("players", [11, 40])
def test_with_many_players_the_parts_still_sum(players: int) -> None:
    counts: dict[Pattern, int] = {((f"p{number:02}",),): 1 for number in range(players)}
    split = split_penalty(Window(7, players, 1_000_000, 12_345, counts))
    assert sum(split.by_agreement.values()) == 12_345
    assert split == split_penalty(Window(7, players, 1_000_000, 12_345, counts))
