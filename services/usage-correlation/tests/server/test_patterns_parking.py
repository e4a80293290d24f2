"""Is a batch that always fails put aside, so that those behind it are worked on, and can it be tried again?"""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from pattern_acts import HEAVY, after, count, make, nothing_waits, patterns, remove, told
from sqlalchemy import text
from usage_acts import record
from usage_samples import tariff_document, usage_record
from usage_world import World

from cxmesh.usage.v1 import pattern_service_pb2 as pb
from cxmesh.usage.v1.pattern_pb2 import ParkedBatch
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_DATA
from usage_correlation.domain.shards import shard_of
from usage_correlation.handlers.patterns.correlate import MOST_TRIES
from usage_correlation.handlers.patterns.ports import LANES


@pytest.fixture(autouse=True, scope="module")
def plan_with_data(world: World) -> None:
    rate = '      - {line: data, service: data, price: "0.000001", per: megabyte}\n    recurring:'
    world.catalogue.sell("data", tariff_document("data").replace("    recurring:", rate))


@pytest.fixture(autouse=True)
async def nothing_put_aside(world: World) -> AsyncIterator[None]:
    yield
    async with world.service.runtime.store.unit_of_work() as uow:
        await uow.connection.execute(text("DELETE FROM usage.correlation_parked"))


async def parked(world: World, most: int = 1, **fields: object) -> list[ParkedBatch]:
    """As soon as there are so many."""
    for _ in range(1000):
        answer = await patterns(world).ListParkedBatches(pb.ListParkedBatchesRequest(**fields))
        if len(answer.parked_batches) >= most:
            return list(answer.parked_batches)
        await asyncio.sleep(0.02)
    raise AssertionError("nothing was put aside within 20 seconds")


async def spoil(world: World, lane: int, events: bytes) -> None:
    """A batch that nobody can read waits first in a lane."""
    async with world.service.runtime.store.unit_of_work() as uow:
        statement = text("INSERT INTO usage.correlation_queue (lane, events) VALUES (:lane, :events)")
        await uow.connection.execute(statement, {"lane": lane, "events": events})


async def replay(world: World, *names: str) -> int:
    request = pb.ReplayParkedBatchesRequest(names=names, request_id=str(uuid4()))
    first = await patterns(world).ReplayParkedBatches(request)
    again = await patterns(world).ReplayParkedBatches(request)
    assert first == again
    return first.replayed_count


async def test_a_batch_that_always_fails_is_put_aside_and_others_go_on(world: World) -> None:
    pattern = await make(world, HEAVY)
    name = world.profile.hold("data")
    lane = shard_of(name) % LANES
    await spoil(world, lane, b"not a batch at all")
    records = [usage_record(name, 500, start=after(at), usage_type=USAGE_TYPE_DATA, destination="") for at in (0, 1)]
    for each in records:
        await record(world, each)
    [signal] = await told(world, pattern.name, 1, seconds=20)
    assert signal.subscription == f"subscriptions/{name}"
    [batch] = await parked(world)
    assert (batch.event_type, batch.event_count, batch.failed_tries) == ("", 0, MOST_TRIES)
    assert batch.reason.startswith("JSONDecodeError at ")
    assert batch.HasField("park_time")
    assert await replay(world, "parkedBatches/999999") == 0
    assert await replay(world) == 1
    [again] = await parked(world)
    assert again.name != batch.name
    await remove(world, pattern.name)


async def test_what_was_put_aside_and_is_mended_counts_as_if_it_came_now(world: World) -> None:
    pattern, name = await make(world, HEAVY), world.profile.hold("data")
    await record(world, usage_record(name, 1000, start=after(0), usage_type=USAGE_TYPE_DATA, destination=""))
    assert len(await told(world, pattern.name, 1)) == 1
    await nothing_waits(world)
    other = world.profile.hold("data")
    async with world.service.runtime.store.unit_of_work() as uow:
        # As if it had failed: while nobody else works on the lane, its batch is put aside.
        where = {"lane": shard_of(other) % LANES}
        await uow.connection.execute(text("SELECT FROM usage.correlation_lane WHERE lane = :lane FOR UPDATE"), where)
        await record(world, usage_record(other, 1000, start=after(0), usage_type=USAGE_TYPE_DATA, destination=""))
        aside = text("""
            WITH taken AS (DELETE FROM usage.correlation_queue WHERE lane = :lane RETURNING position, lane, events)
            INSERT INTO usage.correlation_parked
            SELECT position, lane, events, 'usage', 1, 5, 'ValueError', now() FROM taken
        """)
        await uow.connection.execute(aside, where)
    assert len(await told(world, pattern.name, 2, seconds=0.2)) == 1
    [batch] = await parked(world)
    assert await replay(world, batch.name) == 1
    assert {each.subscription for each in await told(world, pattern.name, 2)} == {
        f"subscriptions/{name}",
        f"subscriptions/{other}",
    }
    assert await count(world, "correlation_parked") == 0
    await remove(world, pattern.name)
