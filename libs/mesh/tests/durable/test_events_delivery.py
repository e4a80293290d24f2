import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from sqlalchemy import text

from mesh.events import ConsumerSettings, Relay, RelaySettings, Stream, Subscription, stream_status
from mesh.events.subscription import by_type
from mesh.store import Store

OpenStore = Callable[..., Store]
STREAM = Stream("durable", 0)
IMPATIENT = ConsumerSettings(
    first_retry_seconds=0.02, longest_retry_seconds=0.1, claim_after_seconds=0.3, block_seconds=0.2
)


async def test_what_one_service_commits_another_handles_in_order(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any, messages: Any
) -> None:
    service = counting()
    running.start(Relay(store, redis), service.consumer(redis))
    await publish(store, range(5))
    await publish(store, range(5, 8), event=messages.Renamed)
    await eventually(lambda: service.has(range(8)))
    assert [d.message.number for d in service.deliveries] == list(range(8))
    assert [type(d.message) for d in service.deliveries] == [messages.Counted] * 5 + [messages.Renamed] * 3
    first = service.deliveries[0]
    assert (first.key, first.attempt, first.id.version) == ("0", 1, 7)
    assert all(isinstance(d.message, type(batch[0].message)) for batch in service.batches for d in batch)


async def test_every_group_gets_every_event(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    one, other = counting("one"), counting("other")
    await publish(store, range(10))
    running.start(Relay(store, redis), one.consumer(redis))
    await eventually(lambda: one.has(range(10)))
    running.start(other.consumer(redis))  # late, but the stream still has everything
    await eventually(lambda: other.has(range(10)))


async def test_replicas_of_a_service_share_the_work(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    service = counting()
    settings = ConsumerSettings(batch_size=5)
    replicas = [service.consumer(redis, instance=name, settings=settings) for name in ("a", "b", "c")]
    running.start(Relay(store, redis), *replicas)
    await publish(store, range(200))
    await eventually(lambda: service.has(range(200)))
    assert set((await service.counts()).values()) == {1}
    assert len(service.deliveries) == 200


async def test_relays_at_once_publish_everything_once_and_in_order(
    open_store: OpenStore, redis: Any, publish: Any, running: Any, eventually: Any
) -> None:
    settings = RelaySettings(batch_size=5, poll_seconds=0.05)
    stores = [open_store() for _ in range(3)]
    await publish(stores[0], range(300))  # enough for all of them to be at work on it together
    running.start(*(Relay(store, redis, settings=settings) for store in stores))
    await asyncio.gather(*(publish(store, range(n * 1000, n * 1000 + 30)) for n, store in enumerate(stores, 1)))

    async def all_relayed() -> bool:
        async with stores[0].reading() as connection:
            query = text("SELECT count(*) FROM durable.outbox WHERE sequence IS NULL")
            return bool((await connection.execute(query)).scalar_one() == 0)

    await eventually(all_relayed)
    entries = [fields for _, fields in await redis.xrange("{durable:0}:events")]
    assert len({fields[b"id"] for fields in entries}) == len(entries) == 390
    assert [int(fields[b"sequence"]) for fields in entries] == list(range(1, 391))
    per_unit: dict[int, list[int]] = {}
    for fields in entries:
        number = int(fields[b"subject"])
        per_unit.setdefault(number // 1000, []).append(number)
    assert all(numbers == sorted(numbers) for numbers in per_unit.values()), "order of each unit of work is kept"


async def test_an_event_that_is_delivered_twice_has_its_effect_once(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    service = counting()
    running.start(Relay(store, redis), service.consumer(redis))
    await publish(store, [1])
    await eventually(lambda: service.has([1]))
    [(_, fields)] = await redis.xrange("{durable:0}:events")
    for _ in range(3):
        await redis.xadd("{durable:0}:events", fields)
    await publish(store, [2])
    await eventually(lambda: service.has([1, 2]))
    assert await service.counts() == {1: 1, 2: 1}
    assert [d.message.number for d in service.deliveries] == [1, 2], "the handler does not even see duplicates"


async def test_a_crash_between_commit_and_acknowledgement_does_not_repeat_the_effect(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    service = counting()
    relay, consumer = Relay(store, redis), service.consumer(redis, instance="dies", settings=IMPATIENT)
    crashed = asyncio.Event()

    async def crash(entries: Any) -> None:
        crashed.set()
        await asyncio.Event().wait()

    consumer._workers[0]._reader.acknowledge = crash
    running.start(relay, consumer)
    await publish(store, range(3))
    await crashed.wait()
    running.kill(consumer)
    assert await service.counts() == {0: 1, 1: 1, 2: 1}
    assert (await redis.xpending("{durable:0}:events", "reacting"))["pending"] == 3

    running.start(service.consumer(redis, instance="lives", settings=IMPATIENT))

    async def nothing_pending() -> bool:
        return bool((await redis.xpending("{durable:0}:events", "reacting"))["pending"] == 0)

    await eventually(nothing_pending)
    assert await service.counts() == {0: 1, 1: 1, 2: 1}


async def test_a_crash_in_the_handler_leaves_the_events_to_another_consumer(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    service = counting()
    dies = service.consumer(redis, instance="dies", settings=IMPATIENT)
    begun = asyncio.Event()

    async def hang(uow: Any, deliveries: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    object.__setattr__(service.subscriptions[0], "handler", hang)
    running.start(Relay(store, redis), dies)
    await publish(store, range(3))
    await begun.wait()
    running.kill(dies)
    object.__setattr__(service.subscriptions[0], "handler", service.handle)
    running.start(service.consumer(redis, instance="lives", settings=IMPATIENT))
    await eventually(lambda: service.has(range(3)))
    assert {d.attempt for d in service.deliveries} == {2}


async def test_stopping_finishes_the_batch_in_hand_and_leaves_no_trace(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    service = counting()
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(uow: Any, deliveries: Any) -> None:
        begun.set()
        await go_on.wait()
        await service.handle(uow, deliveries)

    service.subscriptions[0] = Subscription("reacting", service.subscriptions[0].event, slow)
    consumer = service.consumer(redis)
    running.start(Relay(store, redis), consumer)
    await publish(store, [1])
    await begun.wait()
    stopping = asyncio.create_task(running.stop(consumer))
    await asyncio.sleep(0.05)
    assert not stopping.done()
    go_on.set()
    await stopping
    assert await service.counts() == {1: 1}
    [group] = (await stream_status(redis, STREAM)).groups
    assert (group.pending, group.consumers) == (0, 0)


async def test_stopping_an_idle_consumer_does_not_wait_for_its_read(
    store: Store, redis: Any, counting: Any, running: Any, eventually: Any
) -> None:
    consumer = counting().consumer(redis, settings=ConsumerSettings(block_seconds=4))
    running.start(consumer)

    async def is_reading() -> bool:
        return consumer._workers[0]._reading is not None

    await eventually(is_reading)
    await asyncio.wait_for(running.stop(consumer), 1)


async def test_events_nobody_here_subscribed_to_are_passed_over(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any, messages: Any
) -> None:
    service = counting()
    service.subscriptions.pop()
    running.start(Relay(store, redis), service.consumer(redis))
    await publish(store, [1], event=messages.Renamed)
    await publish(store, [2])
    await eventually(lambda: service.has([2]))
    [group] = (await stream_status(redis, STREAM)).groups
    assert (group.waiting, group.pending, group.parked) == (0, 0, 0)


async def test_partitions_are_all_relayed_and_read(
    open_store: OpenStore, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    store, service = open_store(partitions=3), counting()
    running.start(Relay(store, redis), service.consumer(redis, partitions=3))
    await publish(store, range(60))
    await eventually(lambda: service.has(range(60)))
    lengths = [(await stream_status(redis, Stream("durable", p))).entries for p in range(3)]
    assert sum(lengths) == 60
    assert min(lengths) > 0


async def test_one_trace_goes_on_in_the_handler_and_in_what_it_publishes(
    open_store: OpenStore, redis: Any, publish: Any, running: Any, eventually: Any, messages: Any
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    store = open_store(tracer=tracer)
    reacting = open_store("reacting", tracer=tracer)
    seen: list[list[int]] = []

    async def handler(uow: Any, deliveries: Any) -> None:
        seen.append([delivery.message.number for delivery in deliveries])
        for delivery in deliveries:
            uow.publish(messages.Renamed(number=delivery.message.number), key="k")

    from mesh.events import Consumer  # noqa: PLC0415 - the fixture makes those of the other tests

    subscription = Subscription("reacting", messages.Counted, handler)
    await publish(store, [0])  # a trace of its own
    with tracer.start_as_current_span("rpc") as rpc:
        await publish(store, [1, 2])
    await publish(store, [3])
    running.start(Relay(store, redis))
    running.start(Consumer(reacting, redis, [subscription], group="reacting", instance="a", tracer=tracer))
    await eventually(lambda: len(seen) == 3)
    assert seen == [[0], [1, 2], [3]], "each sampled trace is handled on its own"

    def published() -> list[Any]:
        return [s for s in exporter.get_finished_spans() if s.name == "send durable"]

    await eventually(lambda: len(published()) == 6)
    process = [span for span in exporter.get_finished_spans() if span.name == "process durable"]
    (in_rpc,) = [span for span in process if span.context.trace_id == rpc.get_span_context().trace_id]
    assert in_rpc.kind == SpanKind.CONSUMER
    sent = next(s for s in published() if s.context.span_id == in_rpc.parent.span_id)
    assert sent.parent.span_id == rpc.get_span_context().span_id
    onward = [span for span in published() if span.parent and span.parent.span_id == in_rpc.context.span_id]
    assert [span.attributes["messaging.batch.message_count"] for span in onward] == [2]
    assert in_rpc.attributes == {
        "messaging.system": "redis",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "durable",
        "messaging.consumer.group.name": "reacting",
        "messaging.batch.message_count": 2,
        "cxmesh.event.type": "cxmesh.durable.v1.Counted",
    }


async def test_what_is_not_sampled_is_handled_as_one_batch(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    for number in range(20):
        await publish(store, [number])
    service = counting()
    relay = Relay(store, redis)
    running.start(relay)

    async def relayed() -> bool:
        return (await stream_status(redis, STREAM)).entries == 20

    await eventually(relayed)
    running.start(service.consumer(redis))
    await eventually(lambda: service.has(range(20)))
    assert [len(batch) for batch in service.batches] == [20]


def test_a_service_is_one_group_with_one_handler_for_an_event(messages: Any) -> None:
    async def handler(uow: Any, deliveries: Any) -> None: ...

    mine = Subscription("billing", messages.Counted, handler)
    assert by_type("billing", [mine]) == {"cxmesh.durable.v1.Counted": mine}
    with pytest.raises(ValueError, match="as group 'billing': expected 'offer'"):
        by_type("offer", [mine])
    with pytest.raises(ValueError, match="has two handlers"):
        by_type("billing", [mine, mine])
