"""How do committed events get from the outbox into the streams, soon, and again when Redis lost them?"""

import asyncio
import time

from mesh.events.client import RedisClient
from mesh.events.measure import EventObserver, NoObserver
from mesh.events.outage import Outage, sleep_unless
from mesh.events.relay_stream import RelaySettings, StreamRelay
from mesh.store import Store
from mesh.store.outbox import Stream
from mesh.waiting import is_set_within


class Relay:
    """Moves one service's events to its streams. Every replica runs one; they take turns stream by stream.

    Woken by each commit of this process. What other processes left behind, and what Redis lost, is found by looking
    every `poll_seconds`.
    """

    def __init__(
        self,
        store: Store,
        redis: RedisClient,
        *,
        settings: RelaySettings | None = None,
        observer: EventObserver | None = None,
    ) -> None:
        """`run()` does the work; `stop()` ends it."""
        self._settings = settings or RelaySettings()
        self._streams = StreamRelay(store, redis, self._settings, observer or NoObserver())
        self._outage = Outage("relay")
        self._woken: set[Stream] = set()
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._next_look = 0.0
        self._next_trim = 0.0
        store.on_published(self._published)

    async def run(self) -> None:
        """Relay until `stop()`. Failures of Redis and PostgreSQL are waited out."""
        while not self._stopping.is_set():
            try:
                await self._round()
                self._outage.succeeded()
            except Exception as error:  # noqa: BLE001 - whatever it is, events must flow again when it is over
                self._next_look = 0.0
                await sleep_unless(self._stopping, self._outage.failed(error))

    def stop(self) -> None:
        """End `run()` after the batch in hand. What is left in the outbox is relayed by whoever runs next."""
        self._stopping.set()
        self._wake.set()

    def _published(self, streams: frozenset[Stream]) -> None:
        self._woken |= streams
        self._wake.set()

    async def _round(self) -> None:
        now = time.monotonic()
        if now >= self._next_look:
            self._woken |= await self._streams.in_need()
            self._next_look = now + self._settings.poll_seconds
        else:
            await self._pause(self._next_look - now)
        streams, self._woken = self._woken, set()
        for stream in sorted(streams):
            await self._drain(stream)
        if now >= self._next_trim:
            for stream in sorted(await self._streams.known()):
                await self._streams.trim(stream)
            self._next_trim = now + self._settings.trim_seconds

    async def _drain(self, stream: Stream) -> None:
        while await self._streams.relay_batch(stream) and not self._stopping.is_set():
            pass

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than until the next commit or the end."""
        if await is_set_within(self._wake, seconds):
            self._wake.clear()
