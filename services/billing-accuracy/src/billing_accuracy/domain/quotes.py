"""Is the first bill what the customer was promised?"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final

from billing_accuracy.domain import words
from billing_accuracy.domain.amounts import as_billed
from billing_accuracy.domain.bills import LineType
from billing_accuracy.domain.expected import ExpectedBill, ExpectedCharge
from billing_accuracy.domain.findings import Finding, FindingClass
from rating import RecurringAmount

_NOTHING: Final = Fraction()
_PROMISED: Final = frozenset({LineType.RECURRING, LineType.ONE_OFF})
"""Kinds of charges that quotes name; usage is not foreseen."""


@dataclass(frozen=True, slots=True)
class QuoteItem:
    """A charge that was promised."""

    charge_code: str
    line_type: LineType
    amount: Fraction
    """For a whole cycle, or once."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What was promised."""

    source: str
    quote_id: str
    subscription: str
    plan: str
    promise_time: datetime
    currency: str
    """Of the items; empty without any."""
    items: tuple[QuoteItem, ...]


def against_quote(quote: Quote, expected: ExpectedBill, currency: str) -> Iterator[Finding]:
    """What the first bill, as it should be by plan and account, asks for that was not promised, or otherwise.

    A promised fee counts for the days for which the plan's own is charged. Charges that were promised and are not on
    the bill are no finding: nobody asks for them.
    """
    name = f"quote {quote.source}/{quote.quote_id}"
    if expected.plans[0] != quote.plan:
        text = f"{name} promised {quote.plan}, and the bill is made under {expected.plans[0]}"
        yield Finding(FindingClass.QUOTE, (), "", _NOTHING, _NOTHING, text, in_total=False)
    promised = {item.charge_code: item for item in quote.items}
    for code, charge in expected.charges.items():
        if not charge.line_types <= _PROMISED or not charge.amount:
            continue
        item = promised.get(code)
        right = _NOTHING if item is None else _for_days(item, charge)
        if charge.amount != right:
            asked, said = words.money(charge.amount, currency), words.money(right, currency)
            what = f"{said} of {code}" if item else f"nothing of {code}"
            text = f"{name} promised {what}; by plan and account it is {asked}"
            yield Finding(FindingClass.QUOTE, (), code, charge.amount, right, text, charge.derivation(), in_total=False)


def _for_days(item: QuoteItem, charge: ExpectedCharge) -> Fraction:
    """The promised amount for the days that the plan was held."""
    parts = [part for part in charge.parts if isinstance(part.source, RecurringAmount)]
    if item.line_type is not LineType.RECURRING or not parts:
        return item.amount
    source, rounding = parts[0].source, parts[0].tariff.line_rounding
    if not isinstance(source, RecurringAmount):
        return item.amount
    days = sum(part.source.days for part in parts if isinstance(part.source, RecurringAmount))
    return as_billed(item.amount * Fraction(days, source.cycle_days), rounding)
