"""How does a customer cross the wire?"""

from typing import Final

from customer_profile.domain.customers import (
    Consent,
    ContactMedium,
    Customer,
    CustomerFacts,
    LifeCycleState,
    Preferences,
    QuietHours,
    SourceReference,
    check_customer,
)
from customer_profile.errors import InvalidValue
from customer_profile.server.codes import CHANNEL, CONSENT_PURPOSE, LIFE_CYCLE_STATE
from customer_profile.server.times import moment_from, time_of_day_from, time_of_day_message
from cxmesh.profile.v1 import customer_pb2 as pb
from mesh.api import moment_message

NOT_WRITTEN: Final = frozenset({"name", "create_time", "update_time", "etag"})
"""Fields that name the customer or that the service sets."""


def facts_from(message: pb.Customer, *, default_state: LifeCycleState | None = None) -> CustomerFacts:
    """What the message says, checked; raises InvalidValue. Without a default, the state has to be said."""
    state = LIFE_CYCLE_STATE.find(message.life_cycle_state) or default_state
    facts = CustomerFacts(
        display_name=message.display_name,
        life_cycle_state=state or LIFE_CYCLE_STATE.get(message.life_cycle_state, "life_cycle_state"),
        contact_media=tuple(_medium_from(each, number) for number, each in enumerate(message.contact_media)),
        language_code=message.language_code,
        time_zone=message.time_zone,
        region_code=message.region_code,
        preferences=_preferences_from(message.preferences) if message.HasField("preferences") else None,
        consents=tuple(_consent_from(each, number) for number, each in enumerate(message.consents)),
        source_references=tuple(_reference_from(each, number) for number, each in enumerate(message.source_references)),
    )
    check_customer(facts)
    return facts


def customer_message(customer: Customer) -> pb.Customer:
    """The customer as callers see it."""
    facts, stamp = customer.facts, customer.stamp
    return pb.Customer(
        name=customer.name,
        display_name=facts.display_name,
        life_cycle_state=LIFE_CYCLE_STATE.wire(facts.life_cycle_state),
        contact_media=[_medium_message(each) for each in facts.contact_media],
        language_code=facts.language_code,
        time_zone=facts.time_zone,
        region_code=facts.region_code,
        preferences=_preferences_message(facts.preferences) if facts.preferences else None,
        consents=[_consent_message(each) for each in facts.consents],
        source_references=[_reference_message(each) for each in facts.source_references],
        create_time=moment_message(stamp.create_time),
        update_time=moment_message(stamp.update_time),
        etag=stamp.etag,
    )


def _medium_from(message: pb.ContactMedium, number: int) -> ContactMedium:
    channel = CHANNEL.get(message.channel, f"contact_media[{number}].channel")
    return ContactMedium(channel, message.address, message.preferred)


def _medium_message(medium: ContactMedium) -> pb.ContactMedium:
    return pb.ContactMedium(channel=CHANNEL.wire(medium.channel), address=medium.address, preferred=medium.preferred)


def _preferences_from(message: pb.Preferences) -> Preferences:
    has_start, has_end = message.HasField("quiet_hours_start"), message.HasField("quiet_hours_end")
    if has_start != has_end:  # the request keeps this rule; a mask with one of the two may still break it
        raise InvalidValue("preferences.quiet_hours_end", "start and end of the quiet hours, both or none")
    hours = None
    if has_start:
        hours = QuietHours(
            time_of_day_from(message.quiet_hours_start, "preferences.quiet_hours_start"),
            time_of_day_from(message.quiet_hours_end, "preferences.quiet_hours_end"),
        )
    return Preferences(tuple(CHANNEL.get(each, "preferences.channels") for each in message.channels), hours)


def _preferences_message(preferences: Preferences) -> pb.Preferences:
    hours = preferences.quiet_hours
    return pb.Preferences(
        channels=[CHANNEL.wire(each) for each in preferences.channels],
        quiet_hours_start=time_of_day_message(hours.start) if hours else None,
        quiet_hours_end=time_of_day_message(hours.end) if hours else None,
    )


def _consent_from(message: pb.Consent, number: int) -> Consent:
    return Consent(
        purpose=CONSENT_PURPOSE.get(message.purpose, f"consents[{number}].purpose"),
        channel=CHANNEL.find(message.channel),
        granted=message.granted,
        time=moment_from(message.time, f"consents[{number}].time"),
        source=message.source,
    )


def _consent_message(consent: Consent) -> pb.Consent:
    return pb.Consent(
        purpose=CONSENT_PURPOSE.wire(consent.purpose),
        channel=CHANNEL.wire(consent.channel) if consent.channel else pb.CHANNEL_UNSPECIFIED,
        granted=consent.granted,
        time=moment_message(consent.time),
        source=consent.source,
    )


def _reference_from(message: pb.SourceReference, number: int) -> SourceReference:
    observed = message.observe_time if message.HasField("observe_time") else None
    field = f"source_references[{number}].observe_time"
    return SourceReference(message.system, message.id, observed and moment_from(observed, field))


def _reference_message(reference: SourceReference) -> pb.SourceReference:
    return pb.SourceReference(
        system=reference.system, id=reference.id, observe_time=moment_message(reference.observe_time)
    )
