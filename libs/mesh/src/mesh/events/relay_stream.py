"""How does one batch get from the outbox into its stream, and how is lost data noticed and sent again?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.events import scripts
from mesh.events.client import RedisClient
from mesh.events.measure import EventObserver
from mesh.events.streams import Envelope, events_key, relay_key
from mesh.store import Store
from mesh.store.outbox import Stream

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """How much is moved at once, and how much is kept in Redis."""

    batch_size: int = 500
    """Events moved in one transaction."""
    poll_seconds: float = 1.0
    """How often to look for events of other processes, and for Redis having lost its data."""
    trim_seconds: float = 10.0
    """How often to drop entries that every group has handled."""
    keep_entries: int = 10_000
    """Above this, entries that every group has handled are dropped from a stream."""
    max_entries: int = 1_000_000
    """Above this, events wait in the outbox until the slowest group catches up: nothing unread is ever dropped."""


@dataclass(frozen=True, slots=True)
class _State:
    epoch: str
    sequence: int
    groups: tuple[str, ...]


class StreamRelay:
    """What a relay does for one stream at a time; one relay of all replicas at a time, by a row lock."""

    def __init__(self, store: Store, redis: RedisClient, settings: RelaySettings, observer: EventObserver) -> None:
        """Nothing is opened here."""
        self._engine = store.engine
        self._schema = store.schema
        self._redis = redis
        self._settings = settings
        self._observer = observer
        self._full: set[Stream] = set()

    async def in_need(self) -> set[Stream]:
        """The streams that have events waiting, or have lost some: one look at each of the two servers."""
        async with self._engine.begin() as connection:
            waiting = {Stream(*row) for row in await connection.execute(self._sql(_WAITING_STREAMS))}
            places = {Stream(*row[:2]): row for row in await connection.execute(self._sql(_PLACES))}
        pipeline = self._redis.pipeline(transaction=False)
        for stream in places:
            pipeline.hmget(relay_key(stream), "epoch", "sequence")
        answers = await pipeline.execute()
        for (stream, place), (epoch, sequence) in zip(places.items(), answers, strict=True):
            if epoch is None or epoch.decode() != place.epoch or int(sequence) < place.sequence:
                waiting.add(stream)
        return waiting

    async def known(self) -> set[Stream]:
        """The streams that ever had events."""
        async with self._engine.begin() as connection:
            return {Stream(*row[:2]) for row in await connection.execute(self._sql(_PLACES))}

    async def relay_batch(self, stream: Stream) -> bool:
        """Move up to one batch; whether there may be more to move at once."""
        async with self._engine.begin() as connection:
            state = await self._lock(connection, stream)
            rows = await self._waiting(connection, stream)
            outcome, sequence, epoch = await self._append(stream, state, rows)
            if outcome == b"lost":
                await self._begin_anew(connection, stream, state, epoch.decode(), sequence)
                return True
            if outcome == b"full":
                self._note_full(stream)
                return False
            if rows:
                await self._mark(connection, stream, rows, sequence)
        self._full.discard(stream)
        if rows:
            self._observer.relayed(stream, len(rows))
        return len(rows) == self._settings.batch_size

    async def trim(self, stream: Stream) -> None:
        """Drop entries that every group has handled, and remember the groups in case Redis forgets them."""
        async with self._engine.begin() as connection:
            state = await self._lock(connection, stream)
            answer = await self._script(scripts.TRIM, stream, state.epoch, self._settings.keep_entries)
            groups = tuple(sorted(name.decode() for name in answer[1:]))
            if answer[0] == b"ok" and groups != state.groups:
                await connection.execute(self._sql(_SET_GROUPS), {**_key(stream), "groups": list(groups)})

    async def _lock(self, connection: AsyncConnection, stream: Stream) -> _State:
        """Keep other relays off the stream until the transaction ends; its place in Redis and who reads it."""
        row = (await connection.execute(self._sql(_LOCK), _key(stream))).one_or_none()
        if row is None:
            await connection.execute(self._sql(_CREATE), _key(stream))
            row = (await connection.execute(self._sql(_LOCK), _key(stream))).one()
        return _State(row.epoch, row.sequence, tuple(row.groups))

    async def _waiting(self, connection: AsyncConnection, stream: Stream) -> Sequence[Row[Any]]:
        found = await connection.execute(self._sql(_WAITING), {**_key(stream), "batch": self._settings.batch_size})
        return found.all()

    async def _append(self, stream: Stream, state: _State, rows: Sequence[Row[Any]]) -> tuple[bytes, int, bytes]:
        arguments: list[str | bytes | int] = [state.epoch, state.sequence, self._settings.max_entries, len(rows)]
        for row in rows:
            envelope = Envelope(row.id, row.type, row.key, row.time, row.traceparent, row.tracestate, row.data)
            fields = envelope.to_fields(source=f"/{stream.topic}")
            arguments += [len(fields), *fields]
        outcome, sequence, epoch = await self._script(scripts.APPEND, stream, *arguments)
        return outcome, sequence, epoch

    async def _mark(self, connection: AsyncConnection, stream: Stream, rows: Sequence[Row[Any]], sequence: int) -> None:
        first = sequence - len(rows) + 1
        places = {"positions": [row.position for row in rows], "sequences": list(range(first, sequence + 1))}
        await connection.execute(self._sql(_MARK), {**_key(stream), **places, "sequence": sequence})

    async def _begin_anew(
        self, connection: AsyncConnection, stream: Stream, state: _State, epoch: str, sequence: int
    ) -> None:
        """Redis knows less than we do: let everything that it does not have wait for the relay again."""
        kept = sequence if epoch == state.epoch else 0
        sequence, begun = await self._script(scripts.BEGIN, stream, str(uuid4()), *state.groups)
        lost = await connection.execute(self._sql(_RELAY_AGAIN), {**_key(stream), "kept": kept})
        place = {"epoch": begun.decode(), "sequence": sequence}
        await connection.execute(self._sql(_SET_PLACE), {**_key(stream), **place})
        if state.epoch:
            _LOG.warning("events.redis_lost_data", stream=events_key(stream), relayed_again=lost.rowcount)

    def _note_full(self, stream: Stream) -> None:
        if stream not in self._full:
            self._full.add(stream)
            _LOG.warning("events.stream_full", stream=events_key(stream), entries=self._settings.max_entries)

    async def _script(self, script: str, stream: Stream, *arguments: str | bytes | int) -> Any:
        # Any: the answer's shape is the script's.
        return await self._redis.eval(script, 2, relay_key(stream), events_key(stream), *arguments)

    def _sql(self, statement: str) -> TextClause:
        return text(statement.format(schema=self._schema))


def _key(stream: Stream) -> dict[str, object]:
    return {"topic": stream.topic, "partition": stream.partition}


_WAITING_STREAMS = "SELECT DISTINCT topic, partition FROM {schema}.outbox WHERE sequence IS NULL"
_PLACES = "SELECT topic, partition, epoch, sequence FROM {schema}.relay_state"
# A mark that a crash of PostgreSQL undoes is an event relayed twice, which inboxes make harmless: no need to wait for
# the disk. A relay that hangs must not hold up the others: then the server ends its session and frees the lock.
_LOCK = """
    SELECT epoch, sequence, groups,
           set_config('synchronous_commit', 'off', true),
           set_config('idle_in_transaction_session_timeout', '15s', true)
    FROM {schema}.relay_state WHERE topic = :topic AND partition = :partition FOR UPDATE
"""
_CREATE = """
    INSERT INTO {schema}.relay_state (topic, partition, epoch, sequence, groups)
    VALUES (:topic, :partition, '', 0, '{{}}') ON CONFLICT DO NOTHING
"""
_WAITING = """
    SELECT position, id, type, key, "time", traceparent, tracestate, data FROM {schema}.outbox
    WHERE sequence IS NULL AND topic = :topic AND partition = :partition
    ORDER BY position LIMIT :batch FOR UPDATE SKIP LOCKED
"""
_MARK = """
    WITH marked AS (
        UPDATE {schema}.outbox SET sequence = relayed.sequence
        FROM unnest(CAST(:positions AS bigint[]), CAST(:sequences AS bigint[])) AS relayed (position, sequence)
        WHERE outbox.position = relayed.position
    )
    UPDATE {schema}.relay_state SET sequence = :sequence WHERE topic = :topic AND partition = :partition
"""
_RELAY_AGAIN = """
    UPDATE {schema}.outbox SET sequence = NULL
    WHERE topic = :topic AND partition = :partition AND sequence > :kept
"""
_SET_PLACE = """
    UPDATE {schema}.relay_state SET epoch = :epoch, sequence = :sequence
    WHERE topic = :topic AND partition = :partition
"""
_SET_GROUPS = """
    UPDATE {schema}.relay_state SET groups = :groups WHERE topic = :topic AND partition = :partition
"""
