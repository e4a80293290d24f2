"""A migrated database, records in a transaction that is rolled back after each test, and work on them."""

import asyncio
from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from customer_profile.domain.customers import Customer, CustomerFacts, LifeCycleState
from customer_profile.domain.subscriptions import Subscription
from customer_profile.domain.touch_points import TouchPoint
from customer_profile.handlers.ports import Records, Work
from customer_profile.store.records import records_on
from mesh.store import Store, apply_migrations


@pytest.fixture(scope="module")
async def store(postgres_url: str) -> AsyncIterator[Store]:
    await asyncio.to_thread(apply_migrations, postgres_url, "profile", "customer_profile.store.migrations")
    async with Store(postgres_url, "profile") as store:
        yield store


@pytest.fixture
async def connection(store: Store) -> AsyncIterator[AsyncConnection]:
    async with store.engine.connect() as connection, connection.begin() as transaction:
        yield connection
        await transaction.rollback()


@pytest.fixture
def records(connection: AsyncConnection) -> Records:
    return records_on(connection)


class Told:
    """Announcements, in the order in which they were made."""

    def __init__(self) -> None:
        self.all: list[tuple[object, ...]] = []

    def customer_changed(self, customer: Customer, fields: Collection[str]) -> None:
        self.all.append(("customer", customer.customer_id, *fields))

    def subscription_changed(self, subscription: Subscription) -> None:
        self.all.append(("subscription", subscription.subscription_id, subscription.time_zone))

    def touch_point_recorded(self, point: TouchPoint) -> None:
        self.all.append(("touch-point", point.touch_point_id))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def work(records: Records, told: Told) -> Work:
    return Work(records, told, datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture
def facts() -> CustomerFacts:
    return CustomerFacts("Ada", LifeCycleState.PROSPECT, (), "en", "Europe/Vienna", "", None, (), ())
