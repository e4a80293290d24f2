"""Do events survive what their servers do?"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from mesh.embedded import PostgresServer, RedisServer
from mesh.events import ConsumerSettings, Relay, RelaySettings, Stream, connect_redis, drop_group, stream_status
from mesh.store import Store, apply_migrations

STREAM = Stream("durable", 0)
KEY = "{durable:0}:events"
OFTEN = RelaySettings(poll_seconds=0.05, trim_seconds=0.05, batch_size=20)
QUICK = ConsumerSettings(
    first_retry_seconds=0.02, longest_retry_seconds=0.1, claim_after_seconds=0.3, block_seconds=0.1
)


async def sequences(store: Store) -> list[int | None]:
    async with store.reading() as connection:
        query = text("SELECT sequence FROM durable.outbox ORDER BY position")
        return list((await connection.execute(query)).scalars())


async def test_flushing_redis_in_the_middle_loses_nothing_and_repeats_nothing(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    service, away = counting(), counting("away")
    late = away.consumer(redis, settings=QUICK)
    # Trims what its groups have handled: if it forgot the group that is away, that one would miss events.
    relay = Relay(store, redis, settings=RelaySettings(poll_seconds=0.05, trim_seconds=0.05, keep_entries=1))
    running.start(relay, service.consumer(redis, settings=QUICK), late)
    await publish(store, [0])
    await eventually(lambda: away.has([0]))
    await running.stop(late)  # down while Redis forgets its group
    for number in range(1, 101):
        await publish(store, range(number * 10, number * 10 + 10))
        if number % 40 == 0:
            await redis.flushall()
    numbers = {0, *range(10, 1010)}
    await eventually(lambda: service.has(numbers))
    await asyncio.sleep(0.2)
    running.start(away.consumer(redis, instance="again", settings=QUICK))
    await eventually(lambda: away.has(numbers))
    assert set((await service.counts()).values()) == {1}
    assert set((await away.counts()).values()) == {1}


async def test_a_redis_that_forgot_its_last_entries_gets_them_again(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    """As after a failover to a replica that lagged: the data is there, but its end is missing."""
    service = counting()
    relay = Relay(store, redis, settings=OFTEN)
    running.start(relay)
    await publish(store, range(10))

    async def relayed() -> bool:
        return None not in await sequences(store)

    await eventually(relayed)
    await running.stop(relay)
    entries = await redis.xrange(KEY)
    await redis.xdel(KEY, *(entry_id for entry_id, _ in entries[6:]))
    await redis.hset("{durable:0}:relay", "sequence", 6)

    with capture_logs() as logs:
        running.start(Relay(store, redis, settings=OFTEN), service.consumer(redis, settings=QUICK))
        await publish(store, [10])
        await eventually(lambda: service.has(range(11)))
    assert [(log["event"], log["relayed_again"]) for log in logs if "relayed_again" in log] == [
        ("events.redis_lost_data", 4)
    ]
    assert set((await service.counts()).values()) == {1}
    assert await sequences(store) == list(range(1, 12))


async def test_what_a_dead_process_left_in_the_outbox_is_relayed_by_others(
    open_store: Callable[..., Store], redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    service = counting()
    running.start(Relay(open_store(), redis, settings=OFTEN), service.consumer(redis, settings=QUICK))
    await publish(open_store(), range(3))  # its commit wakes no relay
    await eventually(lambda: service.has(range(3)))


async def test_a_stream_is_trimmed_of_what_everybody_has_handled_and_of_nothing_else(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    one, other = counting("one"), counting("other")
    behind = other.consumer(redis, settings=QUICK)
    settings = RelaySettings(poll_seconds=0.05, trim_seconds=0.05, keep_entries=50)
    running.start(Relay(store, redis, settings=settings), one.consumer(redis, settings=QUICK), behind)
    await publish(store, [0])
    await eventually(lambda: other.has([0]))
    await running.stop(behind)
    await publish(store, range(1, 1000))
    await eventually(lambda: one.has(range(1000)))
    await asyncio.sleep(0.2)
    assert await redis.xlen(KEY) >= 999, "one group has not had them yet"
    running.start(other.consumer(redis, instance="again", settings=QUICK))
    await eventually(lambda: other.has(range(1000)))

    async def is_trimmed() -> bool:
        return bool(await redis.xlen(KEY) <= 200)  # whole nodes of a hundred entries or so are dropped

    await eventually(is_trimmed)


async def test_a_full_stream_makes_events_wait_in_the_outbox(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    service = counting()
    consumer = service.consumer(redis, settings=QUICK)
    running.start(consumer)
    settings = RelaySettings(poll_seconds=0.05, trim_seconds=0.05, batch_size=10, max_entries=100, keep_entries=5)
    with capture_logs() as logs:
        await eventually(lambda: redis.exists(KEY))
        await running.stop(consumer)
        running.start(Relay(store, redis, settings=settings))
        await publish(store, range(500))

        async def is_full() -> bool:
            return bool(await redis.xlen(KEY) >= 100)

        await eventually(is_full)
        await asyncio.sleep(0.2)
        assert await redis.xlen(KEY) == 100
    assert [log["event"] for log in logs].count("events.stream_full") == 1
    running.start(service.consumer(redis, instance="again", settings=QUICK))
    await eventually(lambda: service.has(range(500)))
    assert set((await service.counts()).values()) == {1}


async def test_status_tells_how_far_behind_each_group_is(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    assert (await stream_status(redis, STREAM)).groups == ()
    service = counting()
    consumer = service.consumer(redis, settings=QUICK)
    running.start(Relay(store, redis, settings=OFTEN), consumer)
    await publish(store, range(5))
    await eventually(lambda: service.has(range(5)))
    await running.stop(consumer)
    await publish(store, range(5, 12))

    async def relayed() -> bool:
        return None not in await sequences(store)

    await eventually(relayed)
    status = await stream_status(redis, STREAM)
    [group] = status.groups
    assert (status.entries, group.name, group.waiting, group.pending, group.consumers) == (12, "reacting", 7, 0, 0)
    assert group.oldest is not None
    await redis.xreadgroup("reacting", "somebody", {KEY: ">"}, count=3)
    [group] = (await stream_status(redis, STREAM)).groups
    assert (group.waiting, group.pending, group.consumers) == (4, 3, 1)
    assert await drop_group(redis, STREAM, "reacting")
    assert not await drop_group(redis, STREAM, "reacting")
    assert (await stream_status(redis, STREAM)).groups == ()


async def test_status_is_told_while_what_was_under_way_is_handled(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await redis.xgroup_create(KEY, "reacting", mkstream=True)
    await redis.xadd(KEY, {"sequence": "1"})
    await redis.xreadgroup("reacting", "somebody", {KEY: ">"})
    ask = redis.xinfo_groups

    async def handled_after_the_answer(key: str) -> Any:
        answer = await ask(key)
        [(entry_id, _)] = await redis.xrange(key)
        await redis.xack(key, "reacting", entry_id)
        return answer

    monkeypatch.setattr(redis, "xinfo_groups", handled_after_the_answer)
    [group] = (await stream_status(redis, STREAM)).groups
    assert (group.waiting, group.pending, group.oldest) == (0, 0, None)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis", append_only=False)
    yield server
    server.remove()


async def test_an_outage_of_redis_is_waited_out_and_told_once(
    store: Store, own_redis: RedisServer, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    server = await asyncio.to_thread(own_redis.start)
    redis = connect_redis(server.url())
    service = counting()
    with capture_logs() as logs:
        running.start(Relay(store, redis, settings=OFTEN), service.consumer(redis, settings=QUICK))
        await publish(store, range(10))
        await eventually(lambda: service.has(range(10)))
        await asyncio.to_thread(own_redis.stop)
        for number in range(10, 20):
            await publish(store, [number])  # commits do not care
            await asyncio.sleep(0.05)
        await asyncio.to_thread(own_redis.start, server.port)  # empty: it kept nothing
        await eventually(lambda: service.has(range(20)), seconds=15)
        await running.stop()
    await redis.aclose()
    assert set((await service.counts()).values()) == {1}
    told = [(log["event"], log["loop"]) for log in logs if "loop" in log]
    for loop in ("relay", "consumer of durable:0"):
        assert [event for event, of in told if of == loop][:2] == ["events.interrupted", "events.resumed"]
        assert told.count(("events.interrupted", loop)) <= 2, "once for the outage, perhaps once for the lost group"


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path / "postgresql", durable=False)
    yield server
    server.remove()


async def test_an_outage_of_postgresql_is_waited_out(
    own_postgres: PostgresServer, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any, scripts: Any
) -> None:
    server = await asyncio.to_thread(own_postgres.start)
    for schema in ("durable", "reacting"):
        await asyncio.to_thread(apply_migrations, server.url(), schema, scripts(schema))
    service = counting()
    store, service.store = Store(server.url(), "durable"), Store(server.url(), "reacting")
    async with store, service.store:
        running.start(Relay(store, redis, settings=OFTEN), service.consumer(redis, settings=QUICK))
        await publish(store, range(10))
        await eventually(lambda: service.has(range(10)))
        await asyncio.to_thread(own_postgres.stop)
        await redis.xadd(KEY, (await redis.xrange(KEY, count=1))[0][1])  # something to do meanwhile
        await asyncio.sleep(0.3)
        await asyncio.to_thread(own_postgres.start, server.port)
        await publish(store, range(10, 20))
        await eventually(lambda: service.has(range(20)))
        assert set((await service.counts()).values()) == {1}
        assert [d.attempt for d in service.deliveries] == [1] * 20
        await running.stop()
