"""What is a partner's part of an income, by what was agreed?

Exact until the end: a share is a rational number of the currency's smallest units and is rounded once, half to even.
What the partners don't get is the provider's, so that nothing is lost and nothing is invented.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from apportioning.rounding import MILLION


class RevenueKind(StrEnum):
    """How a partner's part is reckoned."""

    FIXED = "FIXED"
    """So much a period, in proportion to the part of it in which the agreement held."""
    PERCENTAGE = "PERCENTAGE"
    """A part of the income that the partner had a hand in."""
    TIERED = "TIERED"
    """The same, where each slice of the income has a percentage of its own."""
    USAGE = "USAGE"
    """So much a visit, beyond those that are included."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A slice of the income of a period."""

    above: int
    """It begins here, in smallest units; it ends where the next tier begins."""
    ppm: int
    """The partner's part of it, in parts per million."""


@dataclass(frozen=True, slots=True)
class RevenueTerms:
    """What was agreed. Amounts are whole smallest units of the currency."""

    kind: RevenueKind
    currency: str
    amount: int = 0
    """FIXED: a period. USAGE: a visit, in millionths of a smallest unit, since prices of visits are small."""
    ppm: int = 0
    """PERCENTAGE."""
    tiers: Sequence[Tier] = ()
    """TIERED: by `above`, the first at 0."""
    included_visits: int = 0
    """USAGE: so many a period cost nothing."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What a period's share is reckoned from."""

    income: int
    """That the partner had a hand in, in smallest units."""
    visits: int
    seconds_held: int
    """For how much of the period the agreement held."""
    seconds: int
    """Of the period."""


NOTHING: Final = Fraction(0)


def exact_share(terms: RevenueTerms, basis: Basis) -> Fraction:
    """The partner's part in smallest units, exactly."""
    if terms.kind is RevenueKind.FIXED:
        return Fraction(terms.amount * basis.seconds_held, basis.seconds)
    if terms.kind is RevenueKind.PERCENTAGE:
        return Fraction(basis.income * terms.ppm, MILLION)
    if terms.kind is RevenueKind.USAGE:
        return Fraction(terms.amount * max(0, basis.visits - terms.included_visits), MILLION)
    return sum((_of_tier(terms.tiers, place, basis.income) for place in range(len(terms.tiers))), NOTHING)


def share(terms: RevenueTerms, basis: Basis) -> int:
    """The partner's part in whole smallest units, rounded half to even."""
    return round(exact_share(terms, basis))


def provider_keeps(income: int, shares: Mapping[str, int]) -> int:
    """What is left of an income; less than nothing where more was promised than came in."""
    return income - sum(shares.values())


def _of_tier(tiers: Sequence[Tier], place: int, income: int) -> Fraction:
    tier = tiers[place]
    end = tiers[place + 1].above if place + 1 < len(tiers) else income
    return Fraction(max(0, min(income, end) - tier.above) * tier.ppm, MILLION)
