"""What should a bill come to, charge by charge?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Final

from billing_accuracy.domain.amounts import as_billed
from billing_accuracy.domain.bills import LineType
from billing_accuracy.domain.entries import EntryAmount
from billing_accuracy.domain.following import BillRules, Follower
from billing_accuracy.domain.prices import places, plain_prices
from rating import Line, RecurringAmount, Rounding, Tariff, format_amount

_MOST_SUMS: Final = 1000
"""After so many changes between plans without a price, lines are expected to say everything."""


@dataclass(frozen=True, slots=True)
class ChargePart:
    """What one plan contributes to a charge: usage rated under its tariff, an amount that recurs, an account entry."""

    source: Line | RecurringAmount | EntryAmount
    tariff: Tariff
    more: tuple[str, ...] = ()
    """Steps beside those of the source."""

    @property
    def rounding_gap(self) -> Fraction:
        """How much further the amount would be, had a tie been rounded the other way; 0 when it is no tie."""
        rounding = self.tariff.line_rounding
        if rounding is None or not rounding.is_tie(self.source.exact):
            return Fraction()
        return sum(rounding.neighbours(self.source.exact), Fraction()) - 2 * self.source.amount

    @property
    def price(self) -> Fraction | None:
        """Price of one base unit, when it alone explains the amount: no increments, steps or connection fees."""
        if not isinstance(self.source, Line):
            return None
        prices = {price for part in self.source.parts for _, price in part.units}
        if len(prices) != 1 or self.source.exact != self.source.quantity * min(prices):
            return None
        return min(prices)

    def other_prices(self) -> Mapping[str, Fraction]:
        """Plain prices of a base unit of the same service, by charge code, in the version that priced the usage."""
        if not isinstance(self.source, Line):
            return {}
        rated = self.source.parts[0]
        return plain_prices(self.tariff, rated.version, rated.service)

    def is_of_other_zone(self, code: str, other: str) -> bool:
        """Whether the rates of two charges differ in zone or roaming zone, and not only in time band."""
        if not isinstance(self.source, Line):
            return False
        rated = self.source.parts[0]
        return places(self.tariff, rated.version, code) != places(self.tariff, rated.version, other)

    def explain(self) -> list[str]:
        """How it comes about, step by step."""
        if isinstance(self.source, Line):
            return [*self.source.explain().splitlines(), *self.more]
        if isinstance(self.source, EntryAmount):
            return [self.source.explain()]
        one = self.source
        full, amount = format_amount(one.full, 2), format_amount(one.amount, 2)
        return [f"{one.name}: {one.days} of {one.cycle_days} days of {full} = {amount}"]


@dataclass(frozen=True, slots=True)
class ExpectedCharge:
    """What one charge code should come to."""

    charge_code: str
    line_types: frozenset[LineType]
    records: frozenset[int]
    """How many records lines may say: all, or all but those of a plan under which they cost nothing."""
    quantity: frozenset[int]
    """How many base units lines may say, likewise."""
    amount: Fraction
    """To the micro-unit, as a bill can say it."""
    parts: tuple[ChargePart, ...] = ()
    """How it comes about; empty where only the figures were asked for."""

    @property
    def line_type(self) -> LineType:
        """Of a line that stands for it."""
        return min(self.line_types, key=list(LineType).index)

    @property
    def service(self) -> str | None:
        """What it is usage of; None for a charge that is for no usage."""
        lines = (part.source for part in self.parts if isinstance(part.source, Line))
        return next((line.parts[0].service for line in lines), None)

    @property
    def is_of_plan(self) -> bool:
        """Whether plans make it, rather than what happened on the account."""
        return self.line_types <= {LineType.USAGE, LineType.RECURRING}

    def is_rounded_other_way(self, amount: Fraction) -> bool:
        """Whether an amount differs only by the way in which ties were rounded."""
        reached = {self.amount}
        for gap in (part.rounding_gap for part in self.parts):
            reached |= {one + gap for one in reached}
        return amount != self.amount and amount in reached

    def rounding_of(self, amount: Fraction) -> str | None:
        """Which way the exact amount is rounded against what is declared, in words, if that gives so much."""
        part = self.parts[0]
        declared = part.tariff.line_rounding
        if len(self.parts) != 1 or declared is None or isinstance(part.source, EntryAmount):
            return None
        if amount in declared.neighbours(part.source.exact):
            way = "up" if amount > part.source.exact else "down"
            return f"{way}, where the tariff rounds {str(declared.method).replace('_', ' ')}"
        return None

    def days_of(self, amount: Fraction) -> int | None:
        """For how many days a recurring charge would come to so much; None when for no number of days of the period."""
        part = self.parts[0]
        if len(self.parts) != 1 or not isinstance(part.source, RecurringAmount):
            return None
        one, rounding = part.source, part.tariff.line_rounding
        days = (number for number in range(one.cycle_days, 0, -1) if number != one.days)
        return next((each for each in days if as_billed(one.full * each / one.cycle_days, rounding) == amount), None)

    def at_quantity(self, quantity: int) -> Fraction | None:
        """What another quantity would have come to; None when no one price says so."""
        part = self.parts[0]
        if len(self.parts) != 1 or part.price is None:
            return None
        return as_billed(quantity * part.price, part.tariff.line_rounding)

    def at_price_of(self, charge_code: str, quantity: int | None = None) -> Fraction | None:
        """What the usage (or another quantity in its place) would have come to at the price of another charge."""
        amount = Fraction()
        for part in self.parts:
            price = part.other_prices().get(charge_code)
            if price is None or part.price is None or not isinstance(part.source, Line):
                return None
            used = part.source.quantity if quantity is None else quantity
            amount += as_billed(used * price, part.tariff.line_rounding)
        return amount if quantity is None or len(self.parts) == 1 else None

    def derivation(self) -> tuple[str, ...]:
        """How the amount comes about, step by step."""
        return tuple(step for part in self.parts for step in part.explain())


@dataclass(frozen=True, slots=True)
class ExpectedBill:
    """What a bill should be."""

    plans: tuple[str, ...]
    """`plans/{plan}` in force in the period, in order."""
    charges: Mapping[str, ExpectedCharge]
    known_codes: frozenset[str]
    """Charge codes of the plans in force, used or not."""
    unrated_records: int
    """Records in the period that no plan in force has a price for."""
    rounding: Rounding | None
    """Of the total; None: it is the sum of the lines."""
    rules: BillRules
    followers: Mapping[str, Follower]
    """What follows from the charges, by code."""

    @property
    def lines_total(self) -> Fraction:
        """Sum of the charges and of what follows from them."""
        following = sum((one.amount for one in self.followers.values() if one.in_total), Fraction())
        return sum((charge.amount for charge in self.charges.values()), following)

    @property
    def total(self) -> Fraction:
        """What the bill should ask for."""
        return self.rounded(self.lines_total)

    def rounded(self, lines: Fraction) -> Fraction:
        """The total of lines that come to so much."""
        return as_billed(lines, self.rounding)

    def may_total(self, lines: Fraction, total: Fraction) -> bool:
        """Whether lines that come to so much have this total; a tie may be rounded either way."""
        if self.rounding is not None and self.rounding.is_tie(lines):
            return total in self.rounding.neighbours(lines)
        return total == self.rounded(lines)


def merge_charges(charges: Iterable[ExpectedCharge]) -> dict[str, ExpectedCharge]:
    """By charge code; those of several plans are added up."""
    merged: dict[str, list[ExpectedCharge]] = {}
    for charge in charges:
        merged.setdefault(charge.charge_code, []).append(charge)
    return {code: reduce(_add, found) for code, found in merged.items()}


def _add(left: ExpectedCharge, right: ExpectedCharge) -> ExpectedCharge:
    return ExpectedCharge(
        charge_code=left.charge_code,
        line_types=left.line_types | right.line_types,
        records=_sums(left, left.records, right, right.records),
        quantity=_sums(left, left.quantity, right, right.quantity),
        amount=left.amount + right.amount,
        parts=left.parts + right.parts,
    )


def _sums(
    left: ExpectedCharge, of_left: frozenset[int], right: ExpectedCharge, of_right: frozenset[int]
) -> frozenset[int]:
    """What lines may say of both: what comes to nothing needs no line."""
    alone = (frozenset() if left.amount else of_right) | (frozenset() if right.amount else of_left)
    sums = frozenset(one + other for one in of_left for other in of_right) | alone
    return sums if len(sums) <= _MOST_SUMS else frozenset({max(sums)})
