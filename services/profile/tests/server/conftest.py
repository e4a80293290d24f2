"""The profile service, running, and a stub for each caller."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text

from customer_profile.wiring import SERVICE
from cxmesh.profile.v1 import customer_pb2, subscription_pb2
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from mesh.testkit import Certificates, FixedClock
from mesh.testkit.serving import ServiceUnderTest, serving

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def module_clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture(scope="module")
async def service(
    postgres_url: str, redis_url: str, certificates: Certificates, module_clock: FixedClock
) -> AsyncIterator[ServiceUnderTest]:
    async with serving(SERVICE, postgres_url, redis_url, certificates, clock=module_clock) as service:
        yield service


@pytest.fixture
async def clean(service: ServiceUnderTest) -> None:
    """Nothing is left of the tests before."""
    async with service.runtime.store.unit_of_work() as uow:
        tables = "customer, subscription, plan_start, touch_point, outbox, idempotent_request"
        names = ", ".join(f"profile.{name}" for name in tables.split(", "))
        await uow.connection.execute(text(f"TRUNCATE {names}"))


@pytest.fixture
async def profile(service: ServiceUnderTest, clean: None) -> ProfileServiceStub:
    return ProfileServiceStub(service.channel())


@pytest.fixture
def published(service: ServiceUnderTest) -> Callable[[], Any]:
    """Reads the events in the outbox: type and message, in the order in which they were published."""

    async def read() -> list[Any]:
        async with service.runtime.store.reading() as connection:
            rows = await connection.execute(text("SELECT type, key, data FROM profile.outbox ORDER BY position"))
            pool = descriptor_pool.Default()
            return [
                message_factory.GetMessageClass(pool.FindMessageTypeByName(row.type)).FromString(row.data)
                for row in rows
            ]

    return read


@pytest.fixture
def customer() -> Callable[..., customer_pb2.Customer]:
    """Makes a customer; every field can be given."""

    def make(**fields: Any) -> customer_pb2.Customer:
        return customer_pb2.Customer(**{"display_name": "Ada", "time_zone": "Europe/Vienna"} | fields)

    return make


@pytest.fixture
def subscription() -> Callable[..., subscription_pb2.Subscription]:
    """Makes a subscription, active since the start of the year; every field can be given."""

    def make(**fields: Any) -> subscription_pb2.Subscription:
        usual = {
            "customer": "customers/c-1",
            "service_type": subscription_pb2.SERVICE_TYPE_MOBILE,
            "plan": "plans/a",
            "line_identifier": "4366012345",
            "bill_cycle_day": 1,
            "activate_time": Timestamp(seconds=int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())),
        }
        return subscription_pb2.Subscription(**usual | fields)

    return make
