"""How do tests say that something changed, and wait until usage is rated anew?"""

import asyncio
from uuid import uuid4

from opentelemetry.trace import INVALID_SPAN_CONTEXT
from sqlalchemy import text
from usage_world import World

from cxmesh.catalog.v1.events_pb2 import PlanChanged
from cxmesh.profile.v1.events_pb2 import SubscriptionChanged
from mesh.events import Delivery
from usage_correlation.server.events import subscriptions
from usage_correlation.store.changes import note_changes
from usage_correlation.store.subscribers import SubscriberStore
from usage_correlation.wiring_accounts import ChangesOfOthers


async def until_rated_anew(world: World) -> None:
    for _ in range(200):
        async with world.service.runtime.store.reading() as connection:
            left = (await connection.execute(text("SELECT count(*) FROM usage.rerating"))).scalar_one()
            plans = (await connection.execute(text("SELECT count(*) FROM usage.rated_plan WHERE changed"))).scalar_one()
        if not left and not plans:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the requests to rate anew were not met")


async def tell(world: World, message: SubscriptionChanged | PlanChanged, key: str) -> None:
    """As if the event had come."""
    store = world.service.runtime.store
    told = ChangesOfOthers(SubscriberStore(store, world.clock))
    listening = subscriptions("usage-correlation", note_changes, world.clock, told.subscriptions, told.plans)
    (one,) = [each for each in listening if each.event is type(message)]
    async with store.unit_of_work() as uow:
        await one.handler(uow, [Delivery(uuid4(), message, key, world.clock.now(), INVALID_SPAN_CONTEXT, 1)])
