"""What of a bill's usage may not be charged, because a spending limit had stopped it?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from billing_accuracy.domain.amounts import as_billed
from billing_accuracy.domain.expected import ChargePart, ExpectedCharge
from billing_accuracy.domain.usage import Uncharged
from rating import Line, format_amount


@dataclass(frozen=True, slots=True)
class Stopped:
    """What is taken off one plan's charges."""

    plan: str
    uncharged: Sequence[Uncharged]
    quantities: Sequence[int]
    """What each of the records used."""

    def off(self, charge: ExpectedCharge) -> ExpectedCharge:
        """The charge without it: what was rated, less what isn't charged, rounded once.

        Lines may count the records that cost nothing so, or leave them out.
        """
        pairs = zip(self.uncharged, self.quantities, strict=True)
        mine = [pair for pair in pairs if (pair[0].plan, pair[0].charge_code) == (self.plan, charge.charge_code)]
        line = charge.parts[0].source if charge.parts else None
        if not mine or not isinstance(line, Line):
            return charge
        less = sum((one.amount for one, _ in mine), Fraction())
        exact = line.exact - less
        amount = exact if line.rounding is None else line.rounding.apply(exact)
        told = f"{format_amount(less, 2)} of it is not charged: a spending limit had stopped the service"
        part = ChargePart(
            replace(line, exact=exact, amount=amount), charge.parts[0].tariff, (*charge.parts[0].more, told)
        )
        return replace(
            charge,
            records=charge.records | {line.records - len({one.record for one, _ in mine})},
            quantity=charge.quantity | {line.quantity - sum(quantity for _, quantity in mine)},
            amount=as_billed(amount, None),
            parts=(part,),
        )
