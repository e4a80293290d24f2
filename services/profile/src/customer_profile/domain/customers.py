"""Who is a customer, how do they want to be treated, and which profiles cannot be?"""

import re
from dataclasses import dataclass, fields, replace
from datetime import datetime, time
from enum import StrEnum

from customer_profile.domain.stamps import Stamp
from customer_profile.domain.text import check_text
from customer_profile.domain.time_zones import check_time_zone
from customer_profile.errors import InvalidValue

_E164 = re.compile(r"\+?[1-9][0-9]{6,14}")


class LifeCycleState(StrEnum):
    """Where a person is in the life cycle."""

    PROSPECT = "prospect"
    ACTIVE = "active"
    FORMER = "former"


class Channel(StrEnum):
    """A channel to or from a customer."""

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


WITH_ADDRESS = (Channel.EMAIL, Channel.SMS, Channel.PUSH, Channel.POST)
"""Channels on which a person has an address."""


class ConsentPurpose(StrEnum):
    """What data or a channel may be used for."""

    MARKETING = "marketing"
    LOCATION = "location"
    SOCIAL = "social"
    PROFILING = "profiling"


@dataclass(frozen=True, slots=True)
class ContactMedium:
    """One way to reach a person."""

    channel: Channel
    address: str
    """Personal data."""
    preferred: bool


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From when to when, in the person's time zone, only urgent service messages may come; may span midnight."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a person wants, whatever the channel."""

    channels: tuple[Channel, ...]
    """In the order of preference."""
    quiet_hours: QuietHours | None


@dataclass(frozen=True, slots=True)
class Consent:
    """A grant or a withdrawal."""

    purpose: ConsentPurpose
    channel: Channel | None
    """None: every channel."""
    granted: bool
    time: datetime
    source: str


@dataclass(frozen=True, slots=True)
class SourceReference:
    """The same person in another system."""

    system: str
    id: str
    """Personal data: the key under which the other system knows the person."""
    observe_time: datetime | None


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """What is said of a customer; the names of the fields are those of the contract."""

    display_name: str
    life_cycle_state: LifeCycleState
    contact_media: tuple[ContactMedium, ...]
    language_code: str
    time_zone: str
    region_code: str
    preferences: Preferences | None
    consents: tuple[Consent, ...]
    source_references: tuple[SourceReference, ...]


@dataclass(frozen=True, slots=True)
class Customer:
    """One person."""

    customer_id: str
    facts: CustomerFacts
    stamp: Stamp

    @property
    def name(self) -> str:
        """The resource name."""
        return f"customers/{self.customer_id}"

    def with_facts(self, facts: CustomerFacts, now: datetime) -> "Customer":
        """The customer as changed `now`."""
        return replace(self, facts=facts, stamp=self.stamp.next(now))


def changed_fields(old: CustomerFacts, new: CustomerFacts) -> tuple[str, ...]:
    """Names of the fields in which the two differ."""
    return tuple(field.name for field in fields(CustomerFacts) if getattr(old, field.name) != getattr(new, field.name))


def check_customer(facts: CustomerFacts) -> None:
    """Raise InvalidValue for the first fact that cannot be."""
    check_time_zone("time_zone", facts.time_zone)
    check_text("display_name", facts.display_name)
    check_text("region_code", facts.region_code)
    _check_contact_media(facts.contact_media)
    if facts.preferences is not None and facts.preferences.quiet_hours is not None:
        _check_quiet_hours(facts.preferences.quiet_hours)
    for number, consent in enumerate(facts.consents):
        check_text(f"consents[{number}].source", consent.source)
    for number, reference in enumerate(facts.source_references):
        check_text(f"source_references[{number}].system", reference.system)
        check_text(f"source_references[{number}].id", reference.id)


def _check_contact_media(media: tuple[ContactMedium, ...]) -> None:
    preferred: set[Channel] = set()
    for number, medium in enumerate(media):
        field = f"contact_media[{number}]"
        if medium.channel not in WITH_ADDRESS:
            expected = "a channel with an address: " + ", ".join(WITH_ADDRESS)
            raise InvalidValue(f"{field}.channel", expected, value=str(medium.channel))
        if medium.channel is Channel.SMS and not _E164.fullmatch(medium.address):
            raise InvalidValue(f"{field}.address", "an E.164 number such as +4366012345678")
        if medium.channel is not Channel.POST:  # a postal address has lines
            check_text(f"{field}.address", medium.address)
        elif "\0" in medium.address:
            raise InvalidValue(f"{field}.address", "text without NUL characters")
        if medium.preferred and medium.channel in preferred:
            raise InvalidValue(f"{field}.preferred", f"one preferred address for {medium.channel} at most")
        if medium.preferred:
            preferred.add(medium.channel)


def _check_quiet_hours(quiet_hours: QuietHours) -> None:
    if quiet_hours.start == quiet_hours.end:
        expected = "an end that differs from the start: a whole day without messages can't be told from none"
        raise InvalidValue("preferences.quiet_hours_end", expected, value=quiet_hours.end.isoformat())
