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

from value_network_sla.domain.rounding import largest_remainder

EXACT_PLAYERS = 10
"""Up to so many players every coalition is valued (1,024); beyond, orders are sampled."""
_SAMPLED_PAIRS = 500
_CONFIDENCE = 1.96
"""Standard errors on each side that hold 95 % of a normal distribution."""

Value = Callable[[Sequence[int]], Sequence[int]]
"""What coalitions (bit p set: player p belongs to it) are worth; never less for a larger one, and 0 for nobody."""


@dataclass(frozen=True, slots=True)
class Shares:
    """The players' parts."""

    parts: Sequence[int]
    """In whole units; they sum to the worth of all players together."""
    error: int
    """How far a part may be off, with a confidence of 95 %; 0 when the parts are exact."""


def shapley(players: int, value: Value, *, seed: int) -> Shares:
    """The parts of `players` players. `seed` decides on the orders that are sampled when there are too many."""
    if players == 0:
        return Shares((), 0)
    if players <= EXACT_PLAYERS:
        weights = exact_weights(players, value(range(1 << players)))
        return Shares(largest_remainder(sum(weights) // math.factorial(players), weights), 0)
    return _sampled(players, value, seed)


def exact_weights(players: int, worth: Sequence[int]) -> list[int]:
    """The exact Shapley values times `players` factorial; `worth` by coalition."""
    orders = [math.factorial(size) * math.factorial(players - size - 1) for size in range(players)]
    weights = [0] * players
    for coalition, before in enumerate(worth):
        ways = orders[coalition.bit_count()] if coalition + 1 < len(worth) else 0
        for player in range(players):
            if not coalition >> player & 1:
                weights[player] += ways * (worth[coalition | 1 << player] - before)
    return weights


def _sampled(players: int, value: Value, seed: int) -> Shares:
    """Estimated from orders drawn at random, each with its reverse, which lowers the error."""
    orders = list(_orders(players, seed))
    coalitions = sorted({coalition for order in orders for coalition in _prefixes(order)})
    worth = dict(zip(coalitions, value(coalitions), strict=True))
    sums, squares = [0] * players, [0] * players
    for forward, backward in zip(orders[::2], orders[1::2], strict=True):
        added = [0] * players
        for order in (forward, backward):
            steps = _prefixes(order)
            for player, (before, after) in zip(order, itertools.pairwise(steps), strict=True):
                added[player] += worth[after] - worth[before]
        for player, both in enumerate(added):
            sums[player] += both
            squares[player] += both * both
    variances = [
        square / _SAMPLED_PAIRS - (total / _SAMPLED_PAIRS) ** 2 for square, total in zip(squares, sums, strict=True)
    ]
    error = _CONFIDENCE * math.sqrt(max(0.0, *variances) / _SAMPLED_PAIRS) / 2
    return Shares(largest_remainder(worth[(1 << players) - 1], sums), math.ceil(error))


def _orders(players: int, seed: int) -> Iterator[list[int]]:
    # Not a secret: the same session must give the same parts wherever it is computed.
    dice = random.Random(seed)  # noqa: S311
    for _ in range(_SAMPLED_PAIRS):
        order = list(range(players))
        dice.shuffle(order)
        yield order
        yield order[::-1]


def _prefixes(order: Sequence[int]) -> list[int]:
    """The coalition before the first joins, after the first has joined, and so on."""
    coalitions = [0]
    for player in order:
        coalitions.append(coalitions[-1] | 1 << player)
    return coalitions
