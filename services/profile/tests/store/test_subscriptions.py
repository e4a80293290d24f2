"""What goes into the tables `subscription` and `plan_start` comes out of them."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from customer_profile.domain.customers import Customer, CustomerFacts, LifeCycleState
from customer_profile.domain.plan_history import PlanHistory
from customer_profile.domain.stamps import Stamp
from customer_profile.domain.subscriptions import ServiceType, Subscription, SubscriptionFacts, SubscriptionState
from customer_profile.errors import AlreadyExists
from customer_profile.handlers.ports import Records
from customer_profile.store.records import records_on
from mesh.store import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACTIVATED = NOW - timedelta(days=60)
HOLDER = Customer(
    "holder",
    CustomerFacts("", LifeCycleState.ACTIVE, (), "", "Europe/Vienna", "", None, (), ()),
    Stamp.first(NOW),
)


def subscription(subscription_id: str, customer_id: str = "holder") -> Subscription:
    return Subscription(
        subscription_id=subscription_id,
        customer_id=customer_id,
        time_zone="Europe/Vienna",
        facts=SubscriptionFacts(ServiceType.IPTV, "4366012345", 31, SubscriptionState.ACTIVE, ACTIVATED),
        plans=PlanHistory.since(ACTIVATED, "plans/a").changed("plans/b", NOW),
        stamp=Stamp.first(NOW),
    )


@pytest.fixture
async def held(records: Records) -> Records:
    await records.customers.add([HOLDER, replace(HOLDER, customer_id="other")])
    return records


async def test_subscriptions_come_back_with_plans_and_time_zone(held: Records) -> None:
    both = {each.subscription_id: each for each in (subscription("s-1"), subscription("s-2", "other"))}

    await held.subscriptions.add(list(both.values()))

    assert await held.subscriptions.get(["s-2", "s-1", "s-3"]) == both
    assert await held.subscriptions.lock("s-1") == both["s-1"]
    assert await held.subscriptions.lock("s-3") is None


async def test_a_thousand_subscriptions_are_kept_at_once(held: Records) -> None:
    await held.subscriptions.add([subscription(f"s-{number}") for number in range(1000)])

    assert len(await held.subscriptions.get([f"s-{number}" for number in range(1000)])) == 1000


async def test_a_taken_name_is_told(held: Records) -> None:
    await held.subscriptions.add([subscription("s-2")])

    with pytest.raises(AlreadyExists, match="subscriptions/s-2"):
        await held.subscriptions.add([subscription("s-1"), subscription("s-2")])


async def test_a_changed_history_replaces_the_old_one(held: Records) -> None:
    await held.subscriptions.add([subscription("s-1"), subscription("s-2")])
    changed = replace(
        subscription("s-1"),
        plans=PlanHistory.since(ACTIVATED, "plans/c").ended(NOW),
        stamp=Stamp.first(NOW).next(NOW),
    )

    await held.subscriptions.save(changed)

    assert await held.subscriptions.get(["s-1", "s-2"]) == {"s-1": changed, "s-2": subscription("s-2")}


async def test_pages_of_everybody_and_of_one_customer(held: Records) -> None:
    await held.subscriptions.add([subscription("b"), subscription("a", "other"), subscription("c")])

    everybody = await held.subscriptions.page("", "", 2)
    rest = await held.subscriptions.page("", everybody[-1].subscription_id, 2)
    of_holder = await held.subscriptions.page("holder", "b", 2)

    assert [each.subscription_id for each in [*everybody, *rest]] == ["a", "b", "c"]
    assert [each.subscription_id for each in of_holder] == ["c"]
    assert [each.subscription_id for each in await held.subscriptions.of_customer("holder")] == ["b", "c"]


async def test_a_changed_time_zone_moves_all_stamps_on(held: Records) -> None:
    await held.subscriptions.add([subscription("s-1"), subscription("s-2", "other")])
    later = NOW + timedelta(hours=1)
    moved = replace(HOLDER, facts=replace(HOLDER.facts, time_zone="Europe/Lisbon"))
    await held.customers.save([moved])

    marked = await held.subscriptions.mark_changed("holder", later)

    assert list(marked) == [replace(subscription("s-1"), time_zone="Europe/Lisbon", stamp=Stamp(NOW, later, 2))]
    assert await held.subscriptions.get(["s-2"]) == {"s-2": subscription("s-2", "other")}


async def test_locking_a_subscription_keeps_its_holder_from_changing(store: Store) -> None:
    async with store.unit_of_work() as uow:
        records = records_on(uow.connection)
        await records.customers.add([replace(HOLDER, customer_id="busy")])
        await records.subscriptions.add([subscription("s-busy", "busy")])

    async with store.unit_of_work() as uow:
        await records_on(uow.connection).subscriptions.lock("s-busy")
        async with store.unit_of_work() as other:
            waiting = asyncio.create_task(_lock_holder(other.connection))
            done, _ = await asyncio.wait([waiting], timeout=0.3)
            assert not done
            await uow.connection.rollback()
            assert "busy" in await waiting


async def _lock_holder(connection) -> Mapping[str, Customer]:
    return await records_on(connection).customers.lock(["busy"])
