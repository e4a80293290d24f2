"""How does a bill say an amount?"""

from fractions import Fraction

from rating import Rounding, from_micros, nearest_micros


def as_billed(exact: Fraction, rounding: Rounding | None) -> Fraction:
    """An amount as a bill says it: rounded as declared, and to the micro-unit where nothing (or less) is declared."""
    rounded = exact if rounding is None else rounding.apply(exact)
    return from_micros(nearest_micros(rounded))
