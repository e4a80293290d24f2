"""By which channels a message goes, and when it must not go at all."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from notification.domain.contacts import Address, Channel, Contact, MarketingConsent
from notification.domain.routes import INBOX, Leg, Purpose, route

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOME = Address(Channel.EMAIL, "home@example.com", preferred=False)
WORK = Address(Channel.EMAIL, "work@example.com", preferred=True)
PHONE = Address(Channel.SMS, "+4366012345678", preferred=True)
TO_WORK, TO_HOME = Leg(Channel.EMAIL, "work@example.com"), Leg(Channel.EMAIL, "home@example.com")
ADA = Contact("c-1", "Ada", "en", "Europe/Vienna", (HOME, WORK, PHONE), (), None, ())
EMAIL, SMS, IN_BOX = Channel.EMAIL, Channel.SMS, Channel.INBOX


@pytest.mark.parametrize(
    ("channels", "legs"),
    [
        ((), (TO_WORK, TO_HOME)),
        ((EMAIL,), (TO_WORK, TO_HOME)),
        ((EMAIL, IN_BOX), (TO_WORK, TO_HOME, INBOX)),
        ((IN_BOX, EMAIL), (INBOX,)),
        ((IN_BOX,), (INBOX,)),
        ((SMS, EMAIL), (TO_WORK, TO_HOME)),
        ((SMS,), (INBOX,)),
    ],
)
@pytest.mark.parametrize("purpose", [Purpose.SERVICE, Purpose.URGENT_SERVICE])
def test_service_messages_go_as_the_customer_chose(purpose: Purpose, channels, legs):
    assert route(replace(ADA, channels=channels), purpose) == legs


def test_a_customer_without_an_address_finds_it_in_the_inbox():
    assert route(replace(ADA, addresses=(PHONE,)), Purpose.SERVICE) == (INBOX,)


def consent(channel: Channel | None, *, granted: bool, days: int = 0) -> MarketingConsent:
    return MarketingConsent(channel, granted, NOW + timedelta(days=days))


@pytest.mark.parametrize(
    ("consents", "legs"),
    [
        ((), ()),
        ((consent(None, granted=True),), (TO_WORK, TO_HOME, INBOX)),
        ((consent(EMAIL, granted=True),), (TO_WORK, TO_HOME)),
        ((consent(IN_BOX, granted=True),), (INBOX,)),
        ((consent(SMS, granted=True),), ()),
        ((consent(None, granted=False),), ()),
        ((consent(None, granted=True), consent(EMAIL, granted=False, days=1)), (INBOX,)),
        ((consent(EMAIL, granted=False, days=1), consent(None, granted=True)), (INBOX,)),
        ((consent(EMAIL, granted=False), consent(None, granted=True, days=1)), (TO_WORK, TO_HOME, INBOX)),
        ((consent(None, granted=True), consent(None, granted=False)), ()),
        ((consent(None, granted=False), consent(None, granted=True)), ()),
    ],
)
def test_offers_go_by_channels_with_consent_alone(consents, legs):
    ada = replace(ADA, channels=(EMAIL, IN_BOX), marketing_consents=consents)

    assert route(ada, Purpose.MARKETING) == legs
    assert route(ada, Purpose.SERVICE) == (TO_WORK, TO_HOME, INBOX)


def test_an_offer_is_shown_in_the_inbox_when_there_is_no_other_way_and_consent():
    ada = replace(ADA, addresses=(), marketing_consents=(consent(None, granted=True),))

    assert route(ada, Purpose.MARKETING) == (INBOX,)
