"""Are the parts Shapley values, exact as long as that can be done?"""

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apportioning.rounding import largest_remainder
from apportioning.shapley import EXACT_PLAYERS, Members, Values, exact_weights, shapley


@st.composite
def monotone_games(draw: st.DrawFn) -> list[int]:
    """Worth by coalition: 0 for nobody, never less for a larger one."""
    players = draw(st.integers(1, 4))
    worth = [0] * (1 << players)
    for coalition in range(1, 1 << players):
        least = max(worth[coalition & ~(1 << player)] for player in range(players) if coalition >> player & 1)
        worth[coalition] = least + draw(st.integers(0, 50))
    return worth


def _by_definition(worth: Sequence[int]) -> list[Fraction]:
    players = len(worth).bit_length() - 1
    parts = [0] * players
    for order in itertools.permutations(range(players)):
        coalition = 0
        for player in order:
            parts[player] += worth[coalition | 1 << player] - worth[coalition]
            coalition |= 1 << player
    return [Fraction(part, math.factorial(players)) for part in parts]


@given(monotone_games())
def test_weights_are_the_average_over_all_orders(worth: list[int]) -> None:
    players = len(worth).bit_length() - 1
    assert [
        Fraction(weight, math.factorial(players)) for weight in exact_weights(players, np.array(worth))
    ] == _by_definition(worth)


@given(monotone_games(), st.integers())
def test_parts_sum_to_the_whole_and_are_exact(worth: list[int], seed: int) -> None:
    shares = shapley(len(worth).bit_length() - 1, lambda _members, _width: np.array(worth), seed=seed)
    assert sum(shares.parts) == worth[-1]
    assert shares.error == 0


def test_nobody_gets_nothing() -> None:
    assert shapley(0, lambda _members, width: np.zeros(width, np.int64), seed=1).parts == ()


_WEIGHTS = [7 * (player + 1) for player in range(EXACT_PLAYERS + 3)]
"""The last player's weight is taken as 0."""


def _worth(members: Members, width: int) -> Values:
    """Everybody adds their own, and the first two together 100 more; the last adds nothing."""
    total = np.zeros(width, np.int64)
    for member, weight in zip(members, _WEIGHTS[:-1], strict=False):
        total += np.where(member, weight, 0)
    return total + np.where(members[0] & members[1], 100, 0)


def test_with_too_many_players_parts_are_estimated_with_a_stated_error() -> None:
    shares = shapley(len(_WEIGHTS), _worth, seed=5)
    exact = [*(weight + (50 if player < 2 else 0) for player, weight in enumerate(_WEIGHTS[:-1])), 0]
    assert sum(shares.parts) == sum(exact)
    assert shares.parts[-1] == 0
    assert all(abs(part - right) <= 1 + 2 * shares.error for part, right in zip(shares.parts, exact, strict=True))


def test_the_error_is_stated_where_orders_matter() -> None:
    def first_come(members: Members, width: int) -> Values:
        return np.where(np.sum(members, axis=0) >= 4, 1_000_000, 0)

    shares = shapley(12, first_come, seed=5)
    assert 0 < shares.error < 100_000
    assert all(abs(part - 1_000_000 / 12) <= 2 * shares.error for part in shares.parts)


def test_a_crowd_is_estimated_from_fewer_orders_with_a_wider_error() -> None:
    def anybody(members: Members, width: int) -> Values:
        return np.where(np.any(members, axis=0), 10**6, 0)

    shares = shapley(2_000, anybody, seed=5)
    assert (sum(shares.parts), shares.pairs) == (10**6, 8)
    assert shares.error > 100_000


def test_estimates_are_the_same_wherever_they_are_made() -> None:
    assert shapley(13, _worth, seed=5) == shapley(13, _worth, seed=5)


@settings(max_examples=300)
@given(st.integers(0, 10**18), st.lists(st.integers(0, 10**20), min_size=1).filter(any))
def test_largest_remainder_splits_the_whole_to_the_nearest_unit(total: int, weights: list[int]) -> None:
    parts = largest_remainder(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1
        assert weight or not part


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=6).filter(any))
def test_largest_remainder_gives_no_more_to_who_weighs_less(weights: list[int]) -> None:
    parts = largest_remainder(100, weights)
    for (part, weight), (other, less) in itertools.permutations(zip(parts, weights, strict=True), 2):
        assert part >= other or weight <= less


@pytest.mark.parametrize(("total", "weights"), [(1, [0, 0]), (-1, [1]), (1, [2, -1])])
def test_largest_remainder_refuses_what_cannot_be_split(total: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match=r"split|expected"):
        largest_remainder(total, weights)


def test_nothing_splits_into_nothing() -> None:
    assert largest_remainder(0, [0, 0]) == [0, 0]
