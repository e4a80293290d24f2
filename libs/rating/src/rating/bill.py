"""What does one bill cycle come to: lines, recurring charges, discounts, taxes, and the total that is owed?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from zoneinfo import ZoneInfo

from rating.bill_rules import Commitment, Discount, OneOffCharge, Tax, concerns
from rating.cycle import Cycle, check_held, version_for
from rating.errors import RatingError
from rating.lines import Line
from rating.money import Rounding
from rating.tariff import Proration, Tariff, Version

_NOTHING = Fraction(0)


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
class BillItem:
    """An amount that a rule of the tariff put on the bill."""

    line: str
    name: str
    amount: Fraction
    """Rounded like every line; a discount is negative."""
    rule: str = ""
    """Id of the one-off charge or the discount; empty for a commitment, of which there is one."""


@dataclass(frozen=True, slots=True)
class TaxAmount:
    """A tax on the bill."""

    id: str
    name: str
    percent: Fraction
    base: Fraction
    """What it is on: with the tax where prices include it."""
    amount: Fraction
    """Rounded like every line."""
    included: bool


@dataclass(frozen=True, slots=True)
class RuledAmounts:
    """What the rules of a tariff version make of the items of a bill."""

    commitment: BillItem | None
    """What was missing to the least amount; None when nothing was."""
    discounts: tuple[BillItem, ...]
    """Each discount on each item that it reduced."""
    taxes: tuple[TaxAmount, ...]
    net: Fraction
    """Sum of the items after commitment and discounts, included taxes and all; taxes on top are not in it."""


@dataclass(frozen=True, slots=True)
class Bill:
    """One cycle's bill under a tariff."""

    tariff: str
    currency: str
    cycle: Cycle
    lines: tuple[Line, ...]
    recurring: tuple[RecurringAmount, ...]
    one_offs: tuple[BillItem, ...]
    commitment: BillItem | None
    """What was missing to the least amount; None when nothing was."""
    discounts: tuple[BillItem, ...]
    """Each discount on each line that it reduced."""
    taxes: tuple[TaxAmount, ...]
    exact: Fraction
    """Sum of all of these, included taxes apart, before the bill itself is rounded."""
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
        rounded = _rounded(exact, tariff.line_rounding)
        charged_days = days if charge.proration is Proration.BY_DAY else of_days
        amounts.append(RecurringAmount(charge.line, charge.name, charge.amount, charged_days, of_days, exact, rounded))
    return tuple(amounts)


def make_bill(
    tariff: Tariff,
    cycle: Cycle,
    lines: tuple[Line, ...],
    held: Cycle | None = None,
    one_offs: Sequence[str] = (),
) -> Bill:
    """The bill that a cycle's lines make under the version in force when the customer held the plan first.

    `one_offs` are the ids of the tariff's one-off charges that fell due, each as often as it did.
    """
    version = version_for(tariff, held or cycle)
    recurring = recurring_amounts(tariff, cycle, held)
    acts = tuple(_one_off(version, tariff, charge_id) for charge_id in one_offs)
    items = [
        *((line.name, line.amount) for line in lines),
        *((item.line, item.amount) for item in recurring),
        *((act.line, act.amount) for act in acts),
    ]
    ruled = apply_rules(version, tariff.line_rounding, items)
    exact = ruled.net + sum((tax.amount for tax in ruled.taxes if not tax.included), _NOTHING)
    return Bill(
        tariff=tariff.id,
        currency=tariff.currency,
        cycle=cycle,
        lines=lines,
        recurring=recurring,
        one_offs=acts,
        commitment=ruled.commitment,
        discounts=ruled.discounts,
        taxes=ruled.taxes,
        exact=exact,
        total=_rounded(exact, tariff.bill_rounding),
    )


def apply_rules(version: Version, rounding: Rounding | None, items: Iterable[tuple[str, Fraction]]) -> RuledAmounts:
    """What commitment, discounts and taxes of a version make of items, given as (line, amount) in order of the bill."""
    net = _Net(rounding, items)
    commitment = net.commit(version.commitment) if version.commitment else None
    discounts = tuple(item for discount in version.discounts for item in net.reduce(discount))
    taxes = tuple(net.tax(tax) for tax in version.taxes)
    return RuledAmounts(commitment, discounts, taxes, net.total())


def _one_off(version: Version, tariff: Tariff, charge_id: str) -> BillItem:
    charges: dict[str, OneOffCharge] = {charge.id: charge for charge in version.one_offs}
    if charge_id not in charges:
        known = ", ".join(charges) or "there is none"
        raise RatingError("one_offs", charge_id, f"one of the one-off charges of tariff {tariff.id}: {known}")
    charge = charges[charge_id]
    return BillItem(charge.line, charge.name, _rounded(charge.amount, tariff.line_rounding), charge.id)


class _Net:
    """What each item of a bill comes to while rules work on it, in order of the bill."""

    def __init__(self, rounding: Rounding | None, items: Iterable[tuple[str, Fraction]]) -> None:
        self._rounding = rounding
        self._items = list(items)

    def total(self, lines: tuple[str, ...] = ()) -> Fraction:
        """The sum of certain lines; of all when there are none."""
        return sum((amount for line, amount in self._items if concerns(lines, line)), _NOTHING)

    def commit(self, commitment: Commitment) -> BillItem | None:
        """Charge what is missing to the least amount."""
        missing = commitment.amount - self.total(commitment.lines)
        if missing <= 0:
            return None
        item = BillItem(commitment.line, commitment.name, _rounded(missing, self._rounding))
        self._items.append((item.line, item.amount))
        return item

    def reduce(self, discount: Discount) -> list[BillItem]:
        """Take a discount from the items that it concerns; none falls below nothing."""
        left, items = discount.amount, []
        for position, (line, amount) in enumerate(self._items):
            if not concerns(discount.lines, line) or amount <= 0:
                continue
            if left is None:
                taken = _rounded(amount * (discount.percent or 0) / 100, self._rounding)
            else:
                taken = min(left, amount)
                left -= taken
            if taken:
                self._items[position] = (line, amount - taken)
                items.append(BillItem(line, discount.name, -taken, discount.id))
        return items

    def tax(self, tax: Tax) -> TaxAmount:
        base = self.total(tax.lines)
        share = tax.percent / (100 + tax.percent) if tax.included else tax.percent / 100
        amount = _rounded(base * share, self._rounding)
        return TaxAmount(tax.id, tax.name, tax.percent, base, amount, tax.included)


def _rounded(amount: Fraction, rounding: Rounding | None) -> Fraction:
    return rounding.apply(amount) if rounding else amount
