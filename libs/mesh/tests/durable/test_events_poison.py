import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mesh.clock import FixedClock
from mesh.events import (
    ConsumerSettings,
    Delivery,
    Relay,
    Stream,
    TryLater,
    drop_parked,
    list_parked,
    replay_parked,
    stream_status,
)
from mesh.store import Store

STREAM = Stream("durable", 0)
QUICK = ConsumerSettings(
    max_attempts=3, first_retry_seconds=0.02, longest_retry_seconds=0.1, claim_after_seconds=0.3, block_seconds=0.2
)


def fail_for(*numbers: int) -> Callable[[Delivery[Any]], None]:
    def fail(delivery: Delivery[Any]) -> None:
        if delivery.message.number in numbers:
            raise LookupError(f"no subscription {delivery.message.number}")

    return fail


async def parked(redis: Any) -> list[Any]:
    return await list_parked(redis, STREAM, "reacting")


async def test_poison_is_parked_and_its_neighbours_are_handled_once(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    service = counting()
    service.fail = fail_for(3)
    await publish(store, range(6))
    running.start(Relay(store, redis), service.consumer(redis, settings=QUICK))
    await eventually(lambda: parked(redis))
    assert await service.counts() == {0: 1, 1: 1, 2: 1, 4: 1, 5: 1}
    attempts = [d.attempt for d in service.deliveries if d.message.number == 3]
    assert attempts == [1, 2, 3]
    [event] = await parked(redis)
    assert event.reason == "LookupError: no subscription 3"
    assert (event.type, event.key, event.attempts) == ("cxmesh.durable.v1.Counted", "3", 3)
    assert event.id == next(d.id for d in service.deliveries if d.message.number == 3)
    [group] = (await stream_status(redis, STREAM)).groups
    assert (group.pending, group.waiting, group.parked) == (0, 0, 1)


async def test_poison_does_not_hold_up_what_comes_after_it(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    service = counting()
    service.fail = fail_for(1)
    patient = ConsumerSettings(first_retry_seconds=3, longest_retry_seconds=5)
    running.start(Relay(store, redis), service.consumer(redis, settings=patient))
    await publish(store, [1])
    await eventually(lambda: len(service.deliveries) == 2)
    await publish(store, [2])
    await eventually(lambda: service.has([2]), seconds=1)


async def test_a_failure_that_passes_in_time_is_not_parked(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    service = counting()

    def fail(delivery: Delivery[Any]) -> None:
        if delivery.attempt < 3:
            raise LookupError

    service.fail = fail
    running.start(Relay(store, redis), service.consumer(redis, settings=QUICK))
    await publish(store, [1])
    await eventually(lambda: service.has([1]))
    assert await service.counts() == {1: 1}
    assert await parked(redis) == []


async def test_parked_events_can_be_replayed_to_their_group_alone(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    service, other = counting(), counting("other")
    service.fail = fail_for(1, 2)
    running.start(Relay(store, redis), service.consumer(redis, settings=QUICK), other.consumer(redis, settings=QUICK))
    await publish(store, range(4))
    await eventually(lambda: other.has(range(4)))

    async def both_parked() -> bool:
        return len(await parked(redis)) == 2

    await eventually(both_parked)
    service.fail = fail_for()
    entries = [event.entry for event in await parked(redis)]
    assert await replay_parked(redis, STREAM, "reacting", [*entries, "1-1"]) == 2
    await eventually(lambda: service.has(range(4)))
    assert await parked(redis) == []
    assert set((await service.counts()).values()) == {1}
    assert len(other.deliveries) == 4
    assert (await stream_status(redis, STREAM)).entries == 4, "the shared stream holds nothing twice"


async def test_a_replayed_event_that_fails_again_is_parked_again(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    service = counting()
    service.fail = fail_for(1)
    running.start(Relay(store, redis), service.consumer(redis, settings=QUICK))
    await publish(store, [1])
    await eventually(lambda: parked(redis))
    [first] = await parked(redis)
    await replay_parked(redis, STREAM, "reacting", [first.entry])

    async def parked_anew() -> bool:
        found = await parked(redis)
        return bool(found) and found[0].entry != first.entry

    await eventually(parked_anew)
    [again] = await parked(redis)
    assert (again.id, again.attempts, again.reason) == (first.id, 3, first.reason)


async def test_parked_events_can_be_paged_and_dropped(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    service = counting()
    service.fail = fail_for(0, 1, 2)
    running.start(Relay(store, redis), service.consumer(redis, settings=QUICK))
    await publish(store, range(3))

    async def all_parked() -> bool:
        return len(await parked(redis)) == 3

    await eventually(all_parked)
    [first, second] = await list_parked(redis, STREAM, "reacting", limit=2)
    [third] = await list_parked(redis, STREAM, "reacting", after=second.entry, limit=2)
    assert {event.key for event in (first, second, third)} == {"0", "1", "2"}
    assert await drop_parked(redis, STREAM, "reacting", [first.entry, third.entry]) == 2
    assert [event.entry for event in await parked(redis)] == [second.entry]
    assert await drop_parked(redis, STREAM, "reacting", []) == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"nonsense": "x"},
        {"id": "not a uuid", "type": "cxmesh.durable.v1.Counted", "subject": "k", "time": "x", "data": b""},
        {
            "id": "0199aaaa-0000-7000-8000-000000000000",
            "type": "cxmesh.durable.v1.Counted",
            "subject": "k",
            "time": "2026-03-01T12:00:00+00:00",
            "data": b"\xff\xff\xff",
        },
    ],
)
async def test_an_entry_that_can_not_be_read_is_parked_at_once(
    redis: Any, counting: Any, running: Any, eventually: Any, fields: Any
) -> None:
    running.start(counting().consumer(redis, settings=QUICK))
    await redis.xadd("{durable:0}:events", fields)
    await eventually(lambda: parked(redis))
    [event] = await parked(redis)
    assert event.reason.startswith(("MalformedEntry: ", "DecodeError: "))
    assert event.attempts == 1


class PeerAwayError(Exception):
    """Of a library that knows nothing of events."""


@pytest.mark.parametrize("error", [TryLater("profile is away"), PeerAwayError()])
async def test_what_will_pass_is_waited_for_without_counting_attempts(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any, error: Exception
) -> None:
    service = counting()

    def away(delivery: Delivery[Any]) -> None:
        if len(service.deliveries) < 5:
            raise error

    service.fail = away
    consumer = service.consumer(redis, settings=QUICK, passes=lambda error: isinstance(error, PeerAwayError))
    running.start(Relay(store, redis), consumer)
    await publish(store, [1])
    await eventually(lambda: service.has([1]))
    assert [d.attempt for d in service.deliveries] == [1] * 5


async def test_an_event_that_kills_its_consumers_is_parked_and_spares_its_neighbours(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    service = counting()
    deadly = asyncio.Event()

    async def die_with(uow: Any, deliveries: Any) -> None:
        if any(d.message.number == 1 for d in deliveries):
            deadly.set()
            await asyncio.Event().wait()
        await service.handle(uow, deliveries)

    object.__setattr__(service.subscriptions[0], "handler", die_with)
    running.start(Relay(store, redis))
    await publish(store, range(3))
    for life in range(3):
        consumer = service.consumer(redis, instance=f"life {life}", settings=QUICK)
        running.start(consumer)
        await asyncio.wait_for(deadly.wait(), 5)
        deadly.clear()
        running.kill(consumer)
    running.start(service.consumer(redis, instance="last", settings=QUICK))
    await eventually(lambda: parked(redis))
    [event] = await parked(redis)
    assert event.reason == "ConsumerDied: 3 consumers ended while they were handling it"
    await eventually(lambda: service.has([0, 2]))


async def test_parking_says_when_by_the_given_clock(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any, clock: FixedClock
) -> None:
    service = counting()
    service.fail = fail_for(1)
    service.store.clock = clock
    clock.advance(timedelta(hours=1))
    running.start(Relay(store, redis), service.consumer(redis, settings=QUICK))
    await publish(store, [1])
    await eventually(lambda: parked(redis))
    [event] = await parked(redis)
    assert event.parked_time == clock.now()


def test_a_pause_longer_than_the_takeover_is_refused() -> None:
    with pytest.raises(ValueError, match="must be shorter than"):
        ConsumerSettings(longest_retry_seconds=30, claim_after_seconds=30)
