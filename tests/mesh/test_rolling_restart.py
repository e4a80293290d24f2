"""Does a call fail when the replicas of a service are replaced one by one under load?"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from mesh_core import SERVICES, Core, core_of, keyed, summed
from mesh_load import Load, mesh_channel, until
from mesh_replicas import Replica

from cxmesh.profile.v1.profile_service_pb2 import GetCustomerRequest
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from cxmesh.usage.v1.usage_service_pb2 import RecordUsageRequest
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub
from cxmesh_cli.demo.provision import in_batches
from cxmesh_cli.demo.subscribers import read_subscribers
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.ports import guarded, pick_free_block

if TYPE_CHECKING:
    from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceAsyncStub
    from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceAsyncStub

pytestmark = [pytest.mark.mesh, pytest.mark.kill, pytest.mark.timeout(120)]

SUBSCRIBERS = read_subscribers(120)
"""About 36,000 records."""
MOST_CALLS = 100_000
BATCH_RECORDS = 20


@pytest.fixture(scope="module")
def core(start_instance: Callable[..., Home]) -> Iterator[Core]:
    """What the replicas belong to."""
    with core_of(start_instance(*SERVICES), SUBSCRIBERS) as core:
        yield core


@asynccontextmanager
async def two_replicas(core: Core, service: str) -> AsyncIterator[tuple[list[Replica], grpc.aio.Channel]]:
    """Beside the instance's own one, and a channel to these two."""
    block = pick_free_block(random.SystemRandom())
    with guarded(block):  # no other instance takes a port of it, not even while a replica is away
        places = enumerate(SERVICES[:2], 1)
        replicas = [Replica(core.home, service, f"{service}-{number}", block.of(place)) for number, place in places]
        try:
            await asyncio.gather(*(asyncio.to_thread(replica.start) for replica in replicas))
            async with mesh_channel(core.home, service, [replica.address for replica in replicas]) as channel:
                yield replicas, channel
        finally:
            for replica in replicas:
                replica.close()


async def restart(replica: Replica, load: Load[Any], method: str) -> None:
    """Drained, away and back, with calls all the while."""
    assert replica.served(method) > 0
    asked = len(load.answers)
    replica.ask_to_stop()
    assert await asyncio.to_thread(replica.wait) == 0
    gone = len(load.answers)
    await asyncio.to_thread(replica.start)
    back = len(load.answers)
    assert asked < gone < back
    # Callers look for a lost replica with pauses of up to five seconds, so that a rollout gives them this time
    # (minReadySeconds) before it goes on with the next one.
    await until(f"{replica.name} is called again", lambda: replica.served(method) > 0)


async def test_no_call_fails_while_the_replicas_of_profile_are_restarted_one_by_one(core: Core) -> None:
    requests = (GetCustomerRequest(name=one.customer) for one in islice(cycle(SUBSCRIBERS), MOST_CALLS))
    async with two_replicas(core, "profile") as (replicas, channel):
        stub: ProfileServiceAsyncStub = ProfileServiceStub(channel)
        async with Load((partial(stub.GetCustomer, request) for request in requests), callers=12, pause=0.05) as load:
            await load.more(200)
            for replica in replicas:
                await restart(replica, load, "cxmesh.profile.v1.ProfileService/GetCustomer")
            await load.more(200)
            await load.stop()
    assert load.failures == []


async def test_usage_is_recorded_once_while_the_replicas_that_take_it_in_are_restarted_one_by_one(core: Core) -> None:
    records = core.records(SUBSCRIBERS)
    requests = [RecordUsageRequest(records=batch) for batch in in_batches(records, BATCH_RECORDS)]
    async with two_replicas(core, "usage-correlation") as (replicas, channel):
        stub: UsageServiceAsyncStub = UsageServiceStub(channel)
        async with Load((partial(stub.RecordUsage, request) for request in requests), callers=4, pause=0.3) as load:
            await load.more(20)
            for replica in replicas:
                await restart(replica, load, "cxmesh.usage.v1.UsageService/RecordUsage")
            await load.more(20)
            await load.stop()
    assert load.failures == []
    sent = records[: len(load.answers) * BATCH_RECORDS]
    assert sum(answer.accepted_count for answer in load.answers) == len(sent)
    assert core.stored(SUBSCRIBERS) == keyed(sent)
    assert core.counted(SUBSCRIBERS) == summed(sent)
