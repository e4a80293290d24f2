"""By which channels, in which order, is a message tried?"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from notification.domain.contacts import Channel, Contact

CARRIED = (Channel.EMAIL,)
"""Outside channels that this service can hand a message to; also the order for customers who chose none."""


class Purpose(StrEnum):
    """Why a customer is addressed."""

    URGENT_SERVICE = "urgent_service"
    """Something the customer must know now; passes quiet hours."""
    SERVICE = "service"
    MARKETING = "marketing"
    """Needs consent."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One way to the customer."""

    channel: Channel
    address: str
    """Personal data; empty for the inbox."""
    tries: int = 0
    """How often it failed for the time being."""
    failed: bool = False
    """It is not tried any more."""


INBOX = Leg(Channel.INBOX, "")


def route(contact: Contact, purpose: Purpose) -> tuple[Leg, ...]:
    """The ways to the customer in the order of preference; none when there is no consent.

    The inbox holds every message. As a way to the customer it counts when the customer chose it, or when there is no
    other; what would come after it is never needed.
    """
    legs: list[Leg] = []
    for channel in contact.channels or CARRIED:
        if purpose is Purpose.MARKETING and not contact.allows_marketing(channel):
            continue
        if channel is Channel.INBOX:
            return (*legs, INBOX)
        if channel in CARRIED:
            legs += _to_addresses(contact, channel)
    if not legs and (purpose is not Purpose.MARKETING or contact.allows_marketing(Channel.INBOX)):
        return (INBOX,)
    return tuple(legs)


def _to_addresses(contact: Contact, channel: Channel) -> Iterator[Leg]:
    """Preferred first."""
    addresses = [each for each in contact.addresses if each.channel is channel]
    for each in sorted(addresses, key=lambda address: not address.preferred):
        yield Leg(channel, each.address)
