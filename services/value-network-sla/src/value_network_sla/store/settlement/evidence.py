"""How are evidence bundles kept, and for which sessions are they still to be made?"""

import json
import zlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from apportioning.evidence.canonical import Bundle, canonical
from mesh.store import copy_rows
from value_network_sla.errors import EvidenceNotFound
from value_network_sla.handlers.settlement.ports import KeptBundle
from value_network_sla.store.settlement.tables import EVIDENCE


class EvidenceRows:
    """Bundles in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, bundles: Sequence[KeptBundle]) -> None:
        """Keep them, in place of earlier ones of the same names."""
        if not bundles:
            return
        names = [each.name for each in bundles]
        await self._connection.execute(_DELETE, {"names": names})
        rows = [
            (each.name, list(each.parties), zlib.compress(canonical(each.bundle)), each.sampled, each.create_time)
            for each in bundles
        ]
        await copy_rows(self._connection, EVIDENCE, ("name", "parties", "document", "sampled", "create_time"), rows)

    async def get(self, name: str) -> KeptBundle:
        """Raises EvidenceNotFound."""
        row = (await self._connection.execute(select(EVIDENCE).where(EVIDENCE.c.name == name))).one_or_none()
        if row is None:
            raise EvidenceNotFound(name)
        bundle: Bundle = json.loads(zlib.decompress(row.document))
        return KeptBundle(row.name, tuple(row.parties), bundle, row.sampled, row.create_time)

    async def missing(self, since: datetime, after: bytes, most: int) -> Sequence[bytes]:
        """The first trace ids after `after`, at most so many, of sessions whose bundle is not kept for good, or is of
        before the session was closed anew: of those with a bad visit in a window in breach that costs money and began
        since then.
        """
        wanted = {"since": since, "after": after, "most": most}
        return [row.trace_id for row in await self._connection.execute(_MISSING, wanted)]

    async def sessions_of(self, agreement: str, window_start: datetime) -> Sequence[str]:
        """Sessions with a bad visit in a window: `sessions/{session}`, in order."""
        rows = await self._connection.execute(_SESSIONS, {"agreement": agreement, "window_start": window_start})
        return [f"sessions/{row.trace_id.hex()}" for row in rows]

    async def purge(self, before: datetime) -> int:
        """Forget sampled bundles from before then; how many. What money depends on is kept for good."""
        done = await self._connection.execute(_PURGE, {"before": before})
        return done.rowcount


_DELETE = text("DELETE FROM sla.evidence WHERE name = ANY(CAST(:names AS text[]))")
_MISSING = text(
    """
    SELECT DISTINCT session.trace_id
    FROM sla.breach
    JOIN sla.agreement AS agreed ON agreed.name = breach.agreement AND agreed.penalty_micros > 0
    JOIN sla.contribution AS part
        ON part.agreement = breach.agreement AND part.window_start = breach.window_start AND part.good < part.visits
    JOIN sla.session USING (shard, trace_id)
    LEFT JOIN sla.evidence ON evidence.name = 'evidence/session.' || encode(session.trace_id, 'hex')
    WHERE breach.window_start >= :since AND breach.withdraw_time IS NULL AND session.trace_id > :after
        AND (evidence.name IS NULL OR evidence.sampled OR evidence.create_time < session.close_time)
    ORDER BY session.trace_id
    LIMIT :most
    """
)
_SESSIONS = text(
    """
    SELECT trace_id FROM sla.contribution
    WHERE agreement = :agreement AND window_start = :window_start AND good < visits
    ORDER BY trace_id
    """
)
_PURGE = text(
    """
    DELETE FROM sla.evidence WHERE sampled AND create_time < :before
    """
)
