"""How may a customer be reached, as profile tells it?"""

from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum


class Channel(StrEnum):
    """A channel to or from a customer; messages go by a few of them."""

    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"
    INBOX = "inbox"
    CALL = "call"
    IVR = "ivr"
    CHAT = "chat"
    SHOP = "shop"
    WEB = "web"
    APP = "app"
    POST = "post"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a channel reaches the customer. Personal data."""

    channel: Channel
    address: str
    preferred: bool


@dataclass(frozen=True, slots=True)
class MarketingConsent:
    """What the customer said about offers, once."""

    channel: Channel | None
    """None: every channel."""
    granted: bool
    time: datetime


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From when to when only urgent service messages may come, in the customer's time zone; may span midnight."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Contact:
    """A customer, as far as messages are concerned."""

    customer_id: str
    display_name: str
    """Personal data."""
    language_code: str
    time_zone: str
    """IANA name."""
    addresses: tuple[Address, ...]
    channels: tuple[Channel, ...]
    """In the order of preference; empty when the customer did not choose."""
    quiet_hours: QuietHours | None
    marketing_consents: tuple[MarketingConsent, ...]

    def allows_marketing(self, channel: Channel) -> bool:
        """What was said last about the channel, or about every channel, holds; without a word there is no consent.

        Of a grant and a withdrawal in the same moment, the withdrawal holds.
        """
        about = [each for each in self.marketing_consents if each.channel in (None, channel)]
        last = max(about, key=lambda each: (each.time, not each.granted), default=None)
        return last is not None and last.granted
