"""How does one service work through one stream, whatever fails?"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from google.protobuf.message import DecodeError
from redis.exceptions import RedisError

from mesh.events.group_reader import Entry, GroupReader
from mesh.events.handling import Handling, type_of
from mesh.events.measure import EventObserver
from mesh.events.outage import Outage, place_of, sleep_unless
from mesh.events.parking import about_parking
from mesh.events.streams import Envelope, MalformedEntry
from mesh.events.subscription import Delivery
from mesh.store.outbox import Stream
from mesh.store.trace_context import from_headers

_LOG = structlog.get_logger(__name__)
_DEAD_CONSUMER_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class ConsumerSettings:
    """How much is read at once, and what is done with what fails."""

    batch_size: int = 200
    """Events handled in one transaction."""
    block_seconds: float = 2.0
    """How long one read waits for the first event; shorter than the client's socket timeout."""
    max_attempts: int = 5
    """After so many failures an event is parked."""
    first_retry_seconds: float = 0.2
    """Pause after the second failure (after the first there is none); each later one is five times longer."""
    longest_retry_seconds: float = 15.0
    """No pause is longer; shorter than `claim_after_seconds`."""
    max_retrying: int = 100
    """With so many events waiting for another attempt, no new ones are read."""
    claim_after_seconds: float = 30.0
    """What a consumer has held for longer is taken over by others: it is taken for dead."""

    def __post_init__(self) -> None:
        """A pause must end before others take the event for abandoned."""
        if self.longest_retry_seconds >= self.claim_after_seconds:
            raise ValueError(
                f"longest_retry_seconds ({self.longest_retry_seconds:g}) must be shorter than "
                f"claim_after_seconds ({self.claim_after_seconds:g})"
            )


class ConsumerDied(Exception):  # noqa: N818 - says what happened
    """Consumers ended, time and again, while they were handling the event."""


@dataclass(frozen=True, slots=True)
class _Item:
    entry: Entry
    delivery: Delivery[Any]


class StreamWorker:
    """Reads, handles, acknowledges; retries, parks and takes over from the dead."""

    def __init__(
        self,
        stream: Stream,
        reader: GroupReader,
        handling: Handling,
        settings: ConsumerSettings,
        observer: EventObserver,
        will_pass: Callable[[Exception], bool],
    ) -> None:
        """`run()` does the work; `stop()` ends it."""
        self._stream = stream
        self._reader = reader
        self._handling = handling
        self._settings = settings
        self._observer = observer
        self._will_pass = will_pass
        self._outage = Outage(str(self))
        self._stopping = asyncio.Event()
        self._reading: asyncio.Future[list[Entry]] | None = None
        self._retries: list[tuple[float, Entry]] = []
        self._next_claim = 0.0

    def __str__(self) -> str:
        return f"consumer of {self._stream.topic}:{self._stream.partition}"

    async def run(self) -> None:
        """Work until `stop()`. Failures of Redis and PostgreSQL are waited out."""
        while not self._stopping.is_set():
            try:
                await self._reader.create_groups()
                # What an outage, or a restart under the same name, left with us.
                await self._resume(await self._reader.held())
                await self._work()
            except Exception as error:  # noqa: BLE001 - whatever it is, events must flow again when it is over
                await sleep_unless(self._stopping, self._outage.failed(error))
        try:
            await self._reader.release()
        except RedisError as error:
            _LOG.info("events.consumer_not_released", stream=str(self._stream), error=type(error).__name__)

    def stop(self) -> None:
        """End `run()` after the batch in hand."""
        self._stopping.set()
        if self._reading is not None:
            self._reading.cancel()

    async def _work(self) -> None:
        while not self._stopping.is_set():
            await self._take_over_abandoned()
            await self._retry_what_is_due()
            entries = await self._read()
            self._outage.succeeded()
            if entries:
                await self._handle_together(entries)

    async def _read(self) -> list[Entry]:
        patience = self._settings.block_seconds
        if self._retries:
            patience = min(patience, max(0.001, self._retries[0][0] - time.monotonic()))
        if len(self._retries) >= self._settings.max_retrying:
            await sleep_unless(self._stopping, patience)
            return []
        if self._stopping.is_set():
            return []
        self._reading = asyncio.ensure_future(self._reader.read(self._settings.batch_size, patience))
        try:
            return await self._reading
        except asyncio.CancelledError:
            if not self._reading.cancelled() or not self._stopping.is_set():
                raise
            return []
        finally:
            self._reading = None

    async def _take_over_abandoned(self) -> None:
        now = time.monotonic()
        if now < self._next_claim:
            return
        self._next_claim = now + self._settings.claim_after_seconds / 3
        settings = self._settings
        await self._resume(await self._reader.claim_abandoned(settings.claim_after_seconds, settings.batch_size))
        await self._reader.forget_dead_consumers(_DEAD_CONSUMER_SECONDS)

    async def _resume(self, entries: Sequence[Entry]) -> None:
        """Try again what was cut off. More than once may mean that it kills its consumers: then alone, not for ever."""
        waiting = {entry.id for _, entry in self._retries}
        cut_off = [entry for entry in entries if entry.id not in waiting]
        once = [entry for entry in cut_off if entry.attempt <= 1]
        if once:
            await self._handle_together(await self._reader.begin_attempt(once))
        for entry in cut_off:
            if entry.attempt >= self._settings.max_attempts:
                for begun in await self._reader.begin_attempt([entry]):
                    died = ConsumerDied(f"{entry.attempt} consumers ended while they were handling it")
                    await self._park(begun, died, attempts=entry.attempt)
            elif entry.attempt > 1:
                await self._handle_alone(entry)

    async def _retry_what_is_due(self) -> None:
        now = time.monotonic()
        due = [entry for moment, entry in self._retries if moment <= now]
        self._retries = [(moment, entry) for moment, entry in self._retries if moment > now]
        for entry in due:
            await self._handle_alone(entry)

    async def _handle_together(self, entries: Sequence[Entry]) -> None:
        items = await self._decode(entries)
        if not items:
            return
        try:
            await self._handle(items)
        except Exception as error:
            if self._will_pass(error):  # and the worker was told to stop
                raise
            if len(items) == 1:
                await self._failed(items[0], error)
                return
            for item in items:
                await self._handle_alone(item.entry)

    async def _handle_alone(self, entry: Entry) -> None:
        for item in await self._decode(await self._reader.begin_attempt([entry])):
            try:
                await self._handle([item])
            except Exception as error:
                if self._will_pass(error):
                    raise
                await self._failed(item, error)

    async def _handle(self, items: Sequence[_Item]) -> None:
        while True:
            try:
                new = await self._handling.handle([item.delivery for item in items])
                break
            except Exception as error:
                if not self._will_pass(error) or self._stopping.is_set():
                    raise
                await sleep_unless(self._stopping, self._outage.failed(error))
        self._outage.succeeded()
        # A crash before this line brings the events again; the inbox knows them.
        await self._reader.acknowledge(item.entry for item in items)
        self._measure(new)

    async def _failed(self, item: _Item, error: Exception) -> None:
        attempt, event_type = item.entry.attempt, type_of(item.delivery)
        self._observer.failed(self._stream, self._handling.group, event_type, error)
        _LOG.warning(
            "events.handler_failed",
            event_id=str(item.delivery.id),
            event_type=event_type,
            attempt=attempt,
            error=type(error).__name__,
            where=place_of(error),
        )
        if attempt >= self._settings.max_attempts:
            await self._park(item.entry, error, attempts=attempt)
        else:
            # 1st attempt: at once, alone (it may have failed for its neighbours); then 0.2, 1, 5, ... seconds.
            pause = 0.0 if attempt == 1 else self._settings.first_retry_seconds * 5 ** (attempt - 2)
            due = time.monotonic() + min(pause, self._settings.longest_retry_seconds)
            self._retries = sorted([*self._retries, (due, item.entry)], key=lambda retry: retry[0])

    async def _park(self, entry: Entry, error: Exception, *, attempts: int) -> None:
        event_type = entry.fields.get(b"type", b"").decode(errors="replace")
        await self._reader.park(entry, about_parking(error, attempts, self._handling.store.clock.now()))
        self._observer.parked(self._stream, self._handling.group, event_type)
        _LOG.error("events.parked", event_type=event_type, attempts=attempts, error=type(error).__name__)

    async def _decode(self, entries: Iterable[Entry]) -> list[_Item]:
        """What can be handled; entries that nobody subscribed to are acknowledged, unreadable ones parked."""
        items: list[_Item] = []
        ignored: list[Entry] = []
        for entry in entries:
            try:
                delivery = self._delivery(entry)
            except (MalformedEntry, DecodeError) as error:
                await self._park(entry, error, attempts=entry.attempt)
                continue
            if delivery is None:
                ignored.append(entry)
            else:
                items.append(_Item(entry, delivery))
        if ignored:
            await self._reader.acknowledge(ignored)
        return items

    def _delivery(self, entry: Entry) -> Delivery[Any] | None:
        envelope = Envelope.from_fields(entry.fields)
        subscription = self._handling.subscriptions.get(envelope.type)
        if subscription is None:
            return None
        return Delivery(
            id=envelope.id,
            message=subscription.event.FromString(envelope.data),
            key=envelope.key,
            time=envelope.time,
            trace=from_headers(envelope.traceparent, envelope.tracestate),
            attempt=entry.attempt,
        )

    def _measure(self, deliveries: Iterable[Delivery[Any]]) -> None:
        now = self._handling.store.clock.now()
        delays: dict[str, list[float]] = {}
        for delivery in deliveries:
            delays.setdefault(type_of(delivery), []).append(max(0.0, (now - delivery.time).total_seconds()))
        for event_type, seconds in delays.items():
            self._observer.handled(self._stream, self._handling.group, event_type, seconds)
