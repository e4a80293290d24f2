import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mesh.clock import FixedClock
from mesh.store import EventTooLarge, PoolSettings, Store
from mesh.store.event_ids import first_event_id, new_event_id
from mesh.store.outbox import Stream, partition_of, topic_of
from mesh.store.trace_context import from_headers

OpenStore = Callable[..., Store]


async def outbox(store: Store) -> list[Any]:
    async with store.reading() as connection:
        return list((await connection.execute(text("SELECT * FROM durable.outbox ORDER BY position"))).all())


async def counters(store: Store) -> dict[str, int]:
    async with store.reading() as connection:
        rows = await connection.execute(text("SELECT name, value FROM durable.counter"))
        return {row.name: row.value for row in rows}


async def set_counter(connection: Any, name: str, value: int) -> None:
    await connection.execute(
        text(
            "INSERT INTO durable.counter VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value"
        ),
        {"name": name, "value": value},
    )


async def test_a_change_and_its_events_become_true_together(store: Store, messages: Any) -> None:
    heard: list[frozenset[Stream]] = []
    store.on_published(heard.append)
    async with store.unit_of_work() as uow:
        await set_counter(uow.connection, "a", 1)
        uow.publish(messages.Counted(name="a", number=1), key="a")
        uow.publish(messages.Renamed(name="b"), key="a")
        assert heard == [], "nobody hears of it before it is true"
    assert await counters(store) == {"a": 1}
    assert [(row.type, row.topic, row.key, row.partition, row.sequence) for row in await outbox(store)] == [
        ("cxmesh.durable.v1.Counted", "durable", "a", 0, None),
        ("cxmesh.durable.v1.Renamed", "durable", "a", 0, None),
    ]
    assert heard == [frozenset({Stream("durable", 0)})]


async def test_a_unit_of_work_that_raises_leaves_nothing_behind(store: Store, messages: Any) -> None:
    heard: list[frozenset[Stream]] = []
    store.on_published(heard.append)
    with pytest.raises(LookupError):  # noqa: PT012 - the unit of work is what fails
        async with store.unit_of_work() as uow:
            await set_counter(uow.connection, "a", 1)
            uow.publish(messages.Counted(name="a"), key="a")
            raise LookupError
    assert await counters(store) == {}
    assert await outbox(store) == []
    assert heard == []


async def test_without_events_nobody_is_woken(store: Store) -> None:
    heard: list[frozenset[Stream]] = []
    store.on_published(heard.append)
    async with store.unit_of_work() as uow:
        await set_counter(uow.connection, "a", 1)
    assert heard == []


async def test_an_event_is_what_it_was_when_published(store: Store, messages: Any, clock: FixedClock) -> None:
    store.clock = clock
    async with store.unit_of_work() as uow:
        event = messages.Counted(name="a", number=1)
        uow.publish(event, key="a")
        event.number = 2
    (row,) = await outbox(store)
    assert messages.Counted.FromString(row.data).number == 1
    assert row.time == clock.now()


async def test_an_event_too_large_for_a_stream_is_refused(store: Store, messages: Any) -> None:
    with pytest.raises(EventTooLarge, match="publish a reference"):
        async with store.unit_of_work() as uow:
            uow.publish(messages.Counted(name="x" * 300_000), key="a")


async def test_keys_spread_over_partitions_and_stay_there(open_store: OpenStore, messages: Any) -> None:
    store = open_store(partitions=4)
    async with store.unit_of_work() as uow:
        for number in range(100):
            uow.publish(messages.Counted(number=number), key=str(number % 20))
    rows = await outbox(store)
    assert [messages.Counted.FromString(row.data).number for row in rows] == list(range(100)), "order is kept"
    places = {(row.key, row.partition) for row in rows}
    assert len(places) == 20, "one partition a key"
    assert {partition for _, partition in places} == {0, 1, 2, 3}
    assert partition_of("subscription-17", 64) == 48, "the same for ever: streams hold keys by it"


def test_a_message_outside_of_a_versioned_package_has_no_topic(messages: Any) -> None:
    from google.protobuf.timestamp_pb2 import Timestamp  # noqa: PLC0415 - the odd one out

    assert topic_of(messages.Counted) == "durable"
    with pytest.raises(ValueError, match=r"expected a package like cxmesh\.<topic>\.v1"):
        topic_of(Timestamp)


async def test_events_continue_the_trace_they_were_caused_in(open_store: OpenStore, messages: Any) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    store = open_store(tracer=tracer)
    other = tracer.start_span("other")
    with tracer.start_as_current_span("rpc") as rpc:
        async with store.unit_of_work() as uow:
            for _ in range(3):
                uow.publish(messages.Counted(), key="a")
            uow.publish(messages.Counted(), key="a", cause=other.get_span_context())
    rows = await outbox(store)
    contexts = [from_headers(row.traceparent, row.tracestate) for row in rows]
    traces = [rpc.get_span_context().trace_id] * 3 + [other.get_span_context().trace_id]
    assert [context.trace_id for context in contexts] == traces
    sends = [span for span in exporter.get_finished_spans() if span.name == "send durable"]
    assert [span.attributes["messaging.batch.message_count"] for span in sends if span.attributes] == [3, 1]
    assert [span.kind for span in sends] == [SpanKind.PRODUCER] * 2
    assert {context.span_id for context in contexts} == {span.context.span_id for span in sends if span.context}


async def test_without_a_tracer_events_pass_on_the_trace_that_came_in(store: Store, messages: Any) -> None:
    incoming = from_headers("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=x")
    assert incoming.is_valid
    async with store.unit_of_work() as uow:
        uow.publish(messages.Counted(), key="a", cause=incoming)
        uow.publish(messages.Counted(), key="a")
    with_trace, without = await outbox(store)
    assert from_headers(with_trace.traceparent, with_trace.tracestate) == incoming
    assert without.traceparent is None
    assert from_headers(None, None) == trace.INVALID_SPAN_CONTEXT


async def test_reading_sees_one_state_and_can_not_write(store: Store) -> None:
    async with store.unit_of_work() as uow:
        await set_counter(uow.connection, "a", 1)
    async with store.reading() as connection:
        first = (await connection.execute(text("SELECT value FROM durable.counter"))).scalar_one()
        async with store.unit_of_work() as uow:
            await set_counter(uow.connection, "a", 2)
        second = (await connection.execute(text("SELECT value FROM durable.counter"))).scalar_one()
        assert (first, second) == (1, 1)
        with pytest.raises(DBAPIError, match="read-only transaction"):
            await set_counter(connection, "a", 3)
    assert await counters(store) == {"a": 2}


async def test_a_connection_that_read_may_write_again(open_store: OpenStore) -> None:
    store = open_store(pool=PoolSettings(size=1, overflow=0))
    async with store.reading() as connection:
        await connection.execute(text("SELECT 1"))
    async with store.unit_of_work() as uow:
        await set_counter(uow.connection, "a", 1)
        level = (await uow.connection.execute(text("SHOW transaction_isolation"))).scalar_one()
    assert level == "read committed"


async def test_the_pool_keeps_its_time_limits_and_speaks_utc(open_store: OpenStore) -> None:
    store = open_store(pool=PoolSettings(size=1, overflow=0, wait_seconds=0.1, statement_timeout_seconds=0.2))
    async with store.reading() as connection:
        assert (await connection.execute(text("SHOW timezone"))).scalar_one() == "UTC"
        assert (await connection.execute(text("SHOW application_name"))).scalar_one() == "durable"
        with pytest.raises(DBAPIError, match="statement timeout"):
            await connection.execute(text("SELECT pg_sleep(5)"))
        with pytest.raises(PoolTimeout, match="QueuePool limit"):
            async with store.reading():
                pass


async def test_a_serialization_conflict_is_retried_when_asked_for(store: Store) -> None:
    async with store.unit_of_work() as uow:
        await set_counter(uow.connection, "a", 0)
    attempts = 0

    async def increment(uow: Any) -> int:
        nonlocal attempts
        attempts += 1
        value = (await uow.connection.execute(text("SELECT value FROM durable.counter"))).scalar_one()
        await asyncio.sleep(0.02)
        await set_counter(uow.connection, "a", value + 1)
        return int(value)

    async def run() -> int:
        return await store.retrying(increment, isolation="SERIALIZABLE", attempts=20)

    assert sorted(await asyncio.gather(*(run() for _ in range(4)))) == [0, 1, 2, 3]
    assert attempts > 4, "there was a conflict to retry"
    assert await counters(store) == {"a": 4}


async def test_an_error_that_is_no_conflict_is_not_retried(store: Store) -> None:
    attempts = 0

    async def fail(uow: Any) -> None:
        nonlocal attempts
        attempts += 1
        await uow.connection.execute(text("SELECT * FROM durable.missing"))

    with pytest.raises(ProgrammingError):
        await store.retrying(fail)
    assert attempts == 1


@pytest.mark.parametrize("url", ["sqlite://", "mysql://host/name", "not a url"])
def test_a_url_of_anything_else_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"expected postgresql://user:password@host/name"):
        Store(url, "durable")


def test_event_ids_grow_with_time_and_are_of_version_7(clock: FixedClock) -> None:
    ids = []
    for _ in range(50):
        ids.append(new_event_id(clock.now()))
        clock.advance(timedelta(milliseconds=1))
    assert ids == sorted(set(ids))
    assert {event_id.version for event_id in ids} == {7}
    assert {event_id.variant for event_id in ids} == {"specified in RFC 4122"}
    assert all(event_id < first_event_id(clock.now()) for event_id in ids)
