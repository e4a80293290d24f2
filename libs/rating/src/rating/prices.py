"""What can a rate say that usage costs: by the unit, by the record, by what the cycle has gathered, up to a maximum?"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from rating.services import Service


@dataclass(frozen=True, slots=True)
class Step:
    """How usage is counted and priced from a certain point of the record on (the group-interval start)."""

    after: int
    """The step applies from this many base units into the record."""
    increment: int
    """Usage is charged in whole increments of this many base units."""
    price: Fraction
    """Price of one base unit."""


class CycleModel(StrEnum):
    """How the price depends on what the line has gathered in the bill cycle."""

    GRADUATED = "graduated"
    """Each tier's units cost that tier's price."""
    VOLUME = "volume"
    """All units cost the price of the tier that the total reaches."""
    PACKAGE = "package"
    """Every package that is begun costs its price."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A part of what the cycle gathers."""

    up_to: int | None
    """Its last base unit; None: no end. Of a package: its size."""
    price: Fraction
    """Of one base unit; of a package: of the whole package."""


@dataclass(frozen=True, slots=True)
class CyclePrice:
    """A price for what the line gathers in the cycle: a record costs what the cycle's total cost grows by."""

    model: CycleModel
    tiers: tuple[Tier, ...]

    def parts(self, units: int) -> tuple[tuple[int, Fraction], ...]:
        """(how many, price of each) of what so many base units in the cycle are made of."""
        if self.model is CycleModel.PACKAGE:
            (package,) = self.tiers
            return ((-(-units // (package.up_to or 1)), package.price),)
        if self.model is CycleModel.VOLUME:
            reached = next(tier for tier in self.tiers if tier.up_to is None or units <= tier.up_to)
            return ((units, reached.price),)
        parts, low = [], 0
        for tier in self.tiers:
            high = units if tier.up_to is None else min(units, tier.up_to)
            if high > low:
                parts.append((high - low, tier.price))
                low = high
        return tuple(parts)

    def cost(self, units: int) -> Fraction:
        """What so many base units in the cycle cost."""
        return sum((count * price for count, price in self.parts(units)), Fraction(0))


class AtMaximum(StrEnum):
    """What happens when a record has cost its maximum."""

    FREE = "free"
    """The rest costs nothing."""
    CUT_OFF = "cut_off"
    """The service ends."""


@dataclass(frozen=True, slots=True)
class Maximum:
    """The most that one record may cost."""

    amount: Fraction
    then: AtMaximum = AtMaximum.FREE


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of one service, to one zone, in one band."""

    line: str
    """Name of the bill line on which the charges gather."""
    service: Service
    zone: str | None
    """Destination zone; None: any destination for which no other rate names the zone."""
    band: str | None
    """Time band; None: at any time."""
    roaming: str | None
    """Roaming zone in which the customer must be; None: at home."""
    steps: tuple[Step, ...]
    """How units are counted, and their prices unless there is a cycle price."""
    connection_fee: Fraction = Fraction(0)
    """Charged once a record, under the rate in force when it starts."""
    percentage: Fraction = Fraction(0)
    """Charged on the record's own value, under the rate in force when it starts: 15 means 15 %."""
    cycle_price: CyclePrice | None = None
    """Prices units by what the line has gathered in the cycle, instead of the steps' prices."""
    free_records: int = 0
    """The line's first so many records in the cycle cost nothing."""
    maximum: Maximum | None = None
