"""What is each player's fair part of what all of them cause together?

The Shapley value (L. S. Shapley, "A Value for n-Person Games", 1953): a player's part is what its joining adds,
averaged over all orders in which the players may join. It is the one rule whose parts sum to the whole, that gives
nothing to who changes nothing, the same to who changes the same, and that adds up over games.
"""

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apportioning.rounding import largest_remainder

EXACT_PLAYERS: Final = 10
"""Up to so many players every coalition is valued (1,024); beyond, orders are sampled."""
SAMPLED_PAIRS: Final = 500
_MOST_STEPS: Final = 16_000
"""Of very many players fewer orders are drawn, so that a trace made to be expensive is not."""
_BATCH_STEPS: Final = 4_000
_CONFIDENCE: Final = 1.96
"""Standard errors on each side that hold 95 % of a normal distribution."""

Values = NDArray[np.int64]
Members = Sequence[NDArray[np.bool_]]
Worth = Callable[[Members, int], Values]
"""What so many coalitions are worth, given by who is in them: never less for a larger one, and 0 for nobody."""


@dataclass(frozen=True, slots=True)
class Shares:
    """The players' parts."""

    parts: Sequence[int]
    """In whole units; they sum to the worth of all players together."""
    error: int
    """How far a part may be off, with a confidence of 95 %; 0 when the parts are exact."""
    values: Sequence[int]
    """What every coalition (bit p set: player p is in it) is worth; empty when orders were sampled."""
    pairs: int
    """How many orders were drawn, each with its reverse; 0 when the parts are exact."""


def shapley(players: int, worth: Worth, *, seed: int) -> Shares:
    """The parts of `players` players. `seed` decides on the orders that are sampled when there are too many."""
    if players == 0:
        return Shares((), 0, (), 0)
    if players <= EXACT_PLAYERS:
        values = worth(members_of_all(players), 1 << players)
        weights = exact_weights(players, values)
        parts = largest_remainder(int(values[-1]), weights)
        return Shares(parts, 0, tuple(values.tolist()), 0)
    return _sampled(players, worth, seed)


@cache
def members_of_all(players: int) -> Members:
    """By player: in which of all coalitions, by number, it is."""
    coalitions = np.arange(1 << players)
    return tuple((coalitions >> player & 1).astype(bool) for player in range(players))


def exact_weights(players: int, values: Values) -> list[int]:
    """The exact Shapley values times `players` factorial; `values` by coalition."""
    by_size = exact_sums(players, values)
    ways = [math.factorial(size) * math.factorial(players - size - 1) for size in range(players)]
    # Sums of nanoseconds fit 64 bits, their products with factorials don't: these are Python's integers.
    return [sum(way * added for way, added in zip(ways, row, strict=True)) for row in by_size]


def exact_sums(players: int, values: Values | Sequence[int]) -> list[list[int]]:
    """By player and number of those who joined before: what its joining adds, summed over all such coalitions."""
    column = np.asarray(values, np.int64)
    without, joined, edges = _joinings(players)
    found: list[list[int]] = np.add.reduceat(column[joined] - column[without], edges, axis=1).tolist()
    return found


@cache
def _joinings(players: int) -> tuple[Values, Values, Values]:
    """By player: the coalitions without it by size, the same with it, and where each size begins."""
    rows = [
        sorted((each for each in range(1 << players) if not each >> player & 1), key=int.bit_count)
        for player in range(players)
    ]
    without = np.array(rows, np.int64)
    bits = np.array([[1 << player] for player in range(players)], np.int64)
    sizes = [math.comb(players - 1, size) for size in range(players)]
    return without, without | bits, np.array([0, *itertools.accumulate(sizes[:-1])], np.int64)


def _sampled(players: int, worth: Worth, seed: int) -> Shares:
    """Estimated from orders drawn at random, each with its reverse, which lowers the error."""
    pairs = max(2, min(SAMPLED_PAIRS, _MOST_STEPS // players))
    sums, squares = np.zeros(players, object), np.zeros(players, object)
    whole = 0
    orders = _orders(players, pairs, seed)
    while batch := list(itertools.islice(orders, max(1, _BATCH_STEPS // (2 * players)))):
        both = np.array([order for forward in batch for order in (forward, forward[::-1])], np.int64)
        added = _added(both, worth).reshape(len(batch), 2, players).sum(axis=1).astype(object)
        sums += added.sum(axis=0)
        squares += (added * added).sum(axis=0)
        whole = int(added[0].sum()) // 2
    variances = [square / pairs - (total / pairs) ** 2 for square, total in zip(squares, sums, strict=True)]
    error = _CONFIDENCE * math.sqrt(max(0.0, *variances) / pairs) / 2
    return Shares(largest_remainder(whole, sums.tolist()), math.ceil(error), (), pairs)


def _added(orders: Values, worth: Worth) -> Values:
    """What each player adds in each order; orders by row."""
    count, players = orders.shape
    steps = np.arange(players + 1)
    places = np.argsort(orders, axis=1)
    members = [(steps > places[:, player : player + 1]).ravel() for player in range(players)]
    values = worth(members, count * (players + 1)).reshape(count, players + 1)
    return np.take_along_axis(np.diff(values, axis=1), places, axis=1)


def _orders(players: int, pairs: int, seed: int) -> Iterator[list[int]]:
    # Not a secret: the same session must give the same parts wherever it is computed.
    dice = random.Random(seed)  # noqa: S311
    for _ in range(pairs):
        order = list(range(players))
        dice.shuffle(order)
        yield order
