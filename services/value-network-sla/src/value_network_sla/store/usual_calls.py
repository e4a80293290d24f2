"""How is kept what calls were like, hour by hour, and which sessions tell it?"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import copy_rows
from value_network_sla.domain.pinpointing.usual import HourOfCalls
from value_network_sla.handlers.kept import KeptSession
from value_network_sla.store.pinpointing_tables import USUAL_CALL
from value_network_sla.store.sessions import session_from

_NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SLICES = 60
"""A sample is taken from so many stretches of the time alike."""
_COLUMNS = (
    "service", "caller", "partner", "operation", "hour",
    "calls", "own_p95_ns", "late_ns", "gap_p50_ns", "gap_p75_ns", "failed_ppm",
)  # fmt: skip


class UsualCallRows:
    """What calls were like, in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, service: str, hour: datetime, rows: Sequence[HourOfCalls]) -> None:
        """Keep what an hour was like, in place of what was known of it; of an hour with nothing to tell, just that."""
        old = delete(USUAL_CALL).where(USUAL_CALL.c.service == service, USUAL_CALL.c.hour == hour)
        await self._connection.execute(old)
        values = ((service, *row.edge, *(getattr(row, name) for name in _COLUMNS[4:])) for row in rows)
        nothing = (service, "", "", "", hour, *(0 for _ in _COLUMNS[5:]))
        await copy_rows(self._connection, USUAL_CALL, _COLUMNS, values if rows else [nothing])

    async def of(self, service: str, since: datetime) -> Sequence[HourOfCalls]:
        """Every hour since then, oldest first."""
        query = (
            select(USUAL_CALL)
            .where(USUAL_CALL.c.service == service, USUAL_CALL.c.hour >= since, USUAL_CALL.c.calls > 0)
            .order_by(USUAL_CALL.c.hour, USUAL_CALL.c.caller, USUAL_CALL.c.partner, USUAL_CALL.c.operation)
        )
        return [
            HourOfCalls(
                edge=(row.caller, row.partner, row.operation),
                hour=row.hour,
                calls=row.calls,
                own_p95_ns=row.own_p95_ns,
                late_ns=row.late_ns,
                gap_p50_ns=row.gap_p50_ns,
                gap_p75_ns=row.gap_p75_ns,
                failed_ppm=row.failed_ppm,
            )
            for row in await self._connection.execute(query)
        ]

    async def services(self, since: datetime) -> Mapping[str, datetime]:
        """Those that have had sessions since then, and when the first of these began."""
        rows = await self._connection.execute(_SERVICES, {"since": _ns(since)})
        return {row.service: _EPOCH + timedelta(microseconds=row.start_ns // 1000) for row in rows}

    async def hours(self, service: str, since: datetime) -> Collection[datetime]:
        """The hours since then of which something is kept."""
        query = select(USUAL_CALL.c.hour).where(USUAL_CALL.c.service == service, USUAL_CALL.c.hour >= since).distinct()
        return {row.hour for row in await self._connection.execute(query)}

    async def sample(self, service: str, start: datetime, end: datetime, most: int) -> Sequence[KeptSession]:
        """At most so many sessions that began within [start, end), spread over it, by start."""
        first, last = _ns(start), _ns(end)
        bounds = {"service": service, "first": first, "step": max(1, -(-(last - first) // _SLICES)), "end": last}
        rows = await self._connection.execute(_SAMPLE, {**bounds, "most": -(-most // _SLICES), "slices": _SLICES})
        return [session_from(row) for row in rows]

    async def lock_learning(self) -> bool:
        """Whether this transaction, and no other, may learn now."""
        return bool((await self._connection.execute(_LOCK)).scalar_one())

    async def purge(self, before: datetime) -> None:
        """Forget hours before then."""
        await self._connection.execute(delete(USUAL_CALL).where(USUAL_CALL.c.hour < before))


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * (_NS // 1_000_000)


# The index on (service, start_ns) is walked from one service to the next, however many sessions there are of each.
_SERVICES = text(
    """
    WITH RECURSIVE known AS (
        (SELECT service FROM sla.session ORDER BY service LIMIT 1)
        UNION ALL
        SELECT (SELECT service FROM sla.session WHERE service > known.service ORDER BY service LIMIT 1)
        FROM known WHERE known.service IS NOT NULL
    )
    SELECT service, start_ns
    FROM known
    CROSS JOIN LATERAL (
        SELECT start_ns FROM sla.session
        WHERE session.service = known.service AND start_ns >= :since
        ORDER BY start_ns LIMIT 1
    ) AS earliest
    """
)
_SAMPLE = text(
    """
    SELECT part.*
    FROM generate_series(0, :slices - 1) AS slice
    CROSS JOIN LATERAL (
        SELECT * FROM sla.session
        WHERE service = :service AND NOT partial
            AND start_ns >= CAST(:first AS bigint) + slice * CAST(:step AS bigint)
            AND start_ns < least(CAST(:first AS bigint) + (slice + 1) * CAST(:step AS bigint), CAST(:end AS bigint))
        ORDER BY start_ns, trace_id LIMIT :most
    ) AS part
    ORDER BY part.start_ns, part.trace_id
    """
)
_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('sla.usual_call'))")
