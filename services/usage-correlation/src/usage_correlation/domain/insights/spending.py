"""Has a subscriber spent far more than what is usual for them?"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt


@dataclass(frozen=True, slots=True)
class UnusualTerms:
    """What makes spending unusual; all of it must hold."""

    cycles: int = 3
    """So many complete bill cycles must be known at least, of the last twelve."""
    ratio: Fraction = Fraction(3, 2)
    """Times the mean of those."""
    sigmas: float = 3.0
    """Sample standard deviations above it."""
    least: Fraction = Fraction(5)
    """Units of the currency above it."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What a subscriber spends in a bill cycle."""

    mean: Fraction
    deviation: float
    cycles: int


def usual(past: Sequence[Fraction], terms: UnusualTerms) -> Usual | None:
    """What is usual, from the totals of complete cycles; None when too few are known to tell."""
    if len(past) < max(terms.cycles, 2):
        return None
    mean = sum(past, Fraction(0)) / len(past)
    variance = sum(((each - mean) ** 2 for each in past), Fraction(0)) / (len(past) - 1)
    return Usual(mean, sqrt(variance), len(past))


def is_unusual(spent: Fraction, known: Usual, terms: UnusualTerms) -> bool:
    """Whether so much in one cycle, be it over or not, is far above what is usual for a whole one."""
    above = spent - known.mean
    return above >= terms.least and spent >= terms.ratio * known.mean and above >= terms.sigmas * known.deviation
