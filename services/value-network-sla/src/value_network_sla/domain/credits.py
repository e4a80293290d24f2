"""How much of its fee does a partner give back for a period in which an objective was missed?

For statements, in this order, once for each partner, terms and period:

1. `earned_credit(terms, Attained(ratio, events))` for each objective of the terms, whose periods are calendar windows.
   It is nothing when the ratio meets every tier, when there is no ratio, or when there were fewer events than agreed.
2. `cap_credits(terms, credits)` over all of them together: the cap is of the period, not of the objective.
3. Where the terms have a `claim_window`, a credit is due only if claimed in time: `may_claim(terms, end, moment)`.

`handlers/policing/credits_due.py` does 1 and 2 for the periods that a statement covers.

All of it is exact: ratios are fractions, amounts whole smallest units of the currency, rounded half up once, at the end
of step 1. What the cap cuts off is spread by largest remainder, so that the capped credits sum to the cap.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction

from apportioning.rounding import largest_remainder
from rating import MINOR_UNITS
from value_network_sla.domain.money import MICROS, Money


@dataclass(frozen=True, slots=True)
class CreditTier:
    """What is given back when the attainment of a period is below a bound."""

    below: Fraction
    """The tier holds for ratios below this one, e.g. 999/1000; at the bound itself it does not."""
    fee_share: Fraction | None
    """So much of the period's fee, above 0 and at most 1; None when `amount` says it."""
    amount: Money | None = None
    """Or a fixed amount."""


@dataclass(frozen=True, slots=True)
class CreditTerms:
    """What an agreement says of credits."""

    fee: Money | None
    """What the partner is paid a period; None when all tiers are fixed amounts."""
    tiers: tuple[CreditTier, ...] = ()
    """The highest bound first. The deepest tier reached holds alone; tiers don't add up."""
    cap_fee_share: Fraction | None = None
    """Credits of one period are at most this share of the fee. When both caps are given, the lower one holds."""
    cap_amount: Money | None = None
    """Credits of one period are at most this."""
    claim_window: timedelta | None = None
    """Credits have to be claimed within so long after the end of the period; None: they are due unasked."""
    minimum_sample: int = 0
    """A period with fewer events earns no credit."""

    @property
    def currency(self) -> str | None:
        """Of all its amounts, ISO 4217; None when there is none."""
        amounts = (self.fee, self.cap_amount, *(tier.amount for tier in self.tiers))
        return next((amount.currency for amount in amounts if amount is not None), None)


@dataclass(frozen=True, slots=True)
class Attained:
    """How well an objective was kept in a period."""

    ratio: Fraction | None
    """Of good to all, by the objective's budgeting method; None without data."""
    events: int
    """How many events the ratio stands on, excluded ones not counted."""


@dataclass(frozen=True, slots=True)
class Credit:
    """What is given back for one objective and period."""

    earned: Money
    """By the tier."""
    amount: Money
    """After the cap."""
    tier: CreditTier
    """The tier that was reached."""

    @property
    def capped(self) -> bool:
        """Whether the cap cut something off."""
        return self.amount != self.earned


def earned_credit(terms: CreditTerms, attained: Attained) -> Credit | None:
    """The credit by the deepest tier reached, before the cap; None when none is reached or the sample is too small."""
    if attained.ratio is None or attained.events < terms.minimum_sample:
        return None
    reached = [tier for tier in terms.tiers if attained.ratio < tier.below]
    if not reached:
        return None
    tier = min(reached, key=lambda each: each.below)
    earned = _amount(terms, tier)
    return Credit(earned, earned, tier)


def cap_credits(terms: CreditTerms, credits: Sequence[Credit]) -> Sequence[Credit]:  # noqa: A002 - the field's own word
    """The same credits, cut in proportion so that they sum to the cap of the period at most."""
    cap = period_cap(terms)
    total = sum(credit.earned.micros for credit in credits)
    if cap is None or total <= cap.micros:
        return tuple(replace(credit, amount=credit.earned) for credit in credits)
    unit = _minor_unit(cap.currency)
    parts = largest_remainder(cap.micros // unit, [credit.earned.micros for credit in credits])
    return tuple(
        replace(credit, amount=Money(part * unit, cap.currency)) for credit, part in zip(credits, parts, strict=True)
    )


def period_cap(terms: CreditTerms) -> Money | None:
    """The most that is given back for one period; None when there is no cap. A share of the fee is rounded down."""
    caps = []
    if terms.cap_amount is not None:
        caps.append(terms.cap_amount)
    if terms.cap_fee_share is not None and terms.fee is not None:
        unit = _minor_unit(terms.fee.currency)
        caps.append(Money(int(terms.fee.micros * terms.cap_fee_share) // unit * unit, terms.fee.currency))
    return min(caps, key=lambda each: each.micros, default=None)


def may_claim(terms: CreditTerms, period_end: datetime, moment: datetime) -> bool:
    """Whether a credit of the period may still be claimed at a moment; the last moment of the claim window counts."""
    if terms.claim_window is None:
        return True
    return period_end <= moment <= period_end + terms.claim_window


def _amount(terms: CreditTerms, tier: CreditTier) -> Money:
    if tier.amount is not None:
        return tier.amount
    if terms.fee is None or tier.fee_share is None:
        raise ValueError(f"the tier below {tier.below} is a share of a fee, and the terms have no fee")
    unit = _minor_unit(terms.fee.currency)
    units = terms.fee.micros * tier.fee_share / unit
    return Money(int(units + Fraction(1, 2)) * unit, terms.fee.currency)


def _minor_unit(currency: str) -> int:
    """Micro-units in the smallest unit that can be paid."""
    return MICROS // int(10 ** MINOR_UNITS[currency])
