"""How is money that no tariff has rounded yet kept without losing a digit?

Rates are often no whole number of any decimal unit (0.17 a minute is 17/6000 a second), so an amount is an integer over
the *scale* of the tariff that it comes from: the common denominator of all its prices. Sums of amounts over different
scales are kept over their least common multiple.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Final

NANOS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Amount:
    """`numerator / scale` in major units of a currency."""

    numerator: int
    scale: int

    def __add__(self, other: "Amount") -> "Amount":
        if self.scale == other.scale:
            return Amount(self.numerator + other.numerator, self.scale)
        scale = lcm(self.scale, other.scale)
        return Amount(self.numerator * (scale // self.scale) + other.numerator * (scale // other.scale), scale)

    @property
    def fraction(self) -> Fraction:
        """The amount as a rational number."""
        return Fraction(self.numerator, self.scale)


NOTHING: Final = Amount(0, 1)


def nearest_nanos(amount: Fraction) -> int:
    """The nearest billionths of a unit (ties to even): what google.type.Money can show of an unrounded amount."""
    return round(amount * NANOS)
