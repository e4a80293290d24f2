"""What does one bill cycle come to: lines, recurring charges, and the total that the customer owes?"""

from dataclasses import dataclass
from fractions import Fraction
from zoneinfo import ZoneInfo

from rating.cycle import Cycle, check_held, version_for
from rating.lines import Line
from rating.tariff import Proration, Tariff


@dataclass(frozen=True, slots=True)
class RecurringAmount:
    """A recurring charge that fell due."""

    line: str
    name: str
    full: Fraction
    """For a whole cycle."""
    days: int
    """Days charged."""
    cycle_days: int
    exact: Fraction
    amount: Fraction
    """Rounded like every line."""


@dataclass(frozen=True, slots=True)
class Bill:
    """One cycle's bill under a tariff."""

    tariff: str
    currency: str
    cycle: Cycle
    lines: tuple[Line, ...]
    recurring: tuple[RecurringAmount, ...]
    exact: Fraction
    """Sum of the rounded lines and recurring amounts, before the bill itself is rounded."""
    total: Fraction


def recurring_amounts(tariff: Tariff, cycle: Cycle, held: Cycle | None = None) -> tuple[RecurringAmount, ...]:
    """The recurring charges of a cycle.

    `held` is the part of the cycle in which the customer held the plan (None: all of it). The version in force when it
    starts decides, for the whole cycle.
    """
    held = held or cycle
    check_held(cycle, held)
    version = version_for(tariff, held)
    zone = ZoneInfo(tariff.time_zone)
    days, of_days = held.days(zone), cycle.days(zone)
    amounts = []
    for charge in version.recurring:
        part = Fraction(days, of_days) if charge.proration is Proration.BY_DAY else Fraction(1)
        exact = charge.amount * part
        rounded = tariff.line_rounding.apply(exact) if tariff.line_rounding else exact
        charged_days = days if charge.proration is Proration.BY_DAY else of_days
        amounts.append(RecurringAmount(charge.line, charge.name, charge.amount, charged_days, of_days, exact, rounded))
    return tuple(amounts)


def make_bill(tariff: Tariff, cycle: Cycle, lines: tuple[Line, ...], held: Cycle | None = None) -> Bill:
    """The bill that a cycle's lines and recurring charges make."""
    recurring = recurring_amounts(tariff, cycle, held)
    exact = sum((line.amount for line in lines), Fraction(0)) + sum((r.amount for r in recurring), Fraction(0))
    total = tariff.bill_rounding.apply(exact) if tariff.bill_rounding else exact
    return Bill(tariff.id, tariff.currency, cycle, lines, recurring, exact, total)
