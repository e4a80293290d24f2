"""Who else delivers a part of the service?"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PartnerRole(StrEnum):
    """What a partner delivers."""

    CONTENT = "CONTENT"
    DELIVERY_NETWORK = "DELIVERY_NETWORK"
    ACCESS = "ACCESS"
    TRANSPORT = "TRANSPORT"
    ROAMING = "ROAMING"
    PAYMENT = "PAYMENT"


@dataclass(frozen=True, slots=True)
class Partner:
    """Another provider. Spans sent under its certificate are its own."""

    name: str
    """`partners/{partner}`."""
    display_name: str
    role: PartnerRole
    create_time: datetime
    server_addresses: tuple[str, ...] = ()
    """Where it is called, in order: `host` or `host:port`."""
