"""The two ends of events, to be timed: `python -m tests.bench.event_ends ROLE DATABASE_URL REDIS_URL COUNT`.

  mesh-sender     commits a signal every 5 ms in the schema of usage-correlation, and relays
  mesh-receiver   handles them in the schema of offer-decision; prints the milliseconds from commit to commit
  bare-sender     XADD of as many bytes, as often, and no database
  bare-receiver   XREADGROUP; prints the milliseconds from the call of XADD to the entry

A receiver prints `ready` first, so that nothing is sent before somebody reads.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from cxmesh.usage.v1.events_pb2 import SignalRaised
from cxmesh.usage.v1.signal_pb2 import SIGNAL_KIND_SPEND_THRESHOLD, Signal
from mesh.events import Consumer, Delivery, Relay, Subscription, connect_redis
from mesh.events.client import Entries
from mesh.events.measure import NoObserver
from mesh.store import Store, UnitOfWork
from mesh.store.outbox import Stream

INTERVAL_SECONDS = 0.005
BARE_STREAM, BARE_GROUP = "{bench:0}:events", "bare"
GROUP = "offer-decision"


def signal(number: int) -> SignalRaised:
    """An event of usual size."""
    return SignalRaised(
        signal=Signal(
            name=f"signals/{number:032x}",
            kind=SIGNAL_KIND_SPEND_THRESHOLD,
            subscription=f"subscriptions/s-{number:05d}",
            customer=f"customers/c-{number:05d}",
            evidence_records=[f"msc-{number}/{number}-{place}" for place in range(20)],
        )
    )


async def steadily(count: int, send: Callable[[int], Awaitable[object]]) -> None:
    """One every INTERVAL_SECONDS by the clock: one that takes long does not move those after it."""
    begun = time.perf_counter()
    for number in range(count):
        await asyncio.sleep(max(0.0, begun + number * INTERVAL_SECONDS - time.perf_counter()))
        await send(number)


async def mesh_sender(database_url: str, redis_url: str, count: int) -> None:
    """Commit and relay."""
    redis = connect_redis(redis_url)
    async with Store(database_url, "usage") as store:
        relay = Relay(store, redis)
        relaying = asyncio.create_task(relay.run())

        async def commit(number: int) -> None:
            async with store.unit_of_work() as uow:
                uow.publish(signal(number), key=str(number))

        await steadily(count, commit)
        await asyncio.to_thread(sys.stdin.read)
        relay.stop()
        await relaying
    await redis.aclose()


class Delays(NoObserver):
    """What the consumer tells of the time that events took, from commit to commit."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.milliseconds: list[float] = []
        self.complete = asyncio.Event()

    def handled(self, stream: Stream, group: str, event_type: str, delays_seconds: Sequence[float]) -> None:
        """Called after the commit."""
        self.milliseconds += [seconds * 1000 for seconds in delays_seconds]
        if len(self.milliseconds) >= self._count:
            self.complete.set()


async def mesh_receiver(database_url: str, redis_url: str, count: int) -> None:
    """Handle: an inbox row each, and nothing else."""

    async def handle(_uow: UnitOfWork, _deliveries: Sequence[Delivery[SignalRaised]]) -> None:
        pass

    redis, delays = connect_redis(redis_url), Delays(count)
    async with Store(database_url, "offer") as store:
        subscription = Subscription(GROUP, SignalRaised, handle)
        consumer = Consumer(store, redis, [subscription], group=GROUP, instance="bench", observer=delays)
        consuming = asyncio.create_task(consumer.run())
        while not await redis.exists("{usage:0}:events"):  # made together with the group
            await asyncio.sleep(0.01)
        print("ready", flush=True)
        await delays.complete.wait()
        consumer.stop()
        await consuming
    await redis.aclose()
    print(json.dumps(delays.milliseconds), flush=True)


async def bare_sender(_database_url: str, redis_url: str, count: int) -> None:
    """Add."""
    redis = connect_redis(redis_url)

    async def add(number: int) -> None:
        data = signal(number).SerializeToString()
        await redis.xadd(BARE_STREAM, {"data": data, "time": time.time_ns()})

    await steadily(count, add)
    await redis.aclose()


async def bare_receiver(_database_url: str, redis_url: str, count: int) -> None:
    """Read."""
    redis = connect_redis(redis_url)
    await redis.delete(BARE_STREAM)
    await redis.xgroup_create(BARE_STREAM, BARE_GROUP, mkstream=True)
    print("ready", flush=True)
    milliseconds: list[float] = []
    while len(milliseconds) < count:
        read = await redis.xreadgroup(BARE_GROUP, "bench", {BARE_STREAM: ">"}, count=200, block=2000)
        now = time.time_ns()
        entries = [entry for _, found in cast("list[tuple[bytes, Entries]]", read) for entry in found]
        if entries:
            milliseconds += [(now - int(fields[b"time"])) / 1e6 for _, fields in entries]
            await redis.xack(BARE_STREAM, BARE_GROUP, *[entry for entry, _ in entries if entry])
    await redis.aclose()
    print(json.dumps(milliseconds), flush=True)


ROLES = {
    "mesh-sender": mesh_sender,
    "mesh-receiver": mesh_receiver,
    "bare-sender": bare_sender,
    "bare-receiver": bare_receiver,
}


if __name__ == "__main__":
    asyncio.run(ROLES[sys.argv[1]](sys.argv[2], sys.argv[3], int(sys.argv[4])))
