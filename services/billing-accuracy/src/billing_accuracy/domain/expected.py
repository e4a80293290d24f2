"""What should a bill come to, charge by charge?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from rating import Line, RecurringAmount, Rounding

from billing_accuracy.domain.bills import LineType


@dataclass(frozen=True, slots=True)
class ExpectedCharge:
    """What one charge code should come to."""

    charge_code: str
    line_type: LineType
    records: int
    quantity: int
    amount: Fraction
    lines: tuple[Line, ...] = ()
    """Rated usage behind it: one per plan that was in force in the period."""
    recurring: tuple[RecurringAmount, ...] = ()

    @property
    def line(self) -> Line | None:
        """The rated line, when it is one."""
        return self.lines[0] if len(self.lines) == 1 and not self.recurring else None

    @property
    def price(self) -> Fraction | None:
        """Price of one base unit, when all of the usage has one price and nothing else is charged."""
        line = self.line
        if line is None:
            return None
        prices = {price for part in line.parts for _, price in part.units}
        if len(prices) != 1 or line.exact != line.quantity * next(iter(prices)):
            return None  # increments, steps or connection fees: no one price explains the amount
        return next(iter(prices))

    @property
    def rounding(self) -> Rounding | None:
        """How its lines are rounded."""
        return self.lines[0].rounding if self.lines else None

    def derivation(self) -> tuple[str, ...]:
        """How the amount comes about, step by step."""
        steps = [step for line in self.lines for step in line.explain().splitlines()]
        steps += [
            f"{one.name}: {one.days} of {one.cycle_days} days of {one.full} = {one.amount}" for one in self.recurring
        ]
        return tuple(steps)


@dataclass(frozen=True, slots=True)
class ExpectedBill:
    """What a bill should be."""

    plan: str
    """`plans/{plan}` in force at the end of the period."""
    charges: Mapping[str, ExpectedCharge]
    known_codes: frozenset[str]
    """Charge codes of the plans in force, used or not."""
    rates: Mapping[str, Fraction]
    """Price of a base unit by charge code, where the code has one price alone."""
    unrated_records: int
    """Records for which the plan has no price."""

    @property
    def total(self) -> Fraction:
        """Sum of the charges."""
        return sum((charge.amount for charge in self.charges.values()), Fraction())


def merge_charges(charges: Iterable[ExpectedCharge]) -> dict[str, ExpectedCharge]:
    """By charge code; those of several plans are added up."""
    merged: dict[str, ExpectedCharge] = {}
    for charge in charges:
        known = merged.get(charge.charge_code)
        merged[charge.charge_code] = charge if known is None else _add(known, charge)
    return merged


def _add(left: ExpectedCharge, right: ExpectedCharge) -> ExpectedCharge:
    return ExpectedCharge(
        charge_code=left.charge_code,
        line_type=left.line_type,
        records=left.records + right.records,
        quantity=left.quantity + right.quantity,
        amount=left.amount + right.amount,
        lines=left.lines + right.lines,
        recurring=left.recurring + right.recurring,
    )
