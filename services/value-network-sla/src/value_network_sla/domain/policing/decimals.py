"""How are exact numbers shown?"""

from fractions import Fraction
from typing import Final

_TEN: Final = 10
_MOST_DIGITS: Final = 30


def exact_text(value: Fraction) -> str:
    """A decimal such as 99.95 where there is an exact one, a fraction such as 2/3 where there is none."""
    denominator = value.denominator
    for factor in (2, 5):
        while denominator % factor == 0:
            denominator //= factor
    if denominator != 1:
        return f"{value.numerator}/{value.denominator}"
    for digits in range(_MOST_DIGITS):
        scaled = value * _TEN**digits
        if scaled.denominator == 1:
            return _point(int(scaled), digits)
    return f"{value.numerator}/{value.denominator}"


def percent_text(share: Fraction, digits: int = 6) -> str:
    """A share in percent, rounded down, without zeros at the end."""
    return exact_text(Fraction(share * 100 * _TEN**digits // 1, _TEN**digits))


def parts_per(share: Fraction, scale: int) -> int:
    """A share in parts per thousand, million or billion, rounded down."""
    return int(share * scale // 1)


def _point(scaled: int, digits: int) -> str:
    sign, text = ("-" if scaled < 0 else ""), str(abs(scaled)).rjust(digits + 1, "0")
    return sign + (f"{text[:-digits]}.{text[-digits:]}" if digits else text)
