"""How touch-points are recorded once, and seen in the customer's view."""

from dataclasses import replace
from datetime import timedelta

import pytest

from customer_profile.domain.customers import Channel, CustomerFacts
from customer_profile.domain.subscriptions import ServiceType, SubscriptionFacts, SubscriptionState
from customer_profile.domain.touch_points import TouchPoint, Valence
from customer_profile.errors import AlreadyExists, CustomerNotFound
from customer_profile.handlers.create_customers import NewCustomer, create_customers
from customer_profile.handlers.create_subscriptions import NewSubscription, create_subscriptions
from customer_profile.handlers.ports import Work
from customer_profile.handlers.record_touch_points import record_touch_points
from customer_profile.handlers.view_customer import view_customer


@pytest.fixture
async def known(work: Work, told, facts: CustomerFacts) -> Work:
    await create_customers(work, [NewCustomer("a", facts)])
    told.all.clear()
    return work


def point(work: Work, touch_point_id: str, *, days: int = 1, customer_id: str = "a") -> TouchPoint:
    return TouchPoint(
        customer_id=customer_id,
        touch_point_id=touch_point_id,
        channel=Channel.CALL,
        reason="care.call",
        outcome="",
        start_time=work.now - timedelta(days=days),
        time_spent=None,
        first_contact_resolution=None,
        valence=Valence.NEGATIVE,
    )


async def test_sending_again_changes_nothing_and_tells_nobody(known: Work, told) -> None:
    first = await record_touch_points(known, [point(known, "t1"), point(known, "t2")])
    again = await record_touch_points(known, [point(known, "t2"), point(known, "t3"), point(known, "t2")])

    assert first == [point(known, "t1"), point(known, "t2")]
    assert again == [point(known, "t2"), point(known, "t3"), point(known, "t2")]
    assert told.all == [("touch-point", "t1"), ("touch-point", "t2"), ("touch-point", "t3")]


async def test_one_classed_by_older_rules_is_the_same_and_stays_as_recorded(known: Work) -> None:
    old = replace(point(known, "t1"), valence=Valence.NEUTRAL)
    await record_touch_points(known, [old])

    assert await record_touch_points(known, [point(known, "t1")]) == [old]


async def test_other_content_under_a_known_name_is_refused(known: Work) -> None:
    await record_touch_points(known, [point(known, "t1")])

    with pytest.raises(AlreadyExists, match="recorded with other content"):
        await record_touch_points(known, [point(known, "t0"), replace(point(known, "t1"), outcome="answered")])
    with pytest.raises(AlreadyExists, match="comes twice"):
        await record_touch_points(known, [point(known, "t2"), replace(point(known, "t2"), outcome="answered")])


async def test_an_unknown_customer_is_named(known: Work) -> None:
    with pytest.raises(CustomerNotFound, match="customers/x"):
        await record_touch_points(known, [point(known, "t1"), point(known, "t2", customer_id="x")])


async def test_the_view_shows_what_is_held_and_the_latest_touch_points(known: Work) -> None:
    service = SubscriptionFacts(ServiceType.MOBILE, "1", 1, SubscriptionState.ACTIVE, known.now - timedelta(days=30))
    over = replace(service, state=SubscriptionState.TERMINATED)
    await create_subscriptions(known, [NewSubscription("s2", "a", service, "p"), NewSubscription("s1", "a", over, "p")])
    await record_touch_points(known, [point(known, f"t{number:03}", days=number) for number in range(100)])

    view = await view_customer(known.records, "a", known.now)

    assert view.customer.customer_id == "a"
    assert [each.subscription_id for each in view.subscriptions] == ["s2"]
    assert [each.touch_point_id for each in view.recent_touch_points] == [f"t{number:03}" for number in range(20)]
    assert view.recent_negative_touch_points == 90


async def test_nobody_has_no_view(known: Work) -> None:
    with pytest.raises(CustomerNotFound):
        await view_customer(known.records, "x", known.now)
