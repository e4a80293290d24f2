"""How are statements kept, and from what are they worked out?"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import copy_rows
from value_network_sla.domain.settlement.statement import AgreementSummary, Line, LineKind, Period, Statement
from value_network_sla.errors import StatementNotFound
from value_network_sla.store.settlement.tables import STATEMENT, STATEMENT_LINE

StatementKey = tuple[str, datetime, int]
"""Partner, start of the period, sequence."""


class StatementRows:
    """Statements in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, partner: str) -> None:
        """Nobody else settles with the partner until this unit of work ends."""
        await self._connection.execute(_LOCK, {"partner": partner})

    async def add(self, statement: Statement) -> None:
        """Keep a new one, for good."""
        row = {
            "name": statement.name,
            "partner": statement.partner,
            "period_start": statement.period.start,
            "period_end": statement.period.end,
            "sequence": statement.sequence,
            "corrects": statement.corrects or None,
            "summary": json.dumps([astuple(each) for each in statement.summaries]),
            "issue_time": statement.issue_time,
            "claim_end_time": statement.claim_end_time,
        }
        await copy_rows(self._connection, STATEMENT, tuple(row), [tuple(row.values())])
        lines = [(statement.name, *(getattr(line, name) for name in _LINE)) for line in statement.lines]
        await copy_rows(self._connection, STATEMENT_LINE, ("statement", *_LINE), lines)

    async def get(self, name: str) -> Statement:
        """Raises StatementNotFound."""
        rows = (await self._connection.execute(select(STATEMENT).where(STATEMENT.c.name == name))).all()
        if not rows:
            raise StatementNotFound(name)
        (found,) = await self._with_lines(rows)
        return found

    async def overlapping(self, partner: str, period: Period) -> Sequence[Statement]:
        """Statements to a partner on periods that share a moment with this one, in the order of issue."""
        query = select(STATEMENT).where(
            STATEMENT.c.partner == partner,
            STATEMENT.c.period_start < period.end,
            STATEMENT.c.period_end > period.start,
        )
        ordered = query.order_by(STATEMENT.c.period_start, STATEMENT.c.sequence)
        return await self._with_lines((await self._connection.execute(ordered)).all())

    async def page(self, partner: str | None, after: StatementKey | None, size: int) -> Sequence[Statement]:
        """The first `size` after `after`: by partner, latest period first, latest first; of one partner, or of all."""
        order = (STATEMENT.c.partner, STATEMENT.c.period_start.desc(), STATEMENT.c.sequence.desc())
        query = select(STATEMENT).order_by(*order).limit(size)
        if partner is not None:
            query = query.where(STATEMENT.c.partner == partner)
        if after is not None:
            name, start, sequence = after
            earlier = tuple_(STATEMENT.c.period_start, STATEMENT.c.sequence) < tuple_(start, sequence)
            query = query.where((STATEMENT.c.partner > name) | ((STATEMENT.c.partner == name) & earlier))
        return await self._with_lines((await self._connection.execute(query)).all())

    async def unsettled_windows(self, agreements: Collection[str], period: Period) -> int:
        """How many windows of these agreements that begin in the period are not judged for good yet."""
        wanted = {"agreements": list(agreements), "start": period.start, "end": period.end}
        return int((await self._connection.execute(_UNSETTLED, wanted)).scalar_one())

    async def visits(self, period: Period) -> Mapping[str, int]:
        """By agreement: visits in windows that begin in the period."""
        rows = await self._connection.execute(_VISITS, {"start": period.start, "end": period.end})
        return {row.agreement: int(row.visits) for row in rows}

    async def breached(self, partner: str, agreements: Collection[str], period: Period) -> Sequence[str]:
        """Names of breaches in windows that begin in the period and may concern the partner, by window."""
        wanted = {
            "agreements": list(agreements),
            "partner": partner,
            "quoted": [json.dumps(name) for name in agreements],
            "start": period.start,
            "end": period.end,
        }
        return [row.name for row in await self._connection.execute(_BREACHED, wanted)]

    async def summaries(
        self, partner: str, objectives: Mapping[str, int], period: Period
    ) -> Sequence[AgreementSummary]:
        """How the partner's agreements, given with their objectives, were kept."""
        wanted = {
            "agreements": list(objectives),
            "partner": partner,
            "start": period.start,
            "end": period.end,
        }
        return [
            AgreementSummary(
                row.agreement,
                objectives[row.agreement],
                int(row.sessions),
                int(row.hits),
                int(row.visits),
                int(row.good),
                int(row.breaches),
                int(row.lateness_ns),
                int(row.all_lateness_ns),
            )
            for row in await self._connection.execute(_SUMMARY, wanted)
        ]

    async def _with_lines(self, rows: Sequence[Row[Any]]) -> Sequence[Statement]:
        if not rows:
            return []
        names = [row.name for row in rows]
        query = (
            select(STATEMENT_LINE)
            .where(STATEMENT_LINE.c.statement.in_(names))
            .order_by(STATEMENT_LINE.c.statement, STATEMENT_LINE.c.number)
        )
        lines: dict[str, list[Line]] = {}
        for row in await self._connection.execute(query):
            lines.setdefault(row.statement, []).append(_line(row))
        return [_statement(row, lines.get(row.name, [])) for row in rows]


_LINE = ("number", "kind", "key", "agreement", "breach", "description", "amount", "currency")


def _line(row: Row[Any]) -> Line:
    return Line(
        row.number,
        LineKind(row.kind),
        row.key,
        row.amount,
        row.currency,
        row.description,
        row.agreement,
        row.breach,
    )


def _statement(row: Row[Any], lines: Sequence[Line]) -> Statement:
    return Statement(
        name=row.name,
        partner=row.partner,
        period=Period(row.period_start, row.period_end),
        sequence=row.sequence,
        corrects=row.corrects or "",
        summaries=tuple(AgreementSummary(*each) for each in row.summary),
        lines=tuple(lines),
        issue_time=row.issue_time,
        claim_end_time=row.claim_end_time,
    )


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('sla.settlement ' || :partner, 0))")
_UNSETTLED = text(
    """
    SELECT count(*) FROM sla.attainment
    WHERE agreement = ANY(CAST(:agreements AS text[])) AND window_start >= :start AND window_start < :end
        AND NOT settled
    """
)
_VISITS = text(
    """
    SELECT agreement, sum(visits) AS visits FROM sla.attainment
    WHERE window_start >= :start AND window_start < :end GROUP BY agreement
    """
)
# A breach concerns whom it is of, whom its patterns name, and whom its lateness falls on.
_BREACHED = text(
    """
    SELECT name FROM sla.breach
    WHERE window_start >= :start AND window_start < :end AND withdraw_time IS NULL AND (
        agreement = ANY(CAST(:agreements AS text[]))
        OR EXISTS (
            SELECT 1 FROM sla.window_pattern AS bad, unnest(CAST(:quoted AS text[])) AS own (agreement)
            WHERE (bad.agreement, bad.window_start) = (breach.agreement, breach.window_start)
                AND strpos(bad.pattern, own.agreement) > 0
        )
        OR EXISTS (
            SELECT 1 FROM sla.window_lateness AS late
            WHERE (late.agreement, late.window_start) = (breach.agreement, breach.window_start)
                AND late.partner = :partner
        )
    )
    ORDER BY window_start, name
    """
)
_SUMMARY = text(
    """
    SELECT agreement, sum(sessions) AS sessions, sum(hits) AS hits, sum(visits) AS visits, sum(good) AS good,
        count(breach.name) AS breaches,
        coalesce(sum(late.own_ns), 0) AS lateness_ns, coalesce(sum(late.all_ns), 0) AS all_lateness_ns
    FROM sla.attainment AS kept
    LEFT JOIN LATERAL (
        SELECT name FROM sla.breach AS broken
        WHERE broken.agreement = kept.agreement AND broken.window_start = kept.window_start
            AND broken.withdraw_time IS NULL
    ) AS breach ON true
    LEFT JOIN LATERAL (
        SELECT sum(lateness_ns) AS all_ns, sum(lateness_ns) FILTER (WHERE partner = :partner) AS own_ns
        FROM sla.window_lateness AS part
        WHERE part.agreement = kept.agreement AND part.window_start = kept.window_start
    ) AS late ON true
    WHERE agreement = ANY(CAST(:agreements AS text[])) AND kept.window_start >= :start AND kept.window_start < :end
        AND kept.visits > 0
    GROUP BY agreement
    ORDER BY agreement
    """
)
