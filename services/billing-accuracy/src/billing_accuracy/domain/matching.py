"""Which lines of a bill are which of the charges that are due, and what is left over on either side?"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from billing_accuracy.domain.billed import BilledCharge, by_code, standing
from billing_accuracy.domain.bills import BillLine
from billing_accuracy.domain.expected import ExpectedBill, ExpectedCharge


@dataclass(frozen=True, slots=True)
class Pair:
    """What is billed, and the charge that it should be."""

    billed: BilledCharge
    charge: ExpectedCharge

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.billed.is_right(self.charge)

    @property
    def is_off(self) -> bool:
        """Whether the amount is wrong, by more than the way in which a tie was rounded."""
        amount = self.billed.amount
        return amount != self.charge.amount and not self.charge.is_rounded_other_way(amount)


@dataclass(frozen=True, slots=True)
class Matched:
    """A bill beside what it should be."""

    pairs: tuple[Pair, ...]
    """Charges that are on the bill, rightly or wrongly."""
    again: tuple[Pair, ...]
    """What is asked for a charge beside the lines that are it."""
    misnamed: tuple[Pair, ...]
    """A line under a wrong code, and the charge that it is."""
    unexpected: tuple[BilledCharge, ...]
    """What is asked for, and not due."""
    missing: tuple[ExpectedCharge, ...]
    """What is due, and not asked for."""

    def without(self, pairs: Collection[Pair], missing: Collection[ExpectedCharge] = ()) -> "Matched":
        """The rest, once these are told."""
        return replace(
            self,
            pairs=tuple(pair for pair in self.pairs if pair not in pairs),
            missing=tuple(charge for charge in self.missing if charge not in missing),
        )

    @property
    def off(self) -> list[Pair]:
        """Charges with a wrong amount."""
        return [pair for pair in self.pairs if pair.is_off]


def match(lines: Sequence[BillLine], expected: ExpectedBill) -> Matched:
    """Put every line of a charge beside what is due."""
    pairs: list[Pair] = []
    strays: list[BillLine] = []
    for whole in by_code(lines):
        charge = expected.charges.get(whole.charge_code)
        own, beside = _told_apart(whole, charge)
        if own is not None and charge is not None:
            pairs.append(Pair(own, charge))
        strays += beside
    found = {pair.charge.charge_code for pair in pairs}
    missing = [charge for code, charge in expected.charges.items() if code not in found and charge.amount]
    misnamed = _misnamed(strays, missing)
    named = {pair.billed.lines[0].line_id for pair in misnamed}
    owed = {pair.charge.charge_code for pair in misnamed}
    left = list(by_code(line for line in strays if line.line_id not in named))
    return Matched(
        pairs=tuple(pairs),
        again=tuple(
            Pair(one, expected.charges[one.charge_code])
            for one in left
            if one.charge_code in found and not one.is_empty
        ),
        misnamed=misnamed,
        unexpected=tuple(
            one
            for one in left
            if one.charge_code not in found and not (one.is_empty and one.charge_code in expected.known_codes)
        ),
        missing=tuple(charge for charge in missing if charge.charge_code not in owed),
    )


def _told_apart(whole: BilledCharge, charge: ExpectedCharge | None) -> tuple[BilledCharge | None, Sequence[BillLine]]:
    """Of the lines of one code: those that are the charge, rightly or wrongly, and those beside them."""
    if charge is None:
        return None, standing(whole.lines, lambda _: False)
    if whole.is_right(charge):
        return whole, ()
    right = {
        line.line_id
        for line in whole.lines
        if line.amount == charge.amount and BilledCharge.of([line]).is_right(charge)
    }
    lines = standing(whole.lines, lambda line: line.line_id in right)
    if not lines:
        return None, ()
    left = BilledCharge.of(lines)
    alone = next((line for line in lines if line.line_id in right), None)
    if alone is None and (len(lines) == 1 or left.is_split(charge)):
        return left, ()
    own = alone or min(lines, key=lambda line: abs(line.amount - charge.amount))
    return BilledCharge.of([own]), [line for line in lines if line is not own]


def _misnamed(strays: Iterable[BillLine], missing: Iterable[ExpectedCharge]) -> tuple[Pair, ...]:
    """Strays that are exactly a charge that is missing, but for their code."""
    by_amount: dict[Fraction, list[ExpectedCharge]] = defaultdict(list)
    for charge in missing:
        by_amount[charge.amount].append(charge)
    pairs = []
    for line in strays:
        if line.amount not in by_amount:
            continue
        billed = BilledCharge.of([line])
        fitting = [charge for charge in by_amount[line.amount] if billed.is_right(charge)]
        if fitting:
            by_amount[line.amount].remove(fitting[0])
            pairs.append(Pair(billed, fitting[0]))
    return tuple(pairs)
