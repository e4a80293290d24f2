"""What does a tariff say? The model that documents are read into and that the rater works from.

Everything is frozen. Prices are exact (`Fraction`), per base unit of the service: a second of voice, a byte of data,
one message, one event.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any

from rating.allowance import Allowance
from rating.bill_rules import Commitment, Discount, OneOffCharge, Tax
from rating.errors import RatingError, Unrated
from rating.money import Rounding
from rating.prices import Rate
from rating.schedule import Schedule
from rating.services import BASE_UNIT


@dataclass(frozen=True, slots=True)
class Zone:
    """A set of destinations (or of visited networks) with one price."""

    id: str
    prefixes: tuple[str, ...] = ()
    """Digits, `*` and `#`, without a leading `+`; the longest prefix that matches decides."""
    names: tuple[str, ...] = ()
    """Destinations that are not numbers, such as a content class, matched exactly."""
    default: bool = False
    """Takes what no other zone matches."""


class Proration(StrEnum):
    """What part of a recurring charge falls due in a cycle that the customer didn't hold whole."""

    NONE = "none"
    """All of it."""
    BY_DAY = "by_day"
    """The days held over the days of the cycle."""


@dataclass(frozen=True, slots=True)
class RecurringCharge:
    """An amount that falls due each bill cycle."""

    line: str
    name: str
    amount: Fraction
    proration: Proration = Proration.NONE


@dataclass(frozen=True, slots=True)
class Version:
    """What the tariff says from one instant on."""

    active_from: datetime
    """Aware. The version is in force until the next one starts."""
    schedules: tuple[Schedule, ...]
    zones: tuple[Zone, ...]
    roaming_zones: tuple[Zone, ...]
    rates: tuple[Rate, ...]
    recurring: tuple[RecurringCharge, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    one_offs: tuple[OneOffCharge, ...] = ()
    commitment: Commitment | None = None
    discounts: tuple[Discount, ...] = ()
    """Taken one after another."""
    taxes: tuple[Tax, ...] = ()
    fallback: "Version | None" = None
    """Prices what this version has no rate for."""


@dataclass(frozen=True)
class Tariff:
    """A plan's prices through time."""

    id: str
    name: str
    currency: str
    """ISO 4217 code."""
    time_zone: str
    """IANA name. Bands follow the wall clock there."""
    versions: tuple[Version, ...]
    """In order of activation."""
    fallback: str | None = None
    """Id of the tariff that prices what this one doesn't: see with_fallback."""
    home_networks: tuple[str, ...] = ()
    """MCC or MCC-MNC prefixes that are home; a record without a visited network is at home too."""
    record_rounding: Rounding | None = None
    line_rounding: Rounding | None = None
    bill_rounding: Rounding | None = None
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Tables derived from the fields above, kept with the object that they belong to; Any: each deriver its own."""

    def __hash__(self) -> int:
        return hash((self.id, self.time_zone, self.versions))

    def with_fallback(self, other: "Tariff") -> "Tariff":
        """The tariff with another's rates for what it has no price for; roundings and recurring charges stay its own.

        Raises RatingError when it isn't the fallback that this tariff names, or when the two can't be on one bill.
        """
        if self.fallback not in (None, other.id):
            raise RatingError("fallback", other.id, f"{self.fallback}, which tariff {self.id} names")
        for field_name in ("currency", "time_zone"):
            mine, theirs = getattr(self, field_name), getattr(other, field_name)
            if mine != theirs:
                raise RatingError(f"fallback.{field_name}", theirs, f"{mine}, as in tariff {self.id}")
        units: dict[str, str] = {}
        for rate in (rate for tariff in (self, other) for version in tariff.versions for rate in version.rates):
            if units.setdefault(rate.line, BASE_UNIT[rate.service]) != BASE_UNIT[rate.service]:
                raise RatingError("fallback.line", rate.line, f"a line that counts {units[rate.line]}s in both tariffs")
        starts = {version.active_from for tariff in (self, other) for version in tariff.versions}
        versions = []
        for start in sorted(starts):
            version, fallback = self.version_at(start), other.version_at(start)
            if version is not None:
                versions.append(replace(version, active_from=start, fallback=fallback))
        return replace(self, versions=tuple(versions))

    def version_at(self, instant: datetime) -> Version | None:
        """The version in force at an instant; None before the first."""
        found = [version for version in self.versions if version.active_from <= instant]
        return found[-1] if found else None

    def as_of(self, instant: datetime) -> "Tariff":
        """The tariff with the version in force at an instant put in force for all time, to price the past with it."""
        version = self.version_at(instant)
        if version is None:
            first = self.versions[0].active_from.isoformat()
            raise Unrated("instant", instant.isoformat(), f"{first} or later, when tariff {self.id} starts")
        return replace(self, versions=(replace(version, active_from=datetime(1970, 1, 1, tzinfo=UTC)),))
