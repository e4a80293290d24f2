"""To which subscriptions do subscriber identifiers belong?"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import text

from mesh.store import Store
from usage_correlation.domain.shards import shard_of


class IdentifierStore:
    """Subscriber identifiers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def subscriptions(self, identifiers: Collection[str]) -> Mapping[str, str]:
        """The subscriptions of those that are known, by identifier."""
        wanted = sorted(set(identifiers))
        columns = {"shards": [shard_of(each) for each in wanted], "identifiers": wanted}
        async with self._store.reading() as connection:
            return {row.identifier: row.subscription_id for row in await connection.execute(_FIND, columns)}

    async def assign(self, subscriptions: Mapping[str, str], now: datetime) -> None:
        """Say whose they are, by identifier; an empty subscription forgets one."""
        # Sorted: two who assign the same wait for each other in one order.
        given = sorted((name, whose) for name, whose in subscriptions.items() if whose)
        forgotten = sorted(name for name, whose in subscriptions.items() if not whose)
        async with self._store.unit_of_work() as uow:
            if given:
                names, whose = zip(*given, strict=True)
                shards = [shard_of(each) for each in names]
                columns = {"shards": shards, "identifiers": list(names), "subscriptions": list(whose), "now": now}
                await uow.connection.execute(_ASSIGN, columns)
            if forgotten:
                columns = {"shards": [shard_of(each) for each in forgotten], "identifiers": forgotten}
                await uow.connection.execute(_FORGET, columns)


_WANTED: Final = "unnest(CAST(:shards AS smallint[]), CAST(:identifiers AS text[])) AS wanted (shard, identifier)"
_FIND: Final = text(f"""
    SELECT identifier, subscription_id
    FROM usage.subscriber_identifier JOIN {_WANTED} USING (shard, identifier)
""")  # noqa: S608 - put together from constants
_ASSIGN: Final = text("""
    INSERT INTO usage.subscriber_identifier (shard, identifier, subscription_id, update_time)
    SELECT shard, identifier, subscription, :now
    FROM unnest(CAST(:shards AS smallint[]), CAST(:identifiers AS text[]), CAST(:subscriptions AS text[]))
        AS given (shard, identifier, subscription)
    ON CONFLICT (shard, identifier) DO UPDATE SET subscription_id = EXCLUDED.subscription_id, update_time = :now
""")
_FORGET: Final = text(f"""
    DELETE FROM usage.subscriber_identifier AS known USING {_WANTED}
    WHERE known.shard = wanted.shard AND known.identifier = wanted.identifier
""")  # noqa: S608 - the same
