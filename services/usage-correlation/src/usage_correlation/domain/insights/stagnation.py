"""Has usage stood still for long where it used to change, and who takes up what is new before others do?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class StagnationTerms:
    """What makes a stagnation."""

    cycles: int = 6
    """So many bill cycles without change, after as many with it."""
    still_percent: float = 5.0
    """A cycle may be so far from the mean of the still ones at most."""
    moving_percent: float = 20.0
    """One of the cycles before must have been so far from their mean at least."""


@dataclass(frozen=True, slots=True)
class Stillness:
    """Usage that stands still."""

    line: str
    """That changes most of all."""
    mean: float
    largest_percent: float
    earlier_percent: float


def stillness(by_line: Mapping[str, Sequence[float]], terms: StagnationTerms) -> Stillness | None:
    """Whether usage stands still, from the quantities of twice `cycles` bill cycles, oldest first, by bill line.

    Every line must stand still, and one must have moved before. Lines come and go with plans: one that is missing in a
    cycle has zero there, and so isn't still. No usage at all is silence, no stagnation.
    """
    found: list[Stillness] = []
    moved = 0.0
    for line, quantities in sorted(by_line.items()):
        earlier, late = quantities[: terms.cycles], quantities[terms.cycles :]
        mean, largest = _spread(late)
        if mean <= 0 or largest > terms.still_percent:
            return None
        _, before = _spread(earlier)
        moved = max(moved, before)
        found.append(Stillness(line, mean, largest, before))
    if not found or moved < terms.moving_percent:
        return None
    return max(found, key=lambda each: each.earlier_percent)


def _spread(quantities: Sequence[float]) -> tuple[float, float]:
    """Mean, and the largest distance from it in percent of it; all of it where the mean is nothing."""
    mean = sum(quantities) / len(quantities)
    if mean <= 0:
        return mean, 100.0
    return mean, max(abs(quantity - mean) for quantity in quantities) / mean * 100.0


def are_consecutive(starts: Sequence[int], most_micros: int) -> bool:
    """Whether no bill cycle is missing between these, oldest first."""
    return all(after - before <= most_micros for before, after in pairwise(starts))
