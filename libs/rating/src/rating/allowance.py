"""What may an account use without paying the rate for it, and what of that is left?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

MONEY = "money"
"""The unit of an allowance that pays charges instead of covering usage."""


@dataclass(frozen=True, slots=True)
class CoveredLine:
    """A bill line on which an allowance may be used."""

    line: str
    factor: Fraction = Fraction(1)
    """How much of the allowance one base unit takes: 5 where a roaming megabyte counts for five."""


@dataclass(frozen=True, slots=True)
class Block:
    """What is added when an allowance runs out."""

    size: Fraction
    """In the allowance's unit."""
    price: Fraction
    """Charged when the block is begun, on the record that begins it."""
    at_most: int
    """Blocks that a bucket may be extended by."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Usage or money that a plan includes in each bill cycle."""

    id: str
    name: str
    unit: str
    """A base unit (second, byte, message, event) or MONEY."""
    amount: Fraction
    """In base units, or in the currency."""
    covers: tuple[CoveredLine, ...]
    priority: int = 0
    """Lower ones are used first; equal ones in the order of the document."""
    price: Fraction = Fraction(0)
    """What one covered base unit still costs."""
    block: Block | None = None
    rollover_cycles: int = 0
    """How many cycles longer the unused part is kept."""
    prorated: bool = False
    """Whether a cycle that was held in part brings a part of the amount only, by days, rounded up."""
    shared: bool = False
    """Whether one bucket serves all accounts of a group (a family, a company)."""

    def factor(self, line: str) -> Fraction | None:
        """How much of it one base unit on a line takes; None when it doesn't cover the line."""
        return next((covered.factor for covered in self.covers if covered.line == line), None)


@dataclass(frozen=True, slots=True)
class Bucket:
    """An amount of an allowance that an account holds."""

    allowance: str
    amount: Fraction
    valid_from: datetime
    valid_until: datetime
    """Records that start before it may use the bucket."""
    used: Fraction = Fraction(0)
    """Blocks included: up to the amount and all blocks that may be added."""
    rollover_cycles: int = 0
    """How many more cycles the unused part may be kept."""
    owner: str = ""
    """Whose it is when accounts share it; empty: the account's own."""
    is_extended: bool = True
    """Whether the allowance's blocks are added when it runs out; not to what was rolled over."""

    @property
    def left(self) -> Fraction:
        """What is left of the amount, blocks apart."""
        return max(self.amount - self.used, Fraction(0))


@dataclass(frozen=True, slots=True)
class Counter:
    """What a line has gathered in the cycle."""

    units: int = 0
    """Base units charged, without those that allowances covered."""
    records: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """The state of one subscription's bill cycle: what it may still use, and what its lines have gathered."""

    buckets: tuple[Bucket, ...] = ()
    counters: Mapping[str, Counter] = field(default_factory=dict)
    """By bill line; lines whose prices don't depend on the cycle have none."""
