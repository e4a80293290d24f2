"""What does a tariff do to a bill as a whole: least amount, discounts, taxes, charges for single acts?"""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class OneOffCharge:
    """A price for an act, such as an activation; it falls due when the caller says that the act took place."""

    id: str
    line: str
    name: str
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Commitment:
    """The least that some lines come to; what is missing is charged on a line of its own."""

    name: str
    line: str
    amount: Fraction
    lines: tuple[str, ...] = ()
    """The lines that count; empty: all."""


@dataclass(frozen=True, slots=True)
class Discount:
    """A reduction of some lines: by a percentage of each, or by an amount taken from them in order of the bill."""

    id: str
    name: str
    percent: Fraction | None
    amount: Fraction | None
    lines: tuple[str, ...] = ()
    """The lines that it reduces; empty: all."""


@dataclass(frozen=True, slots=True)
class Tax:
    """A tax on what some lines come to after discounts."""

    id: str
    name: str
    percent: Fraction
    lines: tuple[str, ...] = ()
    """The lines that it is on; empty: all."""
    included: bool = False
    """Whether prices contain it already, so that the bill only states it."""


def concerns(lines: tuple[str, ...], line: str) -> bool:
    """Whether a rule for certain lines (empty: all) holds for a line."""
    return not lines or line in lines
