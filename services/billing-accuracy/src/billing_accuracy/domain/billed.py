"""What does a bill ask for one charge, over all the lines that name it?"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from billing_accuracy.domain.amounts import total
from billing_accuracy.domain.bills import BillLine
from billing_accuracy.domain.expected import ExpectedCharge


@dataclass(frozen=True, slots=True)
class Stated:
    """What lines say of their records, or of their quantity."""

    total: int
    """Of the lines that say it."""
    by_all: bool

    def fits(self, possible: frozenset[int]) -> bool:
        """Whether it can be so: where some lines say nothing, the others may not say too much."""
        return self.total in possible if self.by_all else self.total <= max(possible)

    def tells(self, possible: frozenset[int]) -> bool:
        """Whether all lines say it, there is something to say, and it is so."""
        return self.by_all and self.total > 0 and self.total in possible


@dataclass(frozen=True, slots=True)
class BilledCharge:
    """What a bill asks for one charge code, in one line or several."""

    lines: tuple[BillLine, ...]
    amount: Fraction
    records: Stated
    quantity: Stated

    @classmethod
    def of(cls, lines: Sequence[BillLine]) -> Self:
        """The lines taken together; at least one."""
        return cls(
            lines=tuple(lines),
            amount=lines[0].amount if len(lines) == 1 else total(line.amount for line in lines),
            records=_stated([line.record_count for line in lines]),
            quantity=_stated([line.quantity for line in lines]),
        )

    @property
    def charge_code(self) -> str:
        """The same on all lines."""
        return self.lines[0].charge_code

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing, and says that nothing was used."""
        return not any(line.amount or line.record_count or line.quantity for line in self.lines)

    def says(self, charge: ExpectedCharge) -> bool:
        """Whether count and quantity, where lines have them, are those of the usage."""
        return self.records.fits(charge.records) and self.quantity.fits(charge.quantity)

    def is_of_type(self, charge: ExpectedCharge) -> bool:
        """Whether the lines say rightly that it is usage, or that it recurs."""
        return all(line.line_type in charge.line_types for line in self.lines)

    def is_right(self, charge: ExpectedCharge) -> bool:
        """Whether nothing is wrong with it."""
        return self.amount == charge.amount and self.says(charge) and self.is_of_type(charge)

    def is_split(self, charge: ExpectedCharge) -> bool:
        """Whether several lines are parts of the charge rather than repetitions."""
        counted = self.records.tells(charge.records) or self.quantity.tells(charge.quantity)
        return counted or self.amount == charge.amount


def by_code(lines: Iterable[BillLine]) -> Iterator[BilledCharge]:
    """The lines of each charge code taken together, in the order of the bill."""
    found: dict[str, list[BillLine]] = defaultdict(list)
    for line in lines:
        found[line.charge_code].append(line)
    return (BilledCharge.of(one) for one in found.values())


def standing(lines: Sequence[BillLine], is_right: Callable[[BillLine], bool]) -> list[BillLine]:
    """The lines of one charge without those that a line of the opposite amount takes back, and without that.

    Among lines of one amount, those that are not right are the ones taken back.
    """
    takings = [line for line in lines if line.amount < 0]
    if not takings:
        return list(lines)
    askings: dict[Fraction, list[BillLine]] = defaultdict(list)
    for line in sorted((line for line in lines if line.amount > 0), key=is_right, reverse=True):
        askings[line.amount].append(line)
    gone: set[str] = set()
    for taking in takings:
        if taken := askings[-taking.amount]:
            gone |= {taking.line_id, taken.pop().line_id}
    return [line for line in lines if line.line_id not in gone]


def _stated(said: Sequence[int | None]) -> Stated:
    numbers = [number for number in said if number is not None]
    return Stated(sum(numbers), len(numbers) == len(said))
