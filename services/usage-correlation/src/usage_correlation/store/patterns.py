"""How are patterns kept?"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.clock import Clock
from mesh.store import Store
from usage_correlation.domain.moments import to_micros
from usage_correlation.handlers.patterns.ports import LANES, KeptPattern
from usage_correlation.handlers.ports import ChangeKind
from usage_correlation.store.changes import note_changes
from usage_correlation.store.patterns_tables import PATTERN, PATTERN_STATE


class PatternStore:
    """Reads patterns."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def all(self) -> Sequence[tuple[KeptPattern, int]]:
        """All, with the key of their state."""
        return [(_pattern(row), row.state_key) for row in await self._read(_ALL)]

    async def get(self, pattern_id: str) -> KeptPattern | None:
        """One."""
        found = await self._read(_ALL.where(PATTERN.c.pattern_id == pattern_id))
        return _pattern(found[0]) if found else None

    async def recalling(self) -> Collection[str]:
        """The ids of those whose past is being looked up; of a paused one it is once it is resumed."""
        async with self._store.reading() as connection:
            return set((await connection.execute(_RECALLING)).scalars())

    async def page(self, after: str, size: int) -> Sequence[KeptPattern]:
        """The first `size` whose id comes after `after`, by id."""
        return [_pattern(row) for row in await self._read(_ALL.where(PATTERN.c.pattern_id > after).limit(size))]

    async def _read(self, query: Select[Any]) -> Sequence[Row[Any]]:
        async with self._store.reading() as connection:
            return list(await connection.execute(query))


class PostgresPatternWriter:
    """Changes patterns in one transaction, and notes that for every replica."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def lock(self, pattern_id: str) -> KeptPattern | None:
        """One, and nobody else changes it until the transaction ends."""
        query = _ALL.where(PATTERN.c.pattern_id == pattern_id).with_for_update()
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _pattern(row)

    async def add(self, pattern: KeptPattern, state_digest: str) -> bool:
        """Keep a new one, to look up its past; False when its id is taken."""
        state = await self._state(pattern.id, state_digest)
        statement = insert(PATTERN).values(_columns(pattern, state))
        added = (
            await self._connection.execute(statement.on_conflict_do_nothing().returning(PATTERN.c.pattern_id))
        ).one_or_none()
        if added is not None:
            await self._recall(state)
            await self._note(pattern.id)
        return added is not None

    async def save(self, pattern: KeptPattern, state_digest: str, *, resumed: bool) -> None:
        """Write a changed one; it must be locked. Its past is looked up when it counts otherwise, or was `resumed`."""
        mine = PATTERN.c.pattern_id == pattern.id
        before = (await self._connection.execute(select(PATTERN.c.state_key).where(mine))).scalar_one()
        state = await self._state(pattern.id, state_digest)
        await self._connection.execute(update(PATTERN).where(mine).values(_columns(pattern, state)))
        if resumed or state != before:
            await self._recall(state)
        await self._note(pattern.id)

    async def remove(self, pattern_id: str) -> None:
        """Remove one; it must be locked. What it has counted is removed by and by: its key is never given again."""
        await self._connection.execute(delete(PATTERN).where(PATTERN.c.pattern_id == pattern_id))
        await self._connection.execute(delete(PATTERN_STATE).where(PATTERN_STATE.c.pattern_id == pattern_id))
        await self._connection.execute(_NO_RECALL)
        await self._note(pattern_id)

    async def recalling(self, pattern_id: str) -> bool:
        """Whether the past of one is being looked up."""
        return pattern_id in set((await self._connection.execute(_RECALLING)).scalars())

    async def _state(self, pattern_id: str, state_digest: str) -> int:
        """The key of what is counted. What was counted otherwise is given up: going back to it begins anew."""
        where = {"pattern": pattern_id, "digest": state_digest}
        await self._connection.execute(_GIVE_UP, where)
        await self._connection.execute(_NO_RECALL)
        key: int = (await self._connection.execute(_STATE, where)).scalar_one()
        return key

    async def _recall(self, state: int) -> None:
        where = {"state": state, "last_lane": LANES - 1, "live": to_micros(self._clock.now())}
        await self._connection.execute(_RECALL, where)

    async def _note(self, pattern_id: str) -> None:
        await note_changes(self._connection, [(ChangeKind.PATTERN, pattern_id)], self._clock.now())


def _columns(pattern: KeptPattern, state: int) -> Mapping[str, object]:
    return {
        "pattern_id": pattern.id,
        "document": pattern.document,
        "paused": pattern.paused,
        "revision": pattern.revision,
        "state_key": state,
        "create_time": pattern.create_time,
        "update_time": pattern.update_time,
    }


def _pattern(row: Row[Any]) -> KeptPattern:
    return KeptPattern(row.pattern_id, row.document, row.paused, row.revision, row.create_time, row.update_time)


_ALL: Final = select(PATTERN).order_by(PATTERN.c.pattern_id)
_GIVE_UP: Final = text("DELETE FROM usage.pattern_state WHERE pattern_id = :pattern AND state_digest <> :digest")
_STATE: Final = text("""
    INSERT INTO usage.pattern_state (pattern_id, state_digest) VALUES (:pattern, :digest)
    ON CONFLICT (pattern_id, state_digest) DO UPDATE SET state_digest = excluded.state_digest
    RETURNING state_key
""")
_RECALL: Final = text("""
    INSERT INTO usage.pattern_recall (state_key, lane, after_subscription, live_micros)
    SELECT :state, lane, '', :live FROM generate_series(0, :last_lane) AS lane
    ON CONFLICT (state_key, lane) DO UPDATE SET after_subscription = '', live_micros = excluded.live_micros
""")
_NO_RECALL: Final = text("""
    DELETE FROM usage.pattern_recall AS old
    WHERE NOT EXISTS (SELECT FROM usage.pattern_state AS state WHERE state.state_key = old.state_key)
""")
_RECALLING: Final = text("""
    SELECT DISTINCT pattern_id FROM usage.pattern JOIN usage.pattern_recall USING (state_key) WHERE NOT paused
""")
