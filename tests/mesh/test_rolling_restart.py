"""Does a call fail when the replicas of a service are replaced one by one under load?"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import cycle, islice
from typing import TYPE_CHECKING

import pytest
from cxmesh.profile.v1.profile_service_pb2 import GetCustomerRequest
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from cxmesh.usage.v1.usage_service_pb2 import RecordUsageRequest
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub
from cxmesh_cli.demo.provision import in_batches
from cxmesh_cli.demo.subscribers import read_subscribers
from cxmesh_cli.instance.home import Home
from mesh_core import SERVICES, Core, core_of, in_file, keyed
from mesh_load import Load, mesh_channel, until
from mesh_replicas import Replica

if TYPE_CHECKING:
    from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceAsyncStub
    from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceAsyncStub

pytestmark = [pytest.mark.mesh, pytest.mark.kill, pytest.mark.timeout(120)]

SUBSCRIBERS = read_subscribers(120)
MOST_CALLS = 100_000
BATCH_RECORDS = 50


@pytest.fixture(scope="module")
def core(start_instance: Callable[..., Home]) -> Iterator[Core]:
    with core_of(start_instance(*SERVICES), SUBSCRIBERS) as core:
        yield core


@asynccontextmanager
async def two_replicas(core: Core, service: str) -> AsyncIterator[list[Replica]]:
    """Beside the instance's own one, which gets no calls of these tests."""
    replicas = [Replica(core.home, service, f"{service}-{number}") for number in (1, 2)]
    try:
        await asyncio.gather(*(asyncio.to_thread(replica.start) for replica in replicas))
        yield replicas
    finally:
        for replica in replicas:
            replica.close()


async def restart(replica: Replica, load: Load[object], method: str) -> None:
    """Drained, away and back, with calls all the while."""
    assert replica.served(method) > 0
    before = len(load.answers)
    replica.ask_to_stop()
    assert await asyncio.to_thread(replica.wait) == 0
    drained = len(load.answers)
    await asyncio.to_thread(replica.start)
    await until(f"{replica.name} serves again", lambda: replica.served(method) > 0)
    back = len(load.answers)
    assert (drained - before > 0, back - drained > 0) == (True, True)


async def test_no_call_fails_while_the_replicas_of_profile_are_restarted_one_by_one(core: Core) -> None:
    method = "cxmesh.profile.v1.ProfileService/GetCustomer"
    async with (
        two_replicas(core, "profile") as replicas,
        mesh_channel(core.home, "profile", [replica.address for replica in replicas]) as channel,
    ):
        stub: ProfileServiceAsyncStub = ProfileServiceStub(channel)
        requests = (GetCustomerRequest(name=one.customer) for one in cycle(SUBSCRIBERS))
        calls = (partial(stub.GetCustomer, request) for request in islice(requests, MOST_CALLS))
        async with Load(calls, callers=12, pause=0.01) as load:
            await load.more(200)
            for replica in replicas:
                await restart(replica, load, method)
            await load.more(200)
            await load.stop()
    assert load.failures == []
