"""What does a charge say about itself, so that a person can follow it and a machine can do it again?"""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from rating.money import Rounding, format_amount
from rating.tariff import BASE_UNIT, Service


@dataclass(frozen=True, slots=True)
class Portion:
    """Increments of one size at one price."""

    count: int
    """Increments charged."""
    increment: int
    """Base units of one increment."""
    price: Fraction
    """Price of one base unit."""

    @property
    def units(self) -> int:
        """Base units charged."""
        return self.count * self.increment

    @property
    def exact(self) -> Fraction:
        """What they cost before any rounding."""
        return self.count * self.increment * self.price


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
    """What it costs after the record was rounded: what the record's rounded total grew by with this charge."""

    @property
    def units(self) -> int:
        """Base units charged."""
        return sum(portion.units for portion in self.portions)

    def recompute(self) -> Fraction:
        """`exact` from the derivation alone."""
        return sum((portion.exact for portion in self.portions), self.connection_fee)

    def explain(self) -> str:
        """The derivation in a line of text."""
        unit = BASE_UNIT[self.service]
        where = " ".join(part for part in (self.service, self.zone, self.band) if part)
        if self.roaming:
            where += f" roaming in {self.roaming}"
        text = f"{where}: {self.quantity} {unit}s used"
        charged = [f"{p.count} x {p.increment} {unit}s at {format_amount(p.price, 2)} each" for p in self.portions]
        if charged:
            text += f", charged as {' and '.join(charged)}"
        if self.connection_fee:
            text += f", plus {format_amount(self.connection_fee, 2)} connection fee"
        text += f" = {format_amount(self.exact, 2)}"
        return (
            text if self.amount == self.exact else f"{text}, {format_amount(self.amount, 2)} after rounding the record"
        )


@dataclass(frozen=True, slots=True)
class Rating:
    """What a record costs."""

    charges: tuple[Charge, ...]
    """In the order of use."""
    rounding: Rounding | None
    """How the record was rounded."""

    @property
    def exact(self) -> Fraction:
        """Before any rounding."""
        return sum((charge.exact for charge in self.charges), Fraction(0))

    @property
    def amount(self) -> Fraction:
        """After rounding the record as the tariff declares."""
        return sum((charge.amount for charge in self.charges), Fraction(0))

    def explain(self) -> str:
        """The whole derivation, a line a charge."""
        return "\n".join(charge.explain() for charge in self.charges)
