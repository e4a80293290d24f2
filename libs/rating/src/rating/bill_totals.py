"""What do the bills of thousands come to under a tariff's bill rules? The totals of make_bill, in columns."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rating.amounts import round_to, running_totals, sum_by
from rating.bill_rules import Commitment, Discount, Tax, concerns
from rating.money import Rounding
from rating.tables import Numerators
from rating.tariff import Version
from rating.timeline import Ints


@dataclass(frozen=True, slots=True)
class BillItems:
    """The items of many bills: one row an item, ordered by bill and, within it, as they stand on it."""

    bill: Ints
    line: Ints
    """Index into `names`."""
    amount: Numerators
    """Python ints over `scale`."""
    names: tuple[str, ...]
    scale: int
    """Every rule's amounts are whole numbers over it."""
    count: int
    """How many bills."""
    rounding: Rounding | None
    """Of lines."""

    def total(self, version: Version) -> Numerators:
        """Each bill's sum after the rules of a version, before the bill is rounded."""
        items = self.committed(version.commitment) if version.commitment else self
        for discount in version.discounts:
            items = items.reduced(discount)
        totals = sum_by(items.bill, items.amount, self.count).astype(object)
        for tax in version.taxes:
            if not tax.included:
                totals = totals + items.taxed(tax)
        return totals

    def _concerned(self, lines: tuple[str, ...]) -> NDArray[np.bool_]:
        mask = np.array([concerns(lines, name) for name in self.names], bool)
        return mask[self.line] if len(mask) else np.zeros(0, bool)

    def _sums(self, lines: tuple[str, ...]) -> Numerators:
        chosen = self._concerned(lines)
        return sum_by(self.bill[chosen], self.amount[chosen], self.count).astype(object)

    def _rounded(self, amounts: Numerators) -> Numerators:
        if self.rounding is None:
            return amounts
        return round_to(amounts, self.scale // self.rounding.unit, self.rounding.method)

    def committed(self, commitment: Commitment) -> "BillItems":
        """The items with what is missing to the least amount of each bill."""
        missing = int(commitment.amount * self.scale) - self._sums(commitment.lines)
        short = np.flatnonzero(missing > 0)
        number = self.names.index(commitment.line)
        bill = np.concatenate([self.bill, short])
        order = np.argsort(bill, kind="stable")
        return replace(
            self,
            bill=bill[order],
            line=np.concatenate([self.line, np.full(len(short), number)])[order],
            amount=np.concatenate([self.amount, self._rounded(missing[short])])[order],
        )

    def reduced(self, discount: Discount) -> "BillItems":
        """The items after a discount."""
        rows = np.flatnonzero(self._concerned(discount.lines) & (self.amount > 0))
        if not len(rows):
            return self
        amount = self.amount[rows]
        if discount.amount is None:
            taken = self._rounded(_part(amount, (discount.percent or Fraction(0)) / 100))
        else:
            bill = self.bill[rows]
            first = np.append([True], bill[1:] != bill[:-1])
            before = running_totals(amount, first) - amount
            taken = np.minimum(np.maximum(int(discount.amount * self.scale) - before, 0), amount)
        left = self.amount.copy()
        left[rows] = amount - taken
        return replace(self, amount=left)

    def taxed(self, tax: Tax) -> Numerators:
        """What a tax on top of prices comes to on each bill."""
        return self._rounded(_part(self._sums(tax.lines), tax.percent / 100))


def _part(amounts: Numerators, part: Fraction) -> Numerators:
    """A part of each amount; the scale is such that it is whole."""
    result: Numerators = amounts * part.numerator // part.denominator
    return result


def rules_scale(version: Version) -> int:
    """By how much a scale must grow for everything that a version's rules make to be whole over it."""
    scale = 1
    for percent in (*(discount.percent for discount in version.discounts), *(tax.percent for tax in version.taxes)):
        scale *= (percent / 100).denominator if percent else 1
    amounts = [discount.amount for discount in version.discounts if discount.amount is not None]
    amounts += [version.commitment.amount] if version.commitment else []
    for amount in amounts:
        scale *= amount.denominator
    return scale
