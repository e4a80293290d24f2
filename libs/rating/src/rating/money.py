"""How is an amount kept exact, and how is it rounded when a tariff says so?

Amounts are rationals (`Fraction`) in major units of the currency. Inside a batch they are integers over one common
denominator, the *scale*, so that rounding is integer arithmetic there too. No float stands near an amount.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

MICROS = 1_000_000
"""Micro-units in one unit of a currency: the form in which amounts are stored and sent."""
MAX_DECIMALS = 9
"""The finest rounding that a tariff may declare; google.type.Money ends there too."""
_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


class RoundingMethod(StrEnum):
    """What happens to the part that is cut off. Negative amounts mirror positive ones."""

    UP = "up"
    """Away from zero."""
    DOWN = "down"
    """Towards zero."""
    HALF_UP = "half_up"
    """To the nearest; a tie goes away from zero."""
    HALF_DOWN = "half_down"
    """To the nearest; a tie goes towards zero."""
    HALF_EVEN = "half_even"
    """To the nearest; a tie goes to the even neighbour."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """A rounding that a tariff declares."""

    method: RoundingMethod
    decimals: int

    @property
    def unit(self) -> int:
        """How many of the smallest amounts that are kept make one unit of the currency."""
        return int(10**self.decimals)

    def apply(self, amount: Fraction) -> Fraction:
        """The amount rounded to `decimals` places."""
        unit = self.unit
        steps = round_steps(amount.numerator * unit, amount.denominator, self.method)
        return Fraction(steps, unit)

    def is_tie(self, amount: Fraction) -> bool:
        """Whether the amount lies exactly half-way between two neighbours."""
        return (amount * self.unit * 2).denominator == 1 and not self.is_exact(amount)

    def is_exact(self, amount: Fraction) -> bool:
        """Whether the amount needs no rounding."""
        return (amount * self.unit).denominator == 1

    def neighbours(self, amount: Fraction) -> tuple[Fraction, Fraction]:
        """The nearest representable amounts at or below and at or above."""
        unit = self.unit
        scaled = amount * unit
        below = scaled.numerator // scaled.denominator
        above = below if scaled.denominator == 1 else below + 1
        return Fraction(below, unit), Fraction(above, unit)


class RoundingDifference(StrEnum):
    """How a billed amount relates to the exact one: what a checker of bills needs to know."""

    AS_DECLARED = "as_declared"
    """Billed as the tariff rounds."""
    TIE_ROUNDED_OTHER_WAY = "tie_rounded_other_way"
    """The exact amount is a tie and the bill took the other neighbour."""
    OTHER_NEIGHBOUR = "other_neighbour"
    """No tie, yet the bill took the other of the two neighbours: another rounding method than declared."""
    NOT_ROUNDING = "not_rounding"
    """Further off than any rounding explains."""


def classify_rounding(exact: Fraction, billed: Fraction, rounding: Rounding) -> RoundingDifference:
    """Whether rounding explains the difference between an exact amount and the billed one."""
    if billed == rounding.apply(exact):
        return RoundingDifference.AS_DECLARED
    if billed not in rounding.neighbours(exact):
        return RoundingDifference.NOT_ROUNDING
    if rounding.is_tie(exact):
        return RoundingDifference.TIE_ROUNDED_OTHER_WAY
    return RoundingDifference.OTHER_NEIGHBOUR


def round_steps(numerator: int, step: int, method: RoundingMethod) -> int:
    """`numerator / step` rounded to an integer."""
    quotient, rest = divmod(abs(numerator), step)
    quotient += _goes_up(quotient, 2 * rest, step, method)
    return quotient if numerator >= 0 else -quotient


def _goes_up(quotient: int, twice_rest: int, step: int, method: RoundingMethod) -> bool:
    if twice_rest == 0 or method is RoundingMethod.DOWN:
        return False
    if method is RoundingMethod.UP or twice_rest > step:
        return True
    odd_tie = method is RoundingMethod.HALF_EVEN and quotient % 2 == 1
    return twice_rest == step and (method is RoundingMethod.HALF_UP or odd_tie)


def parse_amount(text: str) -> Fraction:
    """The exact value of a decimal string such as "0.085"; ValueError for anything else (exponents, floats, blanks)."""
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f'{text!r} is not a decimal amount such as "0.085"')
    return Fraction(text)


def from_micros(micros: int) -> Fraction:
    """The exact amount of so many micro-units."""
    return Fraction(micros, MICROS)


def to_micros(amount: Fraction) -> int:
    """The amount in micro-units; ValueError when it doesn't fit exactly, for nothing is rounded silently."""
    scaled = amount * MICROS
    if scaled.denominator != 1:
        raise ValueError(f"{amount} is not a whole number of micro-units; round it as the tariff declares first")
    return scaled.numerator


def nearest_micros(amount: Fraction) -> int:
    """The nearest micro-units (ties to even), for showing and ranking amounts that no tariff has rounded yet."""
    return round_steps(amount.numerator * MICROS, amount.denominator, RoundingMethod.HALF_EVEN)


def format_amount(amount: Fraction, decimals: int) -> str:
    """The amount in plain decimals, at least `decimals` of them; a repeating fraction is written as a fraction."""
    for places in range(decimals, MAX_DECIMALS + 10):
        scaled = amount * 10**places
        if scaled.denominator == 1:
            digits = f"{abs(scaled.numerator):0{places + 1}d}"
            sign = "-" if amount < 0 else ""
            return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"
    return str(amount)
