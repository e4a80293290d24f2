"""How is kept what sessions put into objectives, so that it can be replaced?"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import copy_rows
from value_network_sla.domain.policing.objective import ObjectiveBook, Source
from value_network_sla.domain.policing.parts import ObjectivePart
from value_network_sla.domain.session import Session
from value_network_sla.domain.shard import shard_of
from value_network_sla.store.policing_objectives import ObjectiveRows
from value_network_sla.store.policing_tables import OBJECTIVE_MARK, OBJECTIVE_PART


class ObjectivePartRows:
    """Parts of sessions in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def version(self) -> str:
        """Another one whenever a revision of an objective that is told by traces is added or goes."""
        found = await self._connection.execute(_VERSION, {"source": Source.TRACES.value})
        return str(found.scalar_one())

    async def book(self) -> ObjectiveBook:
        """The objectives that are told by traces."""
        return await ObjectiveRows(self._connection).book(source=Source.TRACES)

    async def replace(
        self, sessions: Sequence[tuple[Session, Sequence[ObjectivePart]]], gone: Collection[bytes] = ()
    ) -> None:
        """Keep the parts of these sessions, in place of those before, and none of the traces `gone`; have their minutes
        counted anew.
        """
        traces = [*(session.trace_id for session, _ in sessions), *gone]
        before = await self._connection.execute(_TAKE, {"shards": list(map(shard_of, traces)), "traces": traces})
        marks = {(row.objective, row.minute) for row in before}
        rows = [(session, part) for session, parts in sessions for part in parts]
        if rows:
            await copy_rows(self._connection, OBJECTIVE_PART, _COLUMNS, (_row(*each) for each in rows))
            marks |= {(part.objective, part.minute) for _, part in rows}
        await add_marks(self._connection, marks)


async def add_marks(connection: AsyncConnection, marks: set[tuple[str, datetime]]) -> None:
    """Have these minutes counted anew."""
    if marks:
        await copy_rows(connection, OBJECTIVE_MARK, ("objective", "minute"), sorted(marks))


def _row(session: Session, part: ObjectivePart) -> Sequence[object]:
    return (
        shard_of(session.trace_id),
        session.trace_id,
        part.objective,
        part.revision,
        part.slice,
        part.minute,
        session.customer,
        session.start_ns,
        part.events,
        part.good,
    )


_COLUMNS: Final = (
    "shard",
    "trace_id",
    "objective",
    "revision",
    "slice",
    "minute",
    "customer",
    "start_ns",
    "events",
    "good",
)
# Rows are only added; xmin tells apart one that took the place of another of its name.
_VERSION: Final = text(
    """
    SELECT coalesce(md5(string_agg(concat_ws(' ', name, revision, xmin), ',' ORDER BY name, revision)), '')
    FROM sla.objective WHERE source = :source
    """
)
_TAKE: Final = text(
    """
    DELETE FROM sla.objective_part AS part
    USING unnest(CAST(:shards AS smallint[]), CAST(:traces AS bytea[])) AS again (shard, trace_id)
    WHERE part.shard = again.shard AND part.trace_id = again.trace_id
    RETURNING part.objective, part.minute
    """
)
