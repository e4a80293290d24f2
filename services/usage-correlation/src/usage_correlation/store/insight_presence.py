"""Where were subscriptions when they were last used abroad?"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row

from mesh.store import UnitOfWork
from usage_correlation.domain.insights.roaming import NEVER_SEEN, Presence
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.handlers.insights.ports import Around
from usage_correlation.store.arrays import integers, smallints, texts, timestamps


class PostgresPresences:
    """Reads and writes them within one transaction."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection

    async def hold(self, subscribers: Sequence[Subscriber]) -> Sequence[Presence]:
        """Of each, in this order; whoever else has usage abroad of them waits until the transaction ends."""
        found = {
            row.subscription_key: NEVER_SEEN
            if row.start_time is None
            else Presence(row.place, to_micros(row.start_time))
            for row in await self._connection.exec_driver_sql(_HOLD, _keys(subscribers))
        }
        return [found[each.key] for each in subscribers]

    async def around(
        self, subscribers: Sequence[Subscriber], after_micros: Sequence[int], before_micros: Sequence[int]
    ) -> Sequence[Around]:
        """What is stored of each between two moments, both exclusive, and its newest record."""
        columns = (*_keys(subscribers), timestamps(after_micros), timestamps(before_micros))
        rows = (await self._connection.exec_driver_sql(_AROUND, columns)).all()
        return [
            Around(
                None if row.before_time is None else (row.visited_network, to_micros(row.before_time)),
                to_micros(row.newest_time),
            )
            for row in sorted(rows, key=lambda row: row.number)
        ]

    async def keep(self, subscribers: Sequence[Subscriber], presences: Sequence[Presence]) -> None:
        """Remember where they are now."""
        columns = (
            *_keys(subscribers),
            texts([each.place for each in presences]),
            timestamps([each.start_micros for each in presences]),
        )
        await self._connection.exec_driver_sql(_KEEP, columns)


def _presence(row: Row[Any]) -> Presence:
    """Any: columns of several types."""
    return NEVER_SEEN if row.start_time is None else Presence(row.place, to_micros(row.start_time))


def _keys(subscribers: Sequence[Subscriber]) -> tuple[Any, Any]:
    """Any: arrays as the driver takes them."""
    return smallints([each.shard for each in subscribers]), integers([each.key for each in subscribers])


# The update changes nothing and locks the row; the order of the arrays is the order of the locks.
_HOLD: Final = """
    INSERT INTO usage.roaming_presence AS presence (shard, subscription_key, place)
    SELECT shard, subscription_key, '' FROM unnest(%b, %b) AS wanted (shard, subscription_key)
    ON CONFLICT (shard, subscription_key) DO UPDATE SET place = presence.place
    RETURNING subscription_key, place, start_time
"""
_AROUND: Final = """
    SELECT wanted.number, before.visited_network, before.start_time AS before_time, newest.start_time AS newest_time
    FROM unnest(%b, %b, %b, %b) WITH ORDINALITY AS wanted (shard, subscription_key, after_time, before_time, number)
    LEFT JOIN LATERAL (
        SELECT visited_network, start_time
        FROM usage.usage_record AS record
        WHERE record.shard = wanted.shard AND record.subscription_key = wanted.subscription_key
            AND record.start_time > wanted.after_time AND record.start_time < wanted.before_time
        ORDER BY record.start_time DESC
        LIMIT 1
    ) AS before ON true
    CROSS JOIN LATERAL (
        SELECT start_time
        FROM usage.usage_record AS record
        WHERE record.shard = wanted.shard AND record.subscription_key = wanted.subscription_key
        ORDER BY record.start_time DESC
        LIMIT 1
    ) AS newest
"""
_KEEP: Final = """
    UPDATE usage.roaming_presence AS presence
    SET place = seen.place, start_time = seen.start_time
    FROM unnest(%b, %b, %b, %b) AS seen (shard, subscription_key, place, start_time)
    WHERE presence.shard = seen.shard AND presence.subscription_key = seen.subscription_key
"""
