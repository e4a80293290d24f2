"""Is it noticed when a stream is read no more?"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from mesh.events import ConsumerSettings, WorkerEnded
from mesh.events.stream_worker import StreamWorker

QUICK = ConsumerSettings(block_seconds=0.1)
FIRST, SECOND = "consumer of durable:0", "consumer of durable:1"


def task_named(name: str) -> "asyncio.Task[Any] | None":
    return next((task for task in asyncio.all_tasks() if task.get_name() == name), None)


@pytest.fixture
async def consuming(redis: Any, counting: Any, eventually: Any) -> "asyncio.Task[None]":
    """A consumer of two streams at work."""
    consumer = counting().consumer(redis, settings=QUICK, partitions=2)
    task = asyncio.create_task(consumer.run())
    await eventually(lambda: task_named(FIRST) is not None and task_named(SECOND) is not None)
    yield task
    consumer.stop()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_worker_that_is_cancelled_ends_the_consumer_and_says_so(
    consuming: "asyncio.Task[None]", eventually: Any
) -> None:
    while (worker := task_named(SECOND)) is not None:  # the client of Redis may take a cancellation for its own
        worker.cancel()
        await asyncio.sleep(0.05)
    with pytest.raises(WorkerEnded, match=f"{SECOND} ended: it was cancelled"):
        await asyncio.wait_for(consuming, 5)
    assert task_named(FIRST) is None, "the other stream must not go on half-heard"


async def test_a_worker_that_returns_quietly_ends_the_consumer_and_says_so(
    redis: Any, counting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[[StreamWorker], Any] = StreamWorker.run

    async def run(worker: StreamWorker) -> None:
        if str(worker) != SECOND:
            await real(worker)

    monkeypatch.setattr(StreamWorker, "run", run)
    with pytest.raises(WorkerEnded, match=f"{SECOND} ended: without an error"):
        await asyncio.wait_for(counting().consumer(redis, settings=QUICK, partitions=2).run(), 5)


async def test_a_worker_that_breaks_ends_the_consumer_with_its_reason(
    redis: Any, counting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(_worker: StreamWorker) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(StreamWorker, "run", run)
    with pytest.raises(WorkerEnded, match=f"{FIRST} ended: no room") as ended:
        await counting().consumer(redis, settings=QUICK).run()
    assert isinstance(ended.value.__cause__, MemoryError)


async def test_a_consumer_that_is_told_to_stop_ends_in_peace(
    consuming: "asyncio.Task[None]", redis: Any, counting: Any, eventually: Any
) -> None:
    consumer = counting("other").consumer(redis, settings=QUICK, partitions=2)
    task = asyncio.create_task(consumer.run())
    await asyncio.sleep(0.05)
    consumer.stop()
    await asyncio.wait_for(task, 5)
    assert not consuming.done()
