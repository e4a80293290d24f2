"""How do amounts in micro-units travel as google.type.Money, and back?"""

from typing import Final

from google.type.money_pb2 import Money

from mesh.rpc import invalid_argument

_MICROS: Final = 1_000_000
"""In one unit of a currency."""
_NANOS_PER_MICRO: Final = 1000
_NANOS: Final = _MICROS * _NANOS_PER_MICRO
_MOST_UNITS: Final = (2**63 - 1) // _MICROS
"""In micro-units, a little more than these is too much for the 64 bits in which stores keep amounts."""


def to_money(micros: int, currency: str) -> Money:
    """So many micro-units of a currency (ISO 4217); units and nanos have the same sign."""
    units, rest = divmod(abs(micros), _MICROS)
    sign = -1 if micros < 0 else 1
    return Money(currency_code=currency, units=sign * units, nanos=sign * rest * _NANOS_PER_MICRO)


def from_money(money: Money, field: str) -> int:
    """The micro-units of an amount in a request, which fit into 64 bits; the currency is not looked at.

    Raises RpcError (INVALID_ARGUMENT that names `field`) for what is no amount, finer than that or too much.
    """
    shown = f"{money.units} units, {money.nanos} nanos"
    if abs(money.nanos) >= _NANOS:
        raise invalid_argument(f"{field}.nanos", shown, f"between -{_NANOS - 1} and {_NANOS - 1}")
    if money.units * money.nanos < 0:
        raise invalid_argument(f"{field}.nanos", shown, "the same sign as units")
    if money.nanos % _NANOS_PER_MICRO:
        expected = f"a multiple of {_NANOS_PER_MICRO}: amounts are kept in micro-units"
        raise invalid_argument(f"{field}.nanos", shown, expected)
    if abs(money.units) >= _MOST_UNITS:
        raise invalid_argument(f"{field}.units", shown, f"less than {_MOST_UNITS:,} units, of either sign")
    return money.units * _MICROS + money.nanos // _NANOS_PER_MICRO
