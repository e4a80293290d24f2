"""How are amounts and quantities said to a care agent?"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from rating import BASE_UNIT, MINOR_UNITS, Service, format_amount

SECONDS_PER_MINUTE: Final = 60
BYTES_PER_MEGABYTE: Final = 10**6
_SECONDS_PER_TENTH: Final = 6
_MOST_NAMED: Final = 5
"""More names than this are counted: the finding lists them all."""


def money(amount: Fraction, currency: str) -> str:
    """E.g. "45.07 USD"."""
    return f"{format_amount(amount, MINOR_UNITS.get(currency, 2))} {currency}"


def quantity(service: str, count: int) -> str:
    """A quantity in the unit that people use."""
    if service == Service.VOICE and count % _SECONDS_PER_TENTH == 0:
        return f"{format_amount(Fraction(count, SECONDS_PER_MINUTE), 1)} minutes"
    if service == Service.DATA:
        return f"{format_amount(Fraction(count, BYTES_PER_MEGABYTE), 1)} MB"
    return counted(count, BASE_UNIT[Service(service)])


def price(service: str, per_base_unit: Fraction, currency: str) -> str:
    """E.g. "0.17 USD a minute"."""
    if service == Service.VOICE:
        return f"{money(per_base_unit * SECONDS_PER_MINUTE, currency)} a minute"
    if service == Service.DATA:
        return f"{money(per_base_unit * BYTES_PER_MEGABYTE, currency)} a MB"
    return f"{money(per_base_unit, currency)} each"


def counted(count: int, noun: str) -> str:
    """E.g. "1 record", "99 records"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def names(found: Sequence[str]) -> str:
    """E.g. "a, b and c"; of very many the first ones and how many more."""
    if len(found) > _MOST_NAMED:
        return f"{', '.join(found[:_MOST_NAMED])} and {len(found) - _MOST_NAMED} more"
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)
