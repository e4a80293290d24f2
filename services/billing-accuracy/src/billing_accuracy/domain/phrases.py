"""In which words are charges and lines told to a care agent?"""

from collections.abc import Sequence
from typing import Final

from billing_accuracy.domain import words
from billing_accuracy.domain.bills import BillLine, LineType
from billing_accuracy.domain.expected import ExpectedCharge
from billing_accuracy.domain.matching import Pair

TYPES: Final = {
    LineType.USAGE: "usage",
    LineType.RECURRING: "a recurring charge",
    LineType.ONE_OFF: "a one-off charge",
    LineType.SURCHARGE: "a surcharge",
    LineType.CREDIT: "a credit",
    LineType.COMMITMENT: "a commitment",
    LineType.DISCOUNT: "a discount",
    LineType.TAX: "a tax",
}


def used(charge: ExpectedCharge) -> str:
    """E.g. "voice.day: 10.0 minutes in 2 records"."""
    if charge.service is None:
        return charge.charge_code
    amount = words.quantity(charge.service, max(charge.quantity))
    return f"{charge.charge_code}: {amount} in {words.counted(max(charge.records), 'record')}"


def comes_to(charge: ExpectedCharge) -> str:
    """What an amount follows."""
    return f"{used(charge)} {'comes' if charge.service is None else 'come'} to"


def stored(charge: ExpectedCharge) -> str:
    """What is known of a charge's usage."""
    if charge.service is None:
        return f"{charge.charge_code} is {TYPES[charge.line_type]} and covers no usage"
    return f"{used(charge)} are stored"


def said(pair: Pair) -> str:
    """What the bill says, where it is not so."""
    service, parts = pair.charge.service, []
    if not pair.billed.quantity.fits(pair.charge.quantity):
        total = pair.billed.quantity.total
        parts.append(f"a quantity of {total}" if service is None else words.quantity(service, total))
    if not pair.billed.records.fits(pair.charge.records):
        parts.append(words.counted(pair.billed.records.total, "record"))
    return " in ".join(parts)


def lines(found: Sequence[BillLine], one: str, several: str) -> str:
    """E.g. "line 7 asks for", "lines 7 and 8 ask for"."""
    ids = words.names([line.line_id for line in found])
    return f"line {ids} {one}" if len(found) == 1 else f"lines {ids} {several}"
