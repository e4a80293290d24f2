"""How are amounts and quantities said to a care agent?"""

from fractions import Fraction
from typing import Final

from rating import format_amount

SECONDS_PER_MINUTE: Final = 60
BYTES_PER_MEGABYTE: Final = 10**6


def money(amount: Fraction, currency: str) -> str:
    """E.g. "45.07 USD"."""
    return f"{format_amount(amount, 2)} {currency}"


def quantity(charge_code: str, count: int) -> str:
    """A quantity in the unit that people use; the service is the first part of the charge code."""
    service = charge_code.partition(".")[0]
    if service == "voice":
        return (
            f"{format_amount(Fraction(count, SECONDS_PER_MINUTE), 1)} minutes" if count % 6 == 0 else f"{count} seconds"
        )
    if service == "data":
        return f"{format_amount(Fraction(count, BYTES_PER_MEGABYTE), 1)} MB"
    return f"{count} units"


def price(charge_code: str, per_base_unit: Fraction, currency: str) -> str:
    """E.g. "0.17 USD a minute"."""
    service = charge_code.partition(".")[0]
    if service == "voice":
        return f"{money(per_base_unit * SECONDS_PER_MINUTE, currency)} a minute"
    if service == "data":
        return f"{money(per_base_unit * BYTES_PER_MEGABYTE, currency)} a MB"
    return f"{money(per_base_unit, currency)} each"
