"""What becomes of a batch that fails again and again?

It is put aside and kept, so that those behind it are worked on, until somebody lets it wait again.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import Store, UnitOfWork
from usage_correlation.domain.patterns.columns import unpacked
from usage_correlation.handlers.patterns.ports import Failure, Parked
from usage_correlation.store.arrays import bigints

_SINGLY: Final = 32
"""After a failure so many batches are worked on one by one: those that were taken together."""


async def note_failure(connection: AsyncConnection, failure: Failure, now: datetime, most: int) -> Parked | None:
    """Count a failure of the batch that is the first in its lane; put it aside when there were `most`; what was."""
    where = {"lane": failure.lane, "singly": _SINGLY}
    # Waits for whoever holds the lane: only then is it known which batch is the first.
    tries: int = (await connection.execute(_FAILED, where)).scalar_one()
    if failure.position is None:
        return None
    if tries < most:
        return None
    place = {"lane": failure.lane, "position": failure.position}
    row = (await connection.execute(_FIRST, place)).one_or_none()
    if row is None:
        return None  # somebody else has finished it meanwhile
    event_type, event_count = _read(row.events)
    parked = Parked(failure.position, failure.lane, event_type, event_count, tries, failure.reason, now)
    await connection.execute(
        _PARK,
        {
            **place,
            "type": event_type,
            "count": event_count,
            "tries": tries,
            "reason": failure.reason,
            "time": now,
        },
    )
    await connection.execute(_BEGIN_AGAIN, {"lane": failure.lane})
    return parked


def _read(events: bytes) -> tuple[str, int]:
    """Type and number; nothing of a batch that can't be read."""
    try:
        found = unpacked(events)
    except (ValueError, KeyError, LookupError):
        return "", 0
    return found.type, len(found)


class ParkingStore:
    """Batches that were put aside."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, after: int, size: int) -> Sequence[Parked]:
        """The first `size` after a position, oldest first."""
        async with self._store.reading() as connection:
            rows = (await connection.execute(_PAGE, {"after": after, "size": size})).all()
        return [
            Parked(row.position, row.lane, row.event_type, row.event_count, row.failed_tries, row.reason, row.park_time)
            for row in rows
        ]

    async def replay(self, uow: UnitOfWork, positions: Collection[int]) -> int:
        """Let some wait again, all when none is named, behind what waits now; how many that were."""
        result = await uow.connection.exec_driver_sql(_REPLAY, (bigints(sorted(positions)), not positions))
        return result.rowcount


_FAILED: Final = text("""
    UPDATE usage.correlation_lane SET failed_tries = failed_tries + 1, careful_batches = :singly
    WHERE lane = :lane RETURNING failed_tries
""")
_FIRST: Final = text("""
    SELECT events FROM usage.correlation_queue WHERE lane = :lane AND position = :position
""")
_PARK: Final = text("""
    WITH taken AS (
        DELETE FROM usage.correlation_queue WHERE lane = :lane AND position = :position RETURNING lane, position, events
    )
    INSERT INTO usage.correlation_parked
        (position, lane, events, event_type, event_count, failed_tries, reason, park_time)
    SELECT position, lane, events, :type, :count, :tries, :reason, :time FROM taken
""")
_BEGIN_AGAIN: Final = text("UPDATE usage.correlation_lane SET failed_tries = 0 WHERE lane = :lane")
_PAGE: Final = text("""
    SELECT position, lane, event_type, event_count, failed_tries, reason, park_time FROM usage.correlation_parked
    WHERE position > :after ORDER BY position LIMIT :size
""")
_REPLAY: Final = """
    WITH taken AS (
        DELETE FROM usage.correlation_parked WHERE position = ANY(%b) OR %s RETURNING lane, events, position
    )
    INSERT INTO usage.correlation_queue (lane, events) SELECT lane, events FROM taken ORDER BY position
"""
