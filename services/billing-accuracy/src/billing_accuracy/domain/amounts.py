"""How does a bill say an amount, and what do many come to?"""

import math
from collections.abc import Iterable
from fractions import Fraction

from rating import Rounding, from_micros, nearest_micros


def as_billed(exact: Fraction, rounding: Rounding | None) -> Fraction:
    """An amount as a bill says it: rounded as declared, and to the micro-unit where nothing (or less) is declared."""
    rounded = exact if rounding is None else rounding.apply(exact)
    return from_micros(nearest_micros(rounded))


def total(amounts: Iterable[Fraction]) -> Fraction:
    """Their sum: whole numbers over one denominator are added up at a tenth of the cost of fractions."""
    found = list(amounts)
    scale = math.lcm(*{one.denominator for one in found})
    return Fraction(sum([one.numerator * (scale // one.denominator) for one in found]), scale)
