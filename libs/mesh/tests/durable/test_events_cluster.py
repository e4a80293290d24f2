"""Does a Redis Cluster do as well as a single Redis?"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import redis as redis_sync
from redis.asyncio.cluster import RedisCluster

from mesh.embedded import RedisServer, RunningRedis
from mesh.events import (
    ConsumerSettings,
    Relay,
    RelaySettings,
    Stream,
    connect_redis,
    list_parked,
    replay_parked,
    stream_status,
)
from mesh.store import Store

_SLOTS = 16384
QUICK = ConsumerSettings(max_attempts=2, first_retry_seconds=0.02, longest_retry_seconds=0.1, claim_after_seconds=0.3)


def form_cluster(nodes: list[RunningRedis]) -> None:
    clients = [redis_sync.Redis.from_url(node.url()) for node in nodes]
    share = -(-_SLOTS // len(nodes))
    for number, client in enumerate(clients):
        client.execute_command("CLUSTER ADDSLOTS", *range(number * share, min(_SLOTS, (number + 1) * share)))
        client.execute_command("CLUSTER MEET", "127.0.0.1", nodes[0].port)
    deadline = time.monotonic() + 20
    while not all(client.cluster("info")["cluster_state"] == "ok" for client in clients):
        assert time.monotonic() < deadline, "the cluster did not form"
        time.sleep(0.05)
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisCluster]:
    folder = tmp_path_factory.mktemp("cluster")
    async with AsyncExitStack() as stack:
        nodes = []
        for number in range(3):
            server = RedisServer(folder / str(number), append_only=False, cluster_node=True)
            server.folder.mkdir()
            (server.folder / "password").write_text("of-all-nodes")  # as the nodes of a cluster have
            stack.callback(server.remove)
            nodes.append(server.start())
        await asyncio.to_thread(form_cluster, nodes)
        client = connect_redis(nodes[0].url(), cluster=True)
        stack.push_async_callback(client.aclose)
        assert isinstance(client, RedisCluster)
        await client.initialize()
        yield client


async def test_events_flow_over_all_nodes_survive_a_flush_and_can_be_parked_and_replayed(
    open_store: Callable[..., Store], cluster: RedisCluster, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    partitions = 6
    store, service = open_store(partitions=partitions), counting()
    streams = [Stream("durable", number) for number in range(partitions)]
    owners = {cluster.get_node_from_key(f"{{durable:{stream.partition}}}:events").name for stream in streams}
    assert len(owners) == 3, "the streams of this test live on all three nodes"

    def fail(delivery: Any) -> None:
        if delivery.message.number == 7:
            raise LookupError

    service.fail = fail
    relay = Relay(store, cluster, settings=RelaySettings(poll_seconds=0.05))
    running.start(relay, service.consumer(cluster, partitions=partitions, settings=QUICK))
    await publish(store, range(60))

    async def parked() -> list[tuple[Stream, Any]]:
        return [(stream, event) for stream in streams for event in await list_parked(cluster, stream, "reacting")]

    await eventually(parked)
    await eventually(lambda: service.has(set(range(60)) - {7}))
    service.fail = lambda _: None
    [(stream, event)] = await parked()
    assert await replay_parked(cluster, stream, "reacting", [event.entry]) == 1
    await eventually(lambda: service.has(range(60)))

    await cluster.flushall(target_nodes=RedisCluster.PRIMARIES)
    await publish(store, range(60, 120))
    await eventually(lambda: service.has(range(120)), seconds=20)
    assert set((await service.counts()).values()) == {1}
    status = [await stream_status(cluster, stream) for stream in streams]
    assert {group.name for found in status for group in found.groups} == {"reacting"}
