"""Which bill cycles that are over were looked at, and which come next?"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from google.protobuf.message import Message
from sqlalchemy import Row, TextClause, text

from mesh.store import Store, UnitOfWork
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.shards import SHARDS
from usage_correlation.domain.signals import Signal
from usage_correlation.handlers.insights.ports import ClosedCycle
from usage_correlation.store import signals


@dataclass(frozen=True, slots=True)
class Subject:
    """What rounds look at."""

    next: TextClause
    """Selects subscriptions of a `shard` above the key `after`, by key, of which something ended in (since, until]."""
    first_round: timedelta
    """How far the first round looks back."""
    read: Callable[[Row[Any]], ClosedCycle]
    """Any: columns of several types."""


def _closed_cycle(row: Row[Any]) -> ClosedCycle:
    """Any: columns of several types."""
    cycle = BillCycle(to_micros(row.cycle_start_time), to_micros(row.cycle_end_time))
    return ClosedCycle(row.subscription_id, row.subscription_key, cycle)


CLOSED_CYCLES: Final = Subject(
    text("""
        SELECT DISTINCT ON (subscription_key) subscription_key, subscription_id, cycle_start_time, cycle_end_time
        FROM usage.bill_cycle JOIN usage.subscription USING (subscription_key)
        WHERE shard = :shard AND subscription_key > :after AND cycle_end_time > :since AND cycle_end_time <= :until
        ORDER BY subscription_key, cycle_start_time DESC
        LIMIT :size
    """),
    # Each subscription's newest cycle that is over, and no more of the past.
    timedelta(days=31),
    _closed_cycle,
)


class PostgresRoundPage:
    """Some cycles, in the transaction that marks them as done."""

    def __init__(self, uow: UnitOfWork, announce: Callable[[Signal], Message], cycles: Sequence[ClosedCycle]) -> None:
        self._uow = uow
        self._announce = announce
        self._cycles = cycles

    @property
    def cycles(self) -> Sequence[ClosedCycle]:
        """The newest of each subscription."""
        return self._cycles

    async def raise_signals(self, raised: Sequence[Signal]) -> int:
        """Keep and publish those that are new; how many these were."""
        if not raised:
            return 0
        placed = await signals.add(self._uow.connection, raised)
        for each in placed:
            self._uow.publish(self._announce(each.signal), key=each.signal.subscription)
        return len(placed)


class PostgresRounds:
    """How far each insight has come, by shard."""

    def __init__(
        self,
        store: Store,
        announce: Callable[[Signal], Message],
        pause: timedelta,
        subject: Subject = CLOSED_CYCLES,
    ) -> None:
        """`pause`: a round begins when so much time has gone by since the one before."""
        self._store = store
        self._announce = announce
        self._pause = pause
        self._subject = subject

    async def due(self, insight: str, target: datetime) -> Sequence[int]:
        """The shards in which there is something to do, if nobody else does it."""
        where = {"insight": insight, "latest": target - self._pause}
        async with self._store.reading() as connection:
            rows = (await connection.execute(_DUE, where)).all()
        if len(rows) < SHARDS:
            async with self._store.unit_of_work() as uow:
                first = target - self._subject.first_round
                await uow.connection.execute(
                    _BEGIN, {"insight": insight, "first": first, "target": target, "shards": SHARDS}
                )
            return await self.due(insight, target)
        return [row.shard for row in rows if row.due]

    def page(
        self, insight: str, shard: int, target: datetime, size: int
    ) -> AbstractAsyncContextManager[PostgresRoundPage | None]:
        """The next cycles of the shard that ended up to `target`; None when there is nothing to do, or others do it."""
        return self._page(insight, shard, target, size)

    @asynccontextmanager
    async def _page(
        self, insight: str, shard: int, target: datetime, size: int
    ) -> AsyncIterator[PostgresRoundPage | None]:
        place = {"insight": insight, "shard": shard}
        async with self._store.unit_of_work() as uow:
            connection = uow.connection
            row = (await connection.execute(_LOCK, place)).one_or_none()
            if row is None or (row.target_time is None and target < row.done_until_time + self._pause):
                yield None
                return
            aim = row.target_time or target
            window = {"shard": shard, "since": row.done_until_time, "until": aim, "after": row.after_key, "size": size}
            found = (await connection.execute(self._subject.next, window)).all()
            yield PostgresRoundPage(uow, self._announce, [self._subject.read(each) for each in found])
            if len(found) < size:
                await connection.execute(_FINISH, place | {"until": aim})
            else:
                await connection.execute(_GO_ON, place | {"target": aim, "after": found[-1].subscription_key})


_DUE: Final = text("""
    SELECT shard, target_time IS NOT NULL OR done_until_time <= :latest AS due
    FROM usage.insight_round
    WHERE insight = :insight
    ORDER BY shard
""")
# Where nothing has been used yet there is nothing to look back to.
_BEGIN: Final = text("""
    INSERT INTO usage.insight_round (insight, shard, done_until_time, after_key)
    SELECT :insight, shard, CASE WHEN used.before THEN CAST(:first AS timestamptz) ELSE :target END, 0
    FROM generate_series(0, :shards - 1) AS shard, (SELECT EXISTS (SELECT FROM usage.bill_cycle) AS before) AS used
    ON CONFLICT (insight, shard) DO NOTHING
""")
_LOCK: Final = text("""
    SELECT done_until_time, target_time, after_key
    FROM usage.insight_round
    WHERE insight = :insight AND shard = :shard
    FOR UPDATE SKIP LOCKED
""")
_FINISH: Final = text("""
    UPDATE usage.insight_round
    SET done_until_time = :until, target_time = NULL, after_key = 0
    WHERE insight = :insight AND shard = :shard
""")
_GO_ON: Final = text("""
    UPDATE usage.insight_round
    SET target_time = :target, after_key = :after
    WHERE insight = :insight AND shard = :shard
""")
