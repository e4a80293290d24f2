"""What does a network function report and ask for, in the words of the domain?"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is charged, as the information beside the units says."""

    PDU_SESSION = "PDU_SESSION"
    SMS = "SMS"
    IMS = "IMS"
    OTHER = "OTHER"
    """Nothing is said: the rating group alone tells."""


class OneTime(StrEnum):
    """An event that is over with its request."""

    IMMEDIATE = "IEC"
    """Checked against what may be spent, and charged at once."""
    POST = "PEC"
    """It has happened, and is charged."""


@dataclass(frozen=True, slots=True)
class Units:
    """So much time, volume or events; None where nothing is said."""

    seconds: int | None = None
    octets: int | None = None
    """In both directions."""
    events: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a subscriber is."""

    network: str = ""
    """MCC and MNC; empty when nothing is said."""
    cell: str = ""
    """Personal data."""


@dataclass(frozen=True, slots=True)
class UsedUnits:
    """A container: usage that was measured between two triggers."""

    number: int
    """The container's local sequence number."""
    units: Units
    first_micros: int | None = None
    """When the first of it was used."""
    closed_micros: int | None = None
    """When it was closed."""
    place: Place = Place()


@dataclass(frozen=True, slots=True)
class GroupUsage:
    """What is reported and asked for of one rating group."""

    rating_group: int
    requested: Units | None
    """None: no quota is asked for. Units without a number: as many as is usual."""
    used: Sequence[UsedUnits]


@dataclass(frozen=True, slots=True)
class ChargingRequest:
    """One request of a network function."""

    identifiers: tuple[str, ...]
    """Of the subscriber, the strongest first. Personal data."""
    micros: int
    """When it was made, by the sender's clock."""
    sequence: int
    kind: Kind
    one_time: OneTime | None
    groups: Sequence[GroupUsage]
    destination: str
    """The other end. Personal data."""
    place: Place
    home_networks: tuple[str, ...]
    """Networks that are the subscriber's own, as far as the request tells."""
    digest: bytes
    """Of its content: equal for retransmissions."""
