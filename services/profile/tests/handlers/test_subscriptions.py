"""How subscriptions are made and changed, and what becomes of their holders."""

from dataclasses import replace
from datetime import timedelta

import pytest

from customer_profile.domain.customers import CustomerFacts, LifeCycleState
from customer_profile.domain.subscriptions import PlanChange, ServiceType, SubscriptionFacts, SubscriptionState
from customer_profile.errors import AlreadyExists, CustomerNotFound, InvalidValue, SubscriptionNotFound
from customer_profile.handlers.create_customers import NewCustomer, create_customers
from customer_profile.handlers.create_subscriptions import NewSubscription, create_subscriptions
from customer_profile.handlers.ports import Work
from customer_profile.handlers.read_profiles import find_subscriptions, get_subscription
from customer_profile.handlers.update_subscription import Change, update_subscription


@pytest.fixture
async def held(work: Work, told, facts: CustomerFacts) -> Work:
    await create_customers(work, [NewCustomer("a", facts), NewCustomer("b", facts)])
    told.all.clear()
    return work


def new(work: Work, subscription_id: str, customer_id: str = "a", **changes) -> NewSubscription:
    service = SubscriptionFacts(ServiceType.MOBILE, "1", 1, SubscriptionState.ACTIVE, work.now - timedelta(days=30))
    return NewSubscription(subscription_id, customer_id, replace(service, **changes), "plans/a")


def to_state(state: SubscriptionState) -> Change:
    return lambda old: (replace(old.facts, state=state), None)


async def state_of(work: Work, customer_id: str) -> LifeCycleState:
    return (await work.records.customers.get([customer_id]))[customer_id].facts.life_cycle_state


async def test_a_first_subscription_makes_a_prospect_active(held: Work, told) -> None:
    made = await create_subscriptions(held, [new(held, "s1"), new(held, "s2", "a")])

    assert [each.time_zone for each in made] == ["Europe/Vienna"] * 2
    assert await find_subscriptions(held.records.subscriptions, ["s2", "x", "s1", "x"]) == (made[::-1], ["x"])
    assert await state_of(held, "a") is LifeCycleState.ACTIVE
    assert await state_of(held, "b") is LifeCycleState.PROSPECT
    assert told.all == [
        ("customer", "a", "life_cycle_state"),
        ("subscription", "s1", "Europe/Vienna"),
        ("subscription", "s2", "Europe/Vienna"),
    ]


async def test_a_terminated_one_that_is_recorded_makes_nobody_active(held: Work) -> None:
    await create_subscriptions(held, [new(held, "s1", state=SubscriptionState.TERMINATED)])

    assert await state_of(held, "a") is LifeCycleState.PROSPECT


async def test_an_unknown_holder_is_named(held: Work) -> None:
    with pytest.raises(CustomerNotFound, match="customers/x"):
        await create_subscriptions(held, [new(held, "s1"), new(held, "s2", "x")])


async def test_ids_that_come_twice_or_are_taken_are_refused(held: Work) -> None:
    await create_subscriptions(held, [new(held, "s1")])

    with pytest.raises(InvalidValue, match=r"requests\[1\].subscription_id"):
        await create_subscriptions(held, [new(held, "s2"), new(held, "s2")])
    with pytest.raises(AlreadyExists, match="subscriptions/s1"):
        await create_subscriptions(held, [new(held, "s0"), new(held, "s1")])


async def test_a_changed_plan_is_kept_and_told(held: Work, told) -> None:
    await create_subscriptions(held, [new(held, "s1")])
    told.all.clear()

    changed = await update_subscription(held, "s1", "r1", lambda old: (old.facts, PlanChange("plans/b", None)))

    assert await get_subscription(held.records.subscriptions, "s1") == changed
    assert changed.plans.at(held.now) == "plans/b"
    assert told.all == [("subscription", "s1", "Europe/Vienna")]


async def test_a_change_of_nothing_tells_nobody(held: Work, told) -> None:
    (made,) = await create_subscriptions(held, [new(held, "s1")])
    told.all.clear()

    assert await update_subscription(held, "s1", "", lambda old: (old.facts, None)) == made
    assert told.all == []


async def test_who_ends_the_last_subscription_has_left(held: Work, told) -> None:
    await create_subscriptions(held, [new(held, "s1"), new(held, "s2"), new(held, "s3", "b")])
    told.all.clear()

    await update_subscription(held, "s1", "", to_state(SubscriptionState.TERMINATED))
    assert await state_of(held, "a") is LifeCycleState.ACTIVE
    await update_subscription(held, "s2", "", to_state(SubscriptionState.TERMINATED))
    assert await state_of(held, "a") is LifeCycleState.FORMER
    assert await state_of(held, "b") is LifeCycleState.ACTIVE
    assert told.all == [
        ("subscription", "s1", "Europe/Vienna"),
        ("customer", "a", "life_cycle_state"),
        ("subscription", "s2", "Europe/Vienna"),
    ]


async def test_who_comes_back_is_active_again(held: Work) -> None:
    await create_subscriptions(held, [new(held, "s1")])
    await update_subscription(held, "s1", "", to_state(SubscriptionState.TERMINATED))

    await create_subscriptions(held, [new(held, "s2")])

    assert await state_of(held, "a") is LifeCycleState.ACTIVE


async def test_an_unknown_subscription_is_named(held: Work) -> None:
    with pytest.raises(SubscriptionNotFound, match="subscriptions/x"):
        await update_subscription(held, "x", "", lambda old: (old.facts, None))
    with pytest.raises(SubscriptionNotFound, match="subscriptions/x"):
        await get_subscription(held.records.subscriptions, "x")
