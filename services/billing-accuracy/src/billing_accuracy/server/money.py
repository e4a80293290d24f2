"""How do exact amounts travel as google.type.Money, and back?"""

from fractions import Fraction
from typing import Final

from google.type.money_pb2 import Money

from rating import from_micros, nearest_micros

MICROS: Final = 1_000_000
NANOS_PER_MICRO: Final = 1000


def to_money(amount: Fraction, currency: str) -> Money:
    """The amount to the micro-unit; units and nanos have the same sign."""
    micros = nearest_micros(amount)
    units, rest = divmod(abs(micros), MICROS)
    sign = -1 if micros < 0 else 1
    return Money(currency_code=currency, units=sign * units, nanos=sign * rest * NANOS_PER_MICRO)


def from_money(money: Money) -> Fraction:
    """The exact amount; raises ValueError for what is no amount, or finer than a micro-unit."""
    if abs(money.nanos) >= MICROS * NANOS_PER_MICRO:
        raise ValueError(f"{money.nanos} nanos: expected less than a unit")
    if money.units * money.nanos < 0:
        raise ValueError(f"{money.units} units and {money.nanos} nanos: expected the same sign")
    if money.nanos % NANOS_PER_MICRO:
        raise ValueError(f"{money.nanos} nanos: expected a multiple of {NANOS_PER_MICRO}")
    return from_micros(money.units * MICROS + money.nanos // NANOS_PER_MICRO)
