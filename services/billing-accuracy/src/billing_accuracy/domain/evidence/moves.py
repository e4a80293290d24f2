"""Is usage counted twice, or under another charge than its own?"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from billing_accuracy.domain.billed import BilledCharge
from billing_accuracy.domain.evidence.records import BillRecords, UsedOn
from billing_accuracy.domain.expected import ExpectedCharge
from billing_accuracy.domain.matching import Pair
from billing_accuracy.domain.variants import Variant

_MOST_COUNTED_TWICE = 2
"""More records at a time are another mistake than counting some twice."""


@dataclass(frozen=True, slots=True)
class Move:
    """Records of one charge that are billed as another."""

    left: ExpectedCharge
    """The charge that they are."""
    billed: BilledCharge | None
    """What the bill asks for it; None when nothing."""
    right: Pair
    """Where they stand."""
    count: int
    quantity: int

    @property
    def pairs(self) -> Sequence[Pair]:
        """What it explains."""
        return [self.right, *([Pair(self.billed, self.left)] if self.billed else [])]


def reported_twice(pairs: Collection[Pair], variants: Sequence[Variant]) -> list[Pair]:
    """Charges that are wrong, and right had usage that was reported under two ids been used twice."""
    counted = next((one for one in variants if one.counts), None)
    if counted is None:
        return []
    return [pair for pair in pairs if not pair.is_right and _is_as(pair, counted)]


def moves(pairs: Sequence[Pair], missing: Sequence[ExpectedCharge]) -> Iterator[Move]:
    """Where just as many records, with just as much usage, are too few on one charge and too many on another."""
    wrong = [pair for pair in pairs if not pair.is_right and _says_all(pair)]
    too_few: list[tuple[ExpectedCharge, BilledCharge | None]] = [(pair.charge, pair.billed) for pair in wrong]
    too_few += [(charge, None) for charge in missing if charge.service is not None]
    used: set[str] = set()
    for charge, billed in too_few:
        lack = _lack(charge, billed)
        for right in wrong:
            there = _lack(right.charge, right.billed)
            fits = min(lack) > 0 and (-there[0], -there[1]) == lack
            taken = used & {charge.charge_code, right.charge.charge_code}
            if fits and not taken and charge.service == right.charge.service and _is_priced(charge, billed, right):
                used |= {charge.charge_code, right.charge.charge_code}
                yield Move(charge, billed, right, *lack)
                break


def counted_twice(pair: Pair, records: BillRecords) -> Sequence[UsedOn] | None:
    """Single records that make up exactly what the bill counts too much."""
    if not _says_all(pair) or pair.charge.service is None:
        return None
    count, quantity = (-number for number in _lack(pair.charge, pair.billed))
    if not 0 < count <= _MOST_COUNTED_TWICE or quantity <= 0 or not _is_right_for(pair.charge, pair.billed):
        return None
    return records.that_make(pair.charge.charge_code, count, quantity)


def _is_as(pair: Pair, variant: Variant) -> bool:
    code, billed = pair.charge.charge_code, pair.billed
    if code not in variant.counts or billed.amount != variant.amounts.get(code, 0):
        return False
    records, quantity = variant.counts[code]
    return billed.records.fits(frozenset({records})) and billed.quantity.fits(frozenset({quantity}))


def _says_all(pair: Pair) -> bool:
    return pair.billed.records.by_all and pair.billed.quantity.by_all


def _lack(charge: ExpectedCharge, billed: BilledCharge | None) -> tuple[int, int]:
    """Records and quantity that the bill has too few of a charge."""
    records, quantity = max(charge.records), max(charge.quantity)
    return (records, quantity) if billed is None else (records - billed.records.total, quantity - billed.quantity.total)


def _is_priced(charge: ExpectedCharge, billed: BilledCharge | None, right: Pair) -> bool:
    """Whether both amounts are right for what the lines say."""
    return (billed is None or _is_right_for(charge, billed)) and _is_right_for(right.charge, right.billed)


def _is_right_for(charge: ExpectedCharge, billed: BilledCharge) -> bool:
    """Whether the amount is right for the quantity that is said; yes where no single price tells."""
    return charge.at_quantity(billed.quantity.total) in {None, billed.amount}
