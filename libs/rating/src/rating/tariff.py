"""What does a tariff say? The model that documents are read into and that the rater works from.

Everything is frozen. Prices are exact (`Fraction`), per base unit of the service: a second of voice, a byte of data,
one message, one event.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any

from rating.errors import Unrated
from rating.money import Rounding
from rating.schedule import Schedule


class Service(StrEnum):
    """What a record is usage of."""

    VOICE = "voice"
    SMS = "sms"
    DATA = "data"
    MMS = "mms"
    CONTENT = "content"
    IPTV = "iptv"


SERVICES = tuple(Service)
"""Every service; a service's index here is its code in columns."""
SERVICE_CODES = {service: code for code, service in enumerate(SERVICES)}
BASE_UNIT = {
    Service.VOICE: "second",
    Service.SMS: "message",
    Service.DATA: "byte",
    Service.MMS: "message",
    Service.CONTENT: "event",
    Service.IPTV: "event",
}
"""What a record's `quantity` counts."""
UNIT_SIZES: dict[str, dict[str, int]] = {
    "second": {"second": 1, "minute": 60, "hour": 3600},
    "byte": {
        "byte": 1,
        "kilobyte": 10**3,
        "megabyte": 10**6,
        "gigabyte": 10**9,
        "kibibyte": 2**10,
        "mebibyte": 2**20,
        "gibibyte": 2**30,
    },
    "message": {"message": 1},
    "event": {"event": 1},
}
"""The words that a document may use for so many base units."""


@dataclass(frozen=True, slots=True)
class Step:
    """How usage is counted and priced from a certain point of the record on (the group-interval start)."""

    after: int
    """The step applies from this many base units into the record."""
    increment: int
    """Usage is charged in whole increments of this many base units."""
    price: Fraction
    """Price of one base unit."""


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
    connection_fee: Fraction = Fraction(0)
    """Charged once a record, under the rate in force when it starts."""


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
    home_networks: tuple[str, ...] = ()
    """MCC or MCC-MNC prefixes that are home; a record without a visited network is at home too."""
    record_rounding: Rounding | None = None
    line_rounding: Rounding | None = None
    bill_rounding: Rounding | None = None
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Tables derived from the fields above, kept with the object that they belong to; Any: each deriver its own."""

    def __hash__(self) -> int:
        return hash((self.id, self.time_zone, self.versions))

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
