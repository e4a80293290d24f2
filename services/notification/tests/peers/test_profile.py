"""What is made of a customer as profile tells it."""

from datetime import UTC, datetime, time

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.timeofday_pb2 import TimeOfDay

from cxmesh.profile.v1 import customer_pb2 as c
from notification.domain.contacts import Address, Channel, Contact, MarketingConsent, QuietHours
from notification.peers.profile import contact_from

SAID = Timestamp(seconds=1_770_000_000)
WHEN = datetime.fromtimestamp(1_770_000_000, UTC)
NEWER = 99
"""A channel that this service's contracts do not know yet."""


def test_a_customer_becomes_a_contact():
    customer = c.Customer(
        name="customers/c-1",
        display_name="Ada",
        language_code="en-GB",
        time_zone="Europe/London",
        contact_media=[
            c.ContactMedium(channel=c.CHANNEL_EMAIL, address="ada@example.com", preferred=True),
            c.ContactMedium(channel=c.CHANNEL_SMS, address="+447700900123"),
        ],
        preferences=c.Preferences(
            channels=[c.CHANNEL_SMS, c.CHANNEL_EMAIL],
            quiet_hours_start=TimeOfDay(hours=22, minutes=30),
            quiet_hours_end=TimeOfDay(hours=7, seconds=1),
        ),
        consents=[
            c.Consent(purpose=c.CONSENT_PURPOSE_MARKETING, granted=True, time=SAID),
            c.Consent(purpose=c.CONSENT_PURPOSE_MARKETING, channel=c.CHANNEL_EMAIL, time=SAID),
            c.Consent(purpose=c.CONSENT_PURPOSE_LOCATION, granted=True, time=SAID),
        ],
    )

    assert contact_from(customer) == Contact(
        customer_id="c-1",
        display_name="Ada",
        language_code="en-GB",
        time_zone="Europe/London",
        addresses=(
            Address(Channel.EMAIL, "ada@example.com", preferred=True),
            Address(Channel.SMS, "+447700900123", preferred=False),
        ),
        channels=(Channel.SMS, Channel.EMAIL),
        quiet_hours=QuietHours(time(22, 30), time(7, 0, 1)),
        marketing_consents=(
            MarketingConsent(None, granted=True, time=WHEN),
            MarketingConsent(Channel.EMAIL, granted=False, time=WHEN),
        ),
    )


def test_a_customer_who_said_nothing_wants_nothing_special():
    contact = contact_from(c.Customer(name="customers/c-1", time_zone="UTC"))

    assert contact == Contact("c-1", "", "", "UTC", (), (), None, ())


def test_consent_for_an_unknown_channel_is_not_taken_for_consent_to_every_channel():
    customer = c.Customer(
        name="customers/c-1",
        time_zone="UTC",
        contact_media=[c.ContactMedium(channel=NEWER, address="x")],
        preferences=c.Preferences(channels=[NEWER, c.CHANNEL_EMAIL]),
        consents=[c.Consent(purpose=c.CONSENT_PURPOSE_MARKETING, channel=NEWER, granted=True, time=SAID)],
    )

    contact = contact_from(customer)

    assert (contact.addresses, contact.channels, contact.marketing_consents) == ((), (Channel.EMAIL,), ())
    assert not contact.allows_marketing(Channel.EMAIL)


@pytest.mark.parametrize("channel", list(Channel))
def test_every_channel_of_the_contract_is_known(channel: Channel):
    number = c.Channel.Value(f"CHANNEL_{channel.name}")
    customer = c.Customer(name="customers/c-1", preferences=c.Preferences(channels=[number]))

    assert contact_from(customer).channels == (channel,)
    assert len(Channel) == len(c.Channel.keys()) - 1
