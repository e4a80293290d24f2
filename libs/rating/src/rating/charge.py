"""What does a charge say about itself, so that a person can follow it and a machine can do it again?"""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from rating.allowance import Account
from rating.money import Rounding, format_amount
from rating.prices import CyclePrice
from rating.services import BASE_UNIT, Service


@dataclass(frozen=True, slots=True)
class Portion:
    """Increments of one size at one price."""

    count: int
    """Increments charged."""
    increment: int
    """Base units of one increment."""
    price: Fraction
    """Price of one base unit; 0 where the cycle's total decides the price."""
    covered: int = 0
    """Base units of these that allowances cover."""

    @property
    def units(self) -> int:
        """Base units charged, covered ones included."""
        return self.count * self.increment

    @property
    def exact(self) -> Fraction:
        """What those that are not covered cost before any rounding."""
        return (self.units - self.covered) * self.price


@dataclass(frozen=True, slots=True)
class Cover:
    """Use of an allowance."""

    allowance: str
    owner: str
    """Whose the bucket is when accounts share it; else empty."""
    units: int
    """Base units covered."""
    price: Fraction
    """What each still costs."""
    blocks: int = 0
    """Blocks begun by this use."""
    block_price: Fraction = Fraction(0)

    @property
    def exact(self) -> Fraction:
        """What the use costs."""
        return self.units * self.price + self.blocks * self.block_price


@dataclass(frozen=True, slots=True)
class CycleUse:
    """How far the line's total of the cycle moved."""

    price: CyclePrice
    before: int
    """Base units that the line had gathered before."""
    after: int

    @property
    def exact(self) -> Fraction:
        """What the cycle's cost grew by."""
        return self.price.cost(self.after) - self.price.cost(self.before)


@dataclass(frozen=True, slots=True)
class Credit:
    """Use of an allowance of money."""

    allowance: str
    owner: str
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Charge:
    """The price of one stretch of a record, under one rate, with its derivation."""

    line: str
    """The bill line on which it gathers."""
    service: Service
    zone: str | None
    """The rate's destination zone; None when the rate is for any."""
    band: str | None
    """The rate's time band; None when the rate is for any time."""
    roaming: str | None
    version: datetime
    """When the tariff version that priced it came into force."""
    start: datetime
    """When the stretch starts, UTC."""
    quantity: int
    """Base units really used."""
    portions: tuple[Portion, ...]
    """The increments charged, a portion for each step of the rate that was reached."""
    connection_fee: Fraction
    """The fee inside `exact`: the rate's for a record's first charge, else 0."""
    exact: Fraction
    """What it costs before any rounding."""
    amount: Fraction
    """What it costs after the record was rounded and allowances of money were used."""
    covers: tuple[Cover, ...] = ()
    cycle: CycleUse | None = None
    value: Fraction = Fraction(0)
    """The part of the record's own value inside `exact`."""
    is_free: bool = False
    """Whether the record is one of the line's first that cost nothing."""
    capped: Fraction = Fraction(0)
    """What a maximum cost took off `exact`."""
    credits: tuple[Credit, ...] = ()
    from_fallback: bool = False
    """Whether the fallback tariff priced it."""

    @property
    def units(self) -> int:
        """Base units charged, covered ones included."""
        return sum(portion.units for portion in self.portions)

    def recompute(self) -> Fraction:
        """`exact` from the derivation alone."""
        if self.is_free:
            return Fraction(0)
        return usage_cost(self.portions, self.covers, self.cycle) + self.connection_fee + self.value - self.capped

    def explain(self) -> str:
        """The derivation in a line of text."""
        return ", ".join(self._words())

    def _words(self) -> list[str]:
        unit = BASE_UNIT[self.service]
        where = " ".join(part for part in (self.service, self.zone, self.band) if part)
        where += f" roaming in {self.roaming}" if self.roaming else ""
        words = [f"{where}: {self.quantity} {unit}s used"]
        charged = [
            f"{p.count} x {p.increment} {unit}s" + ("" if self.cycle else f" at {format_amount(p.price, 2)} each")
            for p in self.portions
        ]
        words += [f"charged as {' and '.join(charged)}"] if charged else []
        words += ["free as one of the cycle's first"] if self.is_free else []
        words += [self._cover_words(cover, unit) for cover in self.covers]
        if self.cycle:
            use = self.cycle
            words.append(f"{use.price.model} price from {use.before} to {use.after} {unit}s in the cycle")
        words += [f"plus {format_amount(self.connection_fee, 2)} once"] if self.connection_fee else []
        words += [f"plus {format_amount(self.value, 2)} of its value"] if self.value else []
        words += [f"less {format_amount(self.capped, 2)} over the maximum"] if self.capped else []
        words[-1] += f" = {format_amount(self.exact, 2)}"
        rounded = self.amount + sum((credit.amount for credit in self.credits), Fraction(0))
        words += [f"{format_amount(rounded, 2)} after rounding the record"] if rounded != self.exact else []
        words += [f"{format_amount(credit.amount, 2)} paid from {credit.allowance}" for credit in self.credits]
        return words

    @staticmethod
    def _cover_words(cover: Cover, unit: str) -> str:
        text = f"{cover.units} {unit}s covered by {cover.allowance}"
        text += f" at {format_amount(cover.price, 2)} each" if cover.price else ""
        blocks = f" and {cover.blocks} blocks begun at {format_amount(cover.block_price, 2)}" if cover.blocks else ""
        return text + blocks


def usage_cost(portions: tuple[Portion, ...], covers: tuple[Cover, ...], cycle: CycleUse | None) -> Fraction:
    """What usage costs by its derivation."""
    cost = cycle.exact if cycle else Fraction(0)
    for portion in portions:
        cost += portion.exact
    for cover in covers:
        cost += cover.exact
    return cost


@dataclass(frozen=True, slots=True)
class Rating:
    """What a record costs."""

    charges: tuple[Charge, ...]
    """In the order of use."""
    rounding: Rounding | None
    """How the record was rounded."""
    cut_off: int | None = None
    """Base units into the record at which its maximum cost ends the service; None when it doesn't."""

    @property
    def exact(self) -> Fraction:
        """Before any rounding."""
        return sum((charge.exact for charge in self.charges), Fraction(0))

    @property
    def amount(self) -> Fraction:
        """What is owed: after rounding the record, and after allowances of money."""
        return sum((charge.amount for charge in self.charges), Fraction(0))

    def explain(self) -> str:
        """The whole derivation, a line a charge."""
        return "\n".join(charge.explain() for charge in self.charges)


@dataclass(frozen=True, slots=True)
class AccountRating:
    """What a record costs an account, and the account after it."""

    rating: Rating
    account: Account
