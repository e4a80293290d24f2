"""How do events wait to be correlated, and who works on them?

A lane's row is held by whoever works on it; others pass it by. What is remembered, the signals and that the batches are
done commit together: a process that is killed leaves all of it to the next.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from google.protobuf.message import Message
from sqlalchemy import text

from mesh.store import Store, UnitOfWork
from usage_correlation.domain.patterns.columns import Events, packed, unpacked
from usage_correlation.domain.signals import Signal
from usage_correlation.handlers.patterns.ports import LANES
from usage_correlation.store import signals
from usage_correlation.store.arrays import bigints, integers, smallints
from usage_correlation.store.patterns_memory import PostgresMemory

Announce = Callable[[Signal], Message]


async def enqueue(uow: UnitOfWork, batches: Sequence[tuple[int, Events]]) -> None:
    """Let batches wait, each in its lane; in the transaction that stores what they tell of."""
    if batches:
        columns = (smallints([lane for lane, _ in batches]), [packed(events) for _, events in batches])
        await uow.connection.exec_driver_sql(_ENQUEUE, columns)


class PostgresLane:
    """A lane that is held."""

    def __init__(self, uow: UnitOfWork, number: int, clock: tuple[int, int], announce: Announce) -> None:
        self._uow = uow
        self.number = number
        self.clock = clock
        self.memory = PostgresMemory(uow.connection, number)
        self._announce = announce

    async def waiting(self, size: int) -> Sequence[Events]:
        """The first batches that wait, at most `size` of them; they are removed."""
        rows = (await self._uow.connection.execute(_TAKE, {"lane": self.number, "size": size})).all()
        return [unpacked(row.events) for row in sorted(rows, key=lambda each: int(each.position))]

    async def raise_signals(self, raised: Sequence[Signal]) -> Sequence[Signal]:
        """Keep and publish signals; those that were new."""
        if not raised:
            return ()
        placed = await signals.add(self._uow.connection, raised)
        for each in placed:
            self._uow.publish(self._announce(each.signal), key=each.signal.subscription)
        return [each.signal for each in placed]

    async def leave(self, clock: tuple[int, int]) -> None:
        """Note how far the clock is."""
        columns = {"lane": self.number, "clock": clock[0], "as_of": clock[1]}
        await self._uow.connection.execute(_LEAVE, columns)


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
            if row is None:
                yield None
            else:
                yield PostgresLane(uow, number, (row.clock_micros, row.as_of_micros), self._announce)

    async def pending(self, states: Collection[int], now: int) -> Sequence[int]:
        """The lanes in which something waits, or is due by their clocks."""
        async with self._store.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            columns = (integers(sorted(states)), now, now)
            return list((await connection.exec_driver_sql(_PENDING, columns)).scalars())

    async def prune(self, kept: Mapping[int, int]) -> None:
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


_ENQUEUE: Final = "INSERT INTO usage.correlation_queue (lane, events) SELECT * FROM unnest(%b, %b::bytea[])"
_TAKE: Final = text("""
    DELETE FROM usage.correlation_queue
    WHERE lane = :lane AND position IN (
        SELECT position FROM usage.correlation_queue WHERE lane = :lane ORDER BY position LIMIT :size
    )
    RETURNING position, events
""")
_HOLD: Final = text("""
    SELECT clock_micros, as_of_micros FROM usage.correlation_lane WHERE lane = :lane FOR UPDATE SKIP LOCKED
""")
_LEAVE: Final = text("""
    UPDATE usage.correlation_lane SET clock_micros = :clock, as_of_micros = :as_of WHERE lane = :lane
""")
_PENDING: Final = """
    SELECT lane FROM usage.correlation_lane AS at
    WHERE EXISTS (SELECT FROM usage.correlation_queue AS queue WHERE queue.lane = at.lane) OR EXISTS (
        SELECT FROM usage.pattern_due AS due
        WHERE due.lane = at.lane AND due.state_key = ANY(%b)
            AND due.settle_micros <= least(at.clock_micros + greatest(0, %s::bigint - at.as_of_micros), %s::bigint)
    )
"""
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
