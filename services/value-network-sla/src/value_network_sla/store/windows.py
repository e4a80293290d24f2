"""How are the counts of agreements' windows kept, and what each session put into them?"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from apportioning.faults import pattern_text
from mesh.store import copy_rows
from value_network_sla.domain.agreement import Agreement, AgreementBook
from value_network_sla.domain.attainment import Attainment
from value_network_sla.domain.contribution import Contribution, WindowChange, WindowKey
from value_network_sla.domain.session import Session
from value_network_sla.domain.shard import shard_of
from value_network_sla.handlers.ports import WindowState
from value_network_sla.store.parts import lateness_from, lateness_json, patterns_from, patterns_json
from value_network_sla.store.tables import ATTAINMENT, CONTRIBUTION


def window_columns(windows: Collection[WindowKey]) -> dict[str, Sequence[object]]:
    """The parameters of a statement about windows, in the order in which everybody locks them."""
    ordered = sorted(windows)
    return {"agreements": [name for name, _ in ordered], "starts": [start for _, start in ordered]}


class WindowRows:
    """Windows in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def replace(
        self, sessions: Sequence[tuple[Session, Sequence[Contribution]]], gone: Collection[bytes] = ()
    ) -> Mapping[bytes, Sequence[Contribution]]:
        """Keep the contributions of sessions, and none of the traces `gone`; by trace id, what was there before. One
        transaction closes a session.
        """
        before = await self._take([*(session.trace_id for session, _ in sessions), *gone])
        rows = [(session, part) for session, parts in sessions for part in parts]
        if rows:
            columns: dict[str, Sequence[object]] = {
                "shard": [shard_of(session.trace_id) for session, _ in rows],
                "agreement": [part.window[0] for _, part in rows],
                "window_start": [part.window[1] for _, part in rows],
                "lateness": [lateness_json(part.lateness_ns) for _, part in rows],
                "patterns": [patterns_json(part.patterns) for _, part in rows],
            }
            for name in ("trace_id", "root_span_id", "customer", "start_ns"):
                columns[name] = [getattr(session, name) for session, _ in rows]
            for name in ("visits", "good", "hit"):
                columns[name] = [getattr(part, name) for _, part in rows]
            await copy_rows(self._connection, CONTRIBUTION, tuple(columns), zip(*columns.values(), strict=True))
        return before

    async def change(self, changes: Sequence[WindowChange]) -> None:
        """Add to the counts. Until this unit of work ends, nobody else changes these windows."""
        if not changes:
            return
        counts = window_columns([change.window for change in changes])
        ordered = sorted(changes, key=lambda change: change.window)
        for name in ("visits", "good", "sessions", "hits"):
            counts[name] = [getattr(change, name) for change in ordered]
        await self._connection.execute(_COUNT, counts)
        parts = [
            (*change.window, party.kind.value, party.partner, change.lateness_ns[party])
            for change in ordered
            for party in sorted(change.lateness_ns)
        ]
        if parts:
            names = ("agreements", "starts", "kinds", "partners", "parts")
            columns = dict(zip(names, map(list, zip(*parts, strict=True)), strict=True))
            await self._connection.execute(_ADD_LATENESS, columns)
        bad = [
            (*change.window, pattern_text(pattern), count)
            for change in ordered
            for pattern, count in sorted(change.patterns.items())
        ]
        if bad:
            parameters = zip(("agreements", "starts", "patterns", "visits"), zip(*bad, strict=True), strict=True)
            await self._connection.execute(_ADD_PATTERNS, {name: list(values) for name, values in parameters})

    async def states(self, windows: Collection[WindowKey], book: AgreementBook) -> Sequence[WindowState]:
        """Of the windows that have had visits."""
        if not windows:
            return []
        wanted = window_columns(windows)
        wanted["before"] = [start - book.get(name).window for name, start in sorted(windows)]
        return [
            WindowState(
                attainment=Attainment(book.get(row.agreement), row.window_start, row.visits, row.good),
                previous_visits=row.previous_visits,
                announced=row.announced,
                settled=row.settled,
            )
            for row in await self._connection.execute(_STATES, wanted)
        ]

    async def open_windows(self) -> Sequence[WindowKey]:
        """All that are not settled yet."""
        query = select(ATTAINMENT.c.agreement, ATTAINMENT.c.window_start).where(~ATTAINMENT.c.settled)
        return [(row.agreement, row.window_start) for row in await self._connection.execute(query)]

    async def lock(self, windows: Collection[WindowKey]) -> None:
        """Nobody else changes these windows until this unit of work ends."""
        await self._connection.execute(_LOCK, window_columns(windows))

    async def settle(self, windows: Collection[WindowKey]) -> None:
        """Mark them as over and judged."""
        if windows:
            await self._connection.execute(_SETTLE, window_columns(windows))

    async def page(self, agreement: Agreement, before: datetime | None, size: int) -> Sequence[Attainment]:
        """The latest `size` windows that begin before `before`, latest first."""
        query = (
            select(ATTAINMENT)
            .where(ATTAINMENT.c.agreement == agreement.name, ATTAINMENT.c.visits > 0)
            .order_by(ATTAINMENT.c.window_start.desc())
            .limit(size)
        )
        if before is not None:
            query = query.where(ATTAINMENT.c.window_start < before)
        rows = await self._connection.execute(query)
        return [Attainment(agreement, row.window_start, row.visits, row.good) for row in rows]

    async def _take(self, trace_ids: Sequence[bytes]) -> Mapping[bytes, Sequence[Contribution]]:
        rows = {"shards": [shard_of(trace_id) for trace_id in trace_ids], "traces": trace_ids}
        before: dict[bytes, list[Contribution]] = {}
        for row in await self._connection.execute(_TAKE, rows):
            window = (row.agreement, row.window_start)
            part = Contribution(
                window, row.visits, row.good, row.hit, lateness_from(row.lateness), patterns_from(row.patterns)
            )
            before.setdefault(row.trace_id, []).append(part)
        return before


_WANTED = "unnest(CAST(:agreements AS text[]), CAST(:starts AS timestamptz[]))"

_TAKE = text(
    """
    DELETE FROM sla.contribution
    USING unnest(CAST(:shards AS smallint[]), CAST(:traces AS bytea[])) AS again (shard, trace_id)
    WHERE contribution.shard = again.shard AND contribution.trace_id = again.trace_id
    RETURNING contribution.*
    """
)
_COUNT = text(
    """
    INSERT INTO sla.attainment AS kept (agreement, window_start, visits, good, sessions, hits, settled)
    SELECT agreement, window_start, visits, good, sessions, hits, false
    FROM unnest(
        CAST(:agreements AS text[]), CAST(:starts AS timestamptz[]), CAST(:visits AS bigint[]), CAST(:good AS bigint[]),
        CAST(:sessions AS bigint[]), CAST(:hits AS bigint[])
    ) AS change (agreement, window_start, visits, good, sessions, hits)
    ON CONFLICT (agreement, window_start) DO UPDATE
    SET visits = kept.visits + excluded.visits, good = kept.good + excluded.good,
        sessions = kept.sessions + excluded.sessions, hits = kept.hits + excluded.hits
    """
)
_ADD_LATENESS = text(
    """
    INSERT INTO sla.window_lateness AS kept (agreement, window_start, party_kind, partner, lateness_ns)
    SELECT *
    FROM unnest(
        CAST(:agreements AS text[]), CAST(:starts AS timestamptz[]), CAST(:kinds AS text[]), CAST(:partners AS text[]),
        CAST(:parts AS bigint[])
    )
    ON CONFLICT (agreement, window_start, party_kind, partner) DO UPDATE
    SET lateness_ns = kept.lateness_ns + excluded.lateness_ns
    """
)
_ADD_PATTERNS = text(
    """
    INSERT INTO sla.window_pattern AS kept (agreement, window_start, pattern, visits)
    SELECT *
    FROM unnest(
        CAST(:agreements AS text[]), CAST(:starts AS timestamptz[]), CAST(:patterns AS text[]),
        CAST(:visits AS bigint[])
    )
    ON CONFLICT (agreement, window_start, pattern) DO UPDATE SET visits = kept.visits + excluded.visits
    """
)
_STATES = text(
    """
    SELECT counted.agreement, counted.window_start, counted.visits, counted.good, counted.settled,
        coalesce(previous.visits, 0) AS previous_visits,
        breach.agreement IS NOT NULL AND breach.withdraw_time IS NULL AS announced
    FROM unnest(CAST(:agreements AS text[]), CAST(:starts AS timestamptz[]), CAST(:before AS timestamptz[]))
        AS wanted (agreement, window_start, previous_start)
    JOIN sla.attainment AS counted USING (agreement, window_start)
    LEFT JOIN sla.breach AS breach USING (agreement, window_start)
    LEFT JOIN sla.attainment AS previous
        ON previous.agreement = wanted.agreement AND previous.window_start = wanted.previous_start
    """
)
_LOCK = text(
    f"""
    SELECT 1 FROM sla.attainment WHERE (agreement, window_start) IN (SELECT * FROM {_WANTED})
    ORDER BY agreement, window_start FOR UPDATE
    """  # noqa: S608 - a constant
)
_SETTLE = text(
    f"""
    UPDATE sla.attainment SET settled = true WHERE (agreement, window_start) IN (SELECT * FROM {_WANTED})
    """  # noqa: S608 - a constant
)
