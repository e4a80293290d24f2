"""How customers are made, changed and read, and who is told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from customer_profile.domain.customers import CustomerFacts, LifeCycleState
from customer_profile.domain.subscriptions import ServiceType, SubscriptionFacts, SubscriptionState
from customer_profile.errors import AlreadyExists, CustomerNotFound, EtagMismatch, InvalidValue
from customer_profile.handlers.create_customers import NewCustomer, create_customers
from customer_profile.handlers.create_subscriptions import NewSubscription, create_subscriptions
from customer_profile.handlers.ports import Work
from customer_profile.handlers.read_profiles import get_customers
from customer_profile.handlers.update_customer import update_customer


async def test_all_of_a_batch_are_made_and_told_of(work: Work, told, facts: CustomerFacts) -> None:
    made = await create_customers(work, [NewCustomer("b", facts), NewCustomer("a", facts)])

    assert [each.customer_id for each in made] == ["b", "a"]
    assert await get_customers(work.records.customers, ["a", "b"]) == [made[1], made[0]]
    assert told.all == [("customer", "b"), ("customer", "a")]


async def test_an_id_that_comes_twice_is_refused(work: Work, told, facts: CustomerFacts) -> None:
    with pytest.raises(InvalidValue) as refused:
        await create_customers(work, [NewCustomer(each, facts) for each in ("a", "b", "a")])

    assert refused.value.field == "requests[2].customer_id"
    assert told.all == []


async def test_a_taken_id_is_refused_and_nobody_is_told(work: Work, told, facts: CustomerFacts) -> None:
    await create_customers(work, [NewCustomer("a", facts)])
    told.all.clear()

    with pytest.raises(AlreadyExists):
        await create_customers(work, [NewCustomer("b", facts), NewCustomer("a", facts)])

    assert told.all == []


async def test_a_change_is_written_and_told_field_by_field(work: Work, told, facts: CustomerFacts) -> None:
    (made,) = await create_customers(work, [NewCustomer("a", facts)])
    told.all.clear()

    changed = await update_customer(
        work, "a", made.stamp.etag, lambda old: replace(old.facts, display_name="Grace", language_code="de")
    )

    assert await get_customers(work.records.customers, ["a"]) == [changed]
    assert changed.facts.display_name == "Grace"
    assert told.all == [("customer", "a", "display_name", "language_code")]


async def test_a_change_of_nothing_keeps_the_etag_and_tells_nobody(work: Work, told, facts: CustomerFacts) -> None:
    (made,) = await create_customers(work, [NewCustomer("a", facts)])
    told.all.clear()

    assert await update_customer(work, "a", "", lambda old: replace(old.facts)) == made
    assert told.all == []


async def test_a_stale_etag_is_refused(work: Work, facts: CustomerFacts) -> None:
    (made,) = await create_customers(work, [NewCustomer("a", facts)])
    await update_customer(work, "a", made.stamp.etag, lambda old: replace(old.facts, display_name="B"))

    with pytest.raises(EtagMismatch):
        await update_customer(work, "a", made.stamp.etag, lambda old: replace(old.facts, display_name="C"))


async def test_a_customer_who_moves_takes_the_subscriptions_along(work: Work, told, facts: CustomerFacts) -> None:
    await create_customers(work, [NewCustomer("a", replace(facts, life_cycle_state=LifeCycleState.ACTIVE))])
    service = SubscriptionFacts(ServiceType.MOBILE, "1", 1, SubscriptionState.ACTIVE, work.now - timedelta(days=1))
    made = await create_subscriptions(work, [NewSubscription(each, "a", service, "p") for each in ("s2", "s1")])
    told.all.clear()

    await update_customer(work, "a", "", lambda old: replace(old.facts, time_zone="Europe/Lisbon"))

    assert told.all == [
        ("customer", "a", "time_zone"),
        ("subscription", "s1", "Europe/Lisbon"),
        ("subscription", "s2", "Europe/Lisbon"),
    ]
    moved = await work.records.subscriptions.get(["s1"])
    assert moved["s1"].stamp.etag != made[1].stamp.etag


async def test_unknown_customers_are_named(work: Work, facts: CustomerFacts) -> None:
    await create_customers(work, [NewCustomer("a", facts)])

    with pytest.raises(CustomerNotFound) as refused:
        await get_customers(work.records.customers, ["a", "x", "y"])
    assert refused.value.metadata == {"customer": "customers/x"}
    with pytest.raises(CustomerNotFound):
        await update_customer(work, "x", "", lambda old: old.facts)
