"""What has changed that the memory of every replica must forget?"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.clock import Clock
from mesh.store import Store
from usage_correlation.handlers.ports import ChangeKind, Changes

LISTED: Final = timedelta(hours=1)
"""How long a change is listed. A process that has not looked for longer forgets everything instead."""


class ChangeStore:
    """The log of changes, read."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def since(self, version: int) -> Changes:
        """What was committed after `version`; a negative one asks for a beginning."""
        # A transaction of its own would cost three more round trips, on every call that takes usage in.
        async with self._store.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            rows = (await connection.execute(_SINCE, {"version": version})).all()
        last, listed_after = rows[0].last, rows[0].listed_after
        if version < listed_after:
            return Changes(last, None)
        return Changes(last, frozenset((ChangeKind(row.kind), row.changed_id) for row in rows if row.kind is not None))

    async def prune(self) -> None:
        """Unlist old changes; a job calls this now and then, in any number of replicas."""
        async with self._store.unit_of_work() as uow:
            await uow.connection.execute(_PRUNE, {"before": self._clock.now() - LISTED})


async def note_changes(connection: AsyncConnection, changes: Iterable[tuple[ChangeKind, str]], now: datetime) -> None:
    """Tell every replica to forget, once this transaction commits. Others who note changes wait until then."""
    rows = sorted(set(changes))
    if rows:
        columns = {"kinds": [kind for kind, _ in rows], "ids": [each for _, each in rows], "now": now}
        await connection.execute(_NOTE, columns)


# One statement, so one view: the head and the changes belong together.
_SINCE: Final = text("""
    SELECT head.version AS last, head.listed_after, change.kind, change.changed_id
    FROM usage.change_head AS head
    LEFT JOIN usage.change ON change.version > :version AND :version >= head.listed_after
""")
_NOTE: Final = text("""
    WITH head AS (UPDATE usage.change_head SET version = version + 1 RETURNING version)
    INSERT INTO usage.change (version, kind, changed_id, change_time)
    SELECT head.version, noted.kind, noted.changed_id, :now
    FROM head, unnest(CAST(:kinds AS text[]), CAST(:ids AS text[])) AS noted (kind, changed_id)
""")
_PRUNE: Final = text("""
    WITH old AS (DELETE FROM usage.change WHERE change_time < :before RETURNING version)
    UPDATE usage.change_head
    SET listed_after = greatest(listed_after, (SELECT max(version) FROM old))
    WHERE EXISTS (SELECT FROM old)
""")
