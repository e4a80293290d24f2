"""What is an amount here, and what is the least of it that a customer can be told?"""

from dataclasses import dataclass
from typing import Final

from rating import MINOR_UNITS

CURRENCIES: Final = frozenset(MINOR_UNITS)
"""The codes of ISO 4217."""
_MICRO_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class Amount:
    """Money, exact."""

    micros: int
    currency: str
    """One of CURRENCIES."""


def decimals_of(currency: str) -> int:
    """How many decimals the currency's smallest coin has."""
    return MINOR_UNITS[currency]


def smallest_coin(currency: str) -> int:
    """The currency's smallest coin in micro-units."""
    return int(10 ** (_MICRO_DECIMALS - decimals_of(currency)))
