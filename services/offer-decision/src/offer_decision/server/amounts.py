"""What do the amounts say that other services tell?"""

from fractions import Fraction
from typing import Final

from google.type.money_pb2 import Money

from offer_decision.domain.amounts import CURRENCIES, Amount
from rating import nearest_micros

_NANOS: Final = 10**9


def amount_of(money: Money) -> Amount:
    """The amount, to the nearest micro-unit: what is finer can't be told to anybody, and nobody is charged by it.

    Raises ValueError for a currency that doesn't exist; an event that tells of one is put aside.
    """
    if money.currency_code not in CURRENCIES:
        raise ValueError(f"got an amount in {money.currency_code!r}, expected a currency code of ISO 4217")
    return Amount(nearest_micros(Fraction(money.units) + Fraction(money.nanos, _NANOS)), money.currency_code)
