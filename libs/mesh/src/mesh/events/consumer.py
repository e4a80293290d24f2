"""How does a service take in all the events that it subscribed to?"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Tracer

from mesh.events.client import RedisClient
from mesh.events.group_reader import GroupReader
from mesh.events.handling import Handling
from mesh.events.measure import EventObserver, NoObserver
from mesh.events.passing import will_pass
from mesh.events.stream_worker import ConsumerSettings, StreamWorker
from mesh.events.subscription import Subscription, by_type
from mesh.store import Store
from mesh.store.outbox import Stream


class WorkerEnded(Exception):  # noqa: N818 - a statement; it ends the process
    """A stream is read no more, and nobody asked for that."""


class Consumer:
    """Handles the events of all subscriptions of one service; replicas share the work.

    Each event is handled effectively once: it is delivered at least once, and the inbox row that commits with its
    effect keeps it from having that effect again. Events of one key are handed out in order, but two replicas, or an
    event that is retried, can overtake each other: handlers must not rely on it.
    """

    def __init__(
        self,
        store: Store,
        redis: RedisClient,
        subscriptions: Sequence[Subscription[Any]],
        *,
        group: str,
        instance: str,
        partitions: int = 1,
        settings: ConsumerSettings | None = None,
        observer: EventObserver | None = None,
        tracer: Tracer | None = None,
        passes: Callable[[Exception], bool] = lambda _: False,
    ) -> None:
        """`group` is the service's name, `instance` tells its replicas apart; `run()` works until `stop()`.

        `partitions` is how many streams each topic has. Each is read on a connection of its own. `passes` tells which
        of a handler's own failures will pass by themselves (a service that it calls is away), as TryLater does.
        """
        known = by_type(group, subscriptions)
        self._stopping = False
        self._workers = [
            StreamWorker(
                Stream(topic, partition),
                GroupReader(redis, Stream(topic, partition), group, instance),
                Handling(store, group, topic, known, tracer or trace.get_tracer(__name__)),
                settings or ConsumerSettings(),
                observer or NoObserver(),
                lambda error: will_pass(error) or passes(error),
            )
            for topic in sorted({subscription.topic for subscription in subscriptions})
            for partition in range(partitions)
        ]

    async def run(self) -> None:
        """Handle events until `stop()`. Raises WorkerEnded when a stream's worker ends before, however quietly."""
        # Not a TaskGroup: it takes no notice of a task that was cancelled, or that just returned.
        running = {asyncio.create_task(worker.run(), name=str(worker)) for worker in self._workers}
        try:
            while running:
                ended, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    self._check(task)
        finally:
            # Told to stop as well: the client of Redis may make an error of its own of a cancellation.
            self.stop()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _check(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None or not self._stopping:
            why = "it was cancelled" if task.cancelled() else error or "without an error"
            raise WorkerEnded(f"{task.get_name()} ended: {why}") from error

    def stop(self) -> None:
        """End `run()` after the batches in hand; what was not begun stays for others."""
        self._stopping = True
        for worker in self._workers:
            worker.stop()
