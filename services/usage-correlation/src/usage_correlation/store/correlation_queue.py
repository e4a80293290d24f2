"""How do events wait to be correlated, and who works on them?

A lane's row is held by whoever works on it; others pass it by. What is remembered, the signals and that the batches are
done commit together: a process that is killed leaves all of it to the next.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Final

from google.protobuf.message import Message
from sqlalchemy import text

from mesh.store import Store, UnitOfWork
from usage_correlation.domain.patterns.columns import Events, packed, unpacked
from usage_correlation.domain.patterns.watermarks import Clocks, Patience, SourceClock
from usage_correlation.domain.signals import Signal
from usage_correlation.handlers.patterns.ports import LANES, Failure, Parked, Recall
from usage_correlation.store import signals
from usage_correlation.store.arrays import bigints, integers, smallints, texts
from usage_correlation.store.correlation_parking import note_failure
from usage_correlation.store.patterns_memory import PostgresMemory

Announce = Callable[[Signal], Message]


async def enqueue(uow: UnitOfWork, batches: Sequence[tuple[int, Events]]) -> None:
    """Let batches wait, each in its lane; in the transaction that stores what they tell of."""
    if batches:
        columns = (smallints([lane for lane, _ in batches]), [packed(events) for _, events in batches])
        await uow.connection.exec_driver_sql(_ENQUEUE, columns)


class PostgresLane:
    """A lane that is held."""

    def __init__(self, uow: UnitOfWork, number: int, careful: int, announce: Announce) -> None:
        """`careful`: so many batches are taken one by one, because one of them failed."""
        self._uow = uow
        self.number = number
        self.memory = PostgresMemory(uow.connection, number)
        self._careful = careful
        self._taken = 0
        self._announce = announce

    async def clocks(self) -> Clocks:
        """How far each source had come."""
        rows = (await self._uow.connection.execute(_CLOCKS, {"lane": self.number})).all()
        return {row.source: SourceClock(row.clock_micros, row.as_of_micros) for row in rows}

    async def waiting(self, size: int, positions: list[int]) -> Sequence[Events]:
        """The first batches that wait, at most `size` of them, one while some fail; they are removed."""
        where = {"lane": self.number, "size": 1 if self._careful else size}
        rows = (await self._uow.connection.execute(_TAKE, where)).all()
        rows = sorted(rows, key=lambda each: int(each.position))
        positions += [row.position for row in rows]
        self._taken += len(rows)
        return [unpacked(row.events) for row in rows]

    async def pending(self, most: int) -> Sequence[Events] | None:
        """All batches that wait or are put aside, and stay; None when there are more than `most`."""
        rows = (await self._uow.connection.execute(_LOOK, {"lane": self.number, "size": most + 1})).all()
        return None if len(rows) > most else [unpacked(row.events) for row in rows]

    async def raise_signals(self, raised: Sequence[Signal]) -> Sequence[Signal]:
        """Keep and publish signals; those that were new."""
        if not raised:
            return ()
        placed = await signals.add(self._uow.connection, raised)
        for each in placed:
            self._uow.publish(self._announce(each.signal), key=each.signal.subscription)
        return [each.signal for each in placed]

    async def learn(self, clocks: Clocks) -> None:
        """Note how far sources are, where nothing later is known of them."""
        names = sorted(clocks)
        columns = (
            self.number,
            texts(names),
            bigints([clocks[name].micros for name in names]),
            bigints([clocks[name].as_of for name in names]),
        )
        if names:
            await self._uow.connection.exec_driver_sql(_LEARN, columns)

    async def leave(self, changed: Clocks, watermark: tuple[int, int]) -> None:
        """Note how far its sources are, and event time with the moment at which it was so."""
        await self.learn(changed)
        clock, as_of = watermark
        where = {"lane": self.number, "clock": clock, "as_of": as_of, "careful": max(0, self._careful - self._taken)}
        await self._uow.connection.execute(_LEAVE, where)

    async def recall(self, states: Collection[int], made_before: int) -> Recall | None:
        """For which of some states what is stored is still to be looked up, if asked for before a moment."""
        columns = (self.number, integers(sorted(states)), made_before)
        row = (await self._uow.connection.exec_driver_sql(_RECALL, columns)).one_or_none()
        return None if row is None else Recall(row.state_key, row.after_subscription, row.live_micros)

    async def recalled(self, recall: Recall, after: str | None) -> None:
        """It was looked up until this subscription; None: for all."""
        where = {"lane": self.number, "state": recall.state, "after": after}
        await self._uow.connection.execute(_RECALLED_ALL if after is None else _RECALLED, where)


class PostgresLanes:
    """All lanes."""

    def __init__(self, store: Store, announce: Announce) -> None:
        self._store = store
        self._announce = announce

    def free(self, number: int) -> AbstractAsyncContextManager[PostgresLane | None]:
        """A lane, unless somebody else holds it; what is done commits when the block ends well."""
        return self._free(number)

    @asynccontextmanager
    async def _free(self, number: int) -> AsyncIterator[PostgresLane | None]:
        async with self._store.unit_of_work() as uow:
            row = (await uow.connection.execute(_HOLD, {"lane": number})).one_or_none()
            yield None if row is None else PostgresLane(uow, number, row.careful_batches, self._announce)

    async def pending(self, states: Collection[int], now: int, patience: Patience) -> Sequence[int]:
        """The lanes in which something waits, or is due by their clocks."""
        async with self._store.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            columns = (integers(sorted(states)), now - patience.idle, patience.behind, now, now)
            return list((await connection.exec_driver_sql(_PENDING, columns)).scalars())

    async def failed(self, failure: Failure, now: datetime, *, most: int) -> Parked | None:
        """Note that work failed. After `most` times in a row the batch is put aside; what was."""
        async with self._store.unit_of_work() as uow:
            return await note_failure(uow.connection, failure, now, most)

    async def prune(self, kept: Mapping[int, int], forget_sources_before: int) -> None:
        """Forget what no pattern needs: `kept` says by state for how many microseconds behind the clock."""
        states = sorted(kept)
        columns = (LANES, integers(states), bigints([kept[state] for state in states]))
        for number in range(LANES):
            # Whoever works on the lane meanwhile would be waited for, and would wait.
            async with self._store.unit_of_work() as uow:
                if (await uow.connection.execute(_HOLD, {"lane": number})).one_or_none() is None:
                    continue
                for statement in _PRUNE:
                    await uow.connection.exec_driver_sql(statement, (*columns, number))
                await uow.connection.exec_driver_sql(_PRUNE_DUE, (number, integers(states)))
                await uow.connection.exec_driver_sql(_PRUNE_SOURCES, (number, forget_sources_before))


_ENQUEUE: Final = "INSERT INTO usage.correlation_queue (lane, events) SELECT * FROM unnest(%b, %b::bytea[])"
_TAKE: Final = text("""
    DELETE FROM usage.correlation_queue
    WHERE lane = :lane AND position IN (
        SELECT position FROM usage.correlation_queue WHERE lane = :lane ORDER BY position LIMIT :size
    )
    RETURNING position, events
""")
_LOOK: Final = text("""
    SELECT events FROM usage.correlation_queue WHERE lane = :lane
    UNION ALL SELECT events FROM usage.correlation_parked WHERE lane = :lane AND event_count > 0
    LIMIT :size
""")
_HOLD: Final = text("SELECT careful_batches FROM usage.correlation_lane WHERE lane = :lane FOR UPDATE SKIP LOCKED")
_CLOCKS: Final = text("SELECT source, clock_micros, as_of_micros FROM usage.correlation_source WHERE lane = :lane")
_LEAVE: Final = text("""
    UPDATE usage.correlation_lane
    SET clock_micros = :clock, as_of_micros = :as_of, careful_batches = :careful, failed_tries = 0
    WHERE lane = :lane
""")
_LEARN: Final = """
    INSERT INTO usage.correlation_source AS known (lane, source, clock_micros, as_of_micros)
    SELECT %s, * FROM unnest(%b, %b, %b)
    ON CONFLICT (lane, source) DO UPDATE SET
        clock_micros = greatest(known.clock_micros, excluded.clock_micros),
        as_of_micros = greatest(known.as_of_micros, excluded.as_of_micros)
"""
# As domain/patterns/watermarks.py has it.
_PENDING: Final = """
    SELECT lane FROM usage.correlation_lane AS at
    WHERE EXISTS (SELECT FROM usage.correlation_queue AS queue WHERE queue.lane = at.lane) OR EXISTS (
        SELECT FROM usage.pattern_due AS due
        WHERE due.lane = at.lane AND due.state_key = ANY(%b) AND due.settle_micros <= (
            SELECT coalesce(
                greatest(coalesce(min(reached) FILTER (WHERE as_of_micros >= %s), max(reached)), max(reached) - %s), 0)
            FROM (
                SELECT as_of_micros,
                    least(clock_micros + greatest(0, %s::bigint - as_of_micros), %s::bigint) AS reached
                FROM usage.correlation_source AS source WHERE source.lane = at.lane
            ) AS sources
        )
    )
"""
_RECALL: Final = """
    SELECT state_key, after_subscription, live_micros FROM usage.pattern_recall
    WHERE lane = %s AND state_key = ANY(%b) AND live_micros <= %s
    ORDER BY state_key LIMIT 1
"""
_RECALLED: Final = text("""
    UPDATE usage.pattern_recall SET after_subscription = :after WHERE lane = :lane AND state_key = :state
""")
_RECALLED_ALL: Final = text("DELETE FROM usage.pattern_recall WHERE lane = :lane AND state_key = :state")
_PRUNE: Final = tuple(
    f"""
    DELETE FROM usage.{table} AS old
    USING usage.correlation_lane AS at
    WHERE at.lane = old.shard %% %s AND NOT EXISTS (
        SELECT FROM unnest(%b, %b) AS kept (state_key, micros)
        WHERE kept.state_key = old.state_key AND old.{column} >= at.clock_micros - kept.micros
    ) AND at.lane = %s
    """  # noqa: S608 - put together from constants
    for table, column in (("pattern_event", "event_micros"), ("pattern_sum", "start_micros"))
)
_PRUNE_DUE: Final = "DELETE FROM usage.pattern_due WHERE lane = %s AND NOT state_key = ANY(%b)"
_PRUNE_SOURCES: Final = "DELETE FROM usage.correlation_source WHERE lane = %s AND as_of_micros < %s"
