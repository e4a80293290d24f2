"""How are subscriptions kept, with their plans and their holder's time zone?"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, delete, func, select, true, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from customer_profile.domain.plan_history import PlanHistory, PlanStart
from customer_profile.domain.shards import shard_of
from customer_profile.domain.stamps import Stamp
from customer_profile.domain.subscriptions import (
    ServiceType,
    Subscription,
    SubscriptionFacts,
    SubscriptionState,
)
from customer_profile.errors import AlreadyExists
from customer_profile.store.tables import CUSTOMER, PLAN_START, SUBSCRIPTION
from mesh.store import insert_ignoring_duplicates, listed, update_rows

_KEY = ("shard", "subscription_id")
_PLAN_KEY = ("shard", "subscription_id", "start_time")


class SubscriptionRows:
    """The tables `subscription` and `plan_start`, as one transaction sees them."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, subscriptions: Sequence[Subscription]) -> None:
        """Keep new ones; raises AlreadyExists for the first, by id, whose name is taken."""
        subscriptions = sorted(subscriptions, key=lambda each: each.subscription_id)  # as for customers
        added = await insert_ignoring_duplicates(
            self._connection, SUBSCRIPTION, _rows(subscriptions), key=_KEY, returning=["subscription_id"]
        )
        new = {row.subscription_id for row in added}
        for subscription in subscriptions:
            if subscription.subscription_id not in new:
                raise AlreadyExists(subscription.name)
        await self._add_plans(subscriptions)

    async def get(self, ids: Collection[str]) -> Mapping[str, Subscription]:
        """Those that exist, by id."""
        wanted = listed(SUBSCRIPTION, {"shard": [shard_of(each) for each in ids], "subscription_id": list(ids)})
        statement = _whole().join(wanted, and_(*(SUBSCRIPTION.c[name] == wanted.c[name] for name in _KEY)))
        return {row.subscription_id: _subscription(row) for row in await self._connection.execute(statement)}

    async def lock(self, subscription_id: str) -> Subscription | None:
        """It and its holder; nobody else changes either until this transaction ends.

        Holder first, as everywhere, so that two changes never wait for each other. A holder never changes.
        """
        holder = (
            select(CUSTOMER.c.shard)
            .join(SUBSCRIPTION, _held_by(CUSTOMER.c.shard, CUSTOMER.c.customer_id))
            .where(_is(subscription_id))
            .with_for_update(of=CUSTOMER, key_share=True)
        )
        await self._connection.execute(holder)
        await self._connection.execute(select(SUBSCRIPTION.c.shard).where(_is(subscription_id)).with_for_update())
        return (await self.get([subscription_id])).get(subscription_id)

    async def save(self, subscription: Subscription) -> None:
        """Write a changed one; it must be locked."""
        await update_rows(self._connection, SUBSCRIPTION, _rows([subscription]), key=_KEY)
        await self._connection.execute(
            delete(PLAN_START).where(
                PLAN_START.c.shard == shard_of(subscription.subscription_id),
                PLAN_START.c.subscription_id == subscription.subscription_id,
            )
        )
        await self._add_plans([subscription])

    async def of_customer(self, customer_id: str) -> Sequence[Subscription]:
        """All that a customer ever held, by id."""
        statement = _whole().where(_held_by(shard_of(customer_id), customer_id))
        rows = await self._connection.execute(statement.order_by(SUBSCRIPTION.c.subscription_id))
        return [_subscription(row) for row in rows]

    async def mark_changed(self, customer_id: str, now: datetime) -> Sequence[Subscription]:
        """Move the stamp of all of a customer's subscriptions on, and give them as they are then."""
        stamped = (
            update(SUBSCRIPTION)
            .where(_held_by(shard_of(customer_id), customer_id))
            .values(
                revision=SUBSCRIPTION.c.revision + 1,
                update_time=func.greatest(SUBSCRIPTION.c.update_time, now),
            )
        )
        await self._connection.execute(stamped)
        return await self.of_customer(customer_id)

    async def page(self, customer_id: str, after: str, size: int) -> Sequence[Subscription]:
        """The first `size` whose id comes after `after`, by id; of everybody when `customer_id` is empty."""
        of_whom = _held_by(shard_of(customer_id), customer_id) if customer_id else true()
        statement = _whole().where(of_whom, SUBSCRIPTION.c.subscription_id > after)
        rows = await self._connection.execute(statement.order_by(SUBSCRIPTION.c.subscription_id).limit(size))
        return [_subscription(row) for row in rows]

    async def _add_plans(self, subscriptions: Sequence[Subscription]) -> None:
        starts = [(each.subscription_id, start) for each in subscriptions for start in each.plans.starts]
        rows: dict[str, Sequence[Any]] = {
            "shard": [shard_of(subscription_id) for subscription_id, _ in starts],
            "subscription_id": [subscription_id for subscription_id, _ in starts],
            "start_time": [start.start for _, start in starts],
            "plan": [start.plan for _, start in starts],
        }
        await insert_ignoring_duplicates(self._connection, PLAN_START, rows, key=_PLAN_KEY)


def _is(subscription_id: str) -> Any:  # a condition; SQLAlchemy has no short name for its type
    return and_(SUBSCRIPTION.c.shard == shard_of(subscription_id), SUBSCRIPTION.c.subscription_id == subscription_id)


def _held_by(customer_shard: Any, customer_id: Any) -> Any:  # values or columns
    return and_(SUBSCRIPTION.c.customer_shard == customer_shard, SUBSCRIPTION.c.customer_id == customer_id)


def _whole() -> Select[Any]:
    """Subscriptions with their plans as two arrays and their holder's time zone."""
    in_time = PLAN_START.c.start_time
    plans = (
        select(
            func.array_agg(aggregate_order_by(PLAN_START.c.plan, in_time)).label("plans"),
            func.array_agg(aggregate_order_by(PLAN_START.c.start_time, in_time)).label("plan_start_times"),
        )
        .where(*(PLAN_START.c[name] == SUBSCRIPTION.c[name] for name in _KEY))
        .lateral("history")
    )
    return (
        select(SUBSCRIPTION, plans.c.plans, plans.c.plan_start_times, CUSTOMER.c.time_zone)
        .join(CUSTOMER, _held_by(CUSTOMER.c.shard, CUSTOMER.c.customer_id))
        .join(plans, true())
    )


def _rows(subscriptions: Sequence[Subscription]) -> dict[str, list[Any]]:
    facts = [subscription.facts for subscription in subscriptions]
    stamps = [subscription.stamp for subscription in subscriptions]
    return {
        "shard": [shard_of(each.subscription_id) for each in subscriptions],
        "subscription_id": [each.subscription_id for each in subscriptions],
        "customer_shard": [shard_of(each.customer_id) for each in subscriptions],
        "customer_id": [each.customer_id for each in subscriptions],
        "service_type": [each.service_type.value for each in facts],
        "line_identifier": [each.line_identifier for each in facts],
        "bill_cycle_day": [each.bill_cycle_day for each in facts],
        "state": [each.state.value for each in facts],
        "activate_time": [each.activate_time for each in facts],
        "end_time": [each.plans.end for each in subscriptions],
        "create_time": [stamp.create_time for stamp in stamps],
        "update_time": [stamp.update_time for stamp in stamps],
        "revision": [stamp.revision for stamp in stamps],
    }


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        subscription_id=row.subscription_id,
        customer_id=row.customer_id,
        time_zone=row.time_zone,
        facts=SubscriptionFacts(
            service_type=ServiceType(row.service_type),
            line_identifier=row.line_identifier,
            bill_cycle_day=row.bill_cycle_day,
            state=SubscriptionState(row.state),
            activate_time=row.activate_time,
        ),
        plans=PlanHistory(tuple(map(PlanStart, row.plans, row.plan_start_times)), row.end_time),
        stamp=Stamp(row.create_time, row.update_time, row.revision),
    )
