"""Is another plan so much cheaper for what a subscriber really uses that it is worth saying so?"""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class MisfitTerms:
    """What makes a misfit."""

    cycles: int = 3
    """Bill cycles that are compared; the plan must have been held through all of them."""
    least_percent: Fraction = Fraction(10)
    """Of the current cost that the better plan must save."""
    least_a_cycle: Fraction = Fraction(1)
    """Units of the currency that it must save in each cycle on average."""


def is_misfit(current: Fraction, better: Fraction, terms: MisfitTerms) -> bool:
    """Whether the difference is worth a word."""
    saved = current - better
    if saved <= 0:
        return False
    return saved * 100 >= terms.least_percent * current and saved >= terms.least_a_cycle * terms.cycles
