"""How is income kept, and who had a hand in it?"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import insert_ignoring_duplicates
from value_network_sla.domain.settlement.income import Earned, Income
from value_network_sla.domain.settlement.statement import Period
from value_network_sla.domain.shard import shard_of
from value_network_sla.store.settlement.tables import INCOME
from value_network_sla.store.trace_ids import WANTED, ids_of


class IncomeRows:
    """Income in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, incomes: Sequence[Income], now: datetime) -> Sequence[tuple[str, str]]:
        """Keep those that are new; (source, id) of these."""
        columns: dict[str, Sequence[object]] = {
            "source": [each.source for each in incomes],
            "income_id": [each.income_id for each in incomes],
            "service": [each.service for each in incomes],
            "shard": [None if each.trace_id is None else shard_of(each.trace_id) for each in incomes],
            "trace_id": [each.trace_id for each in incomes],
            "start_time": [each.start for each in incomes],
            "end_time": [each.end for each in incomes],
            "amount": [each.amount for each in incomes],
            "currency": [each.currency for each in incomes],
            "create_time": [now] * len(incomes),
        }
        key = ("source", "income_id")
        rows = await insert_ignoring_duplicates(self._connection, INCOME, columns, key=key, returning=key)
        return [(row.source, row.income_id) for row in rows]

    async def known(self, keys: Sequence[tuple[str, str]]) -> Sequence[Income]:
        """Those that are kept."""
        asked = {"sources": [source for source, _ in keys], "ids": [income_id for _, income_id in keys]}
        return [
            Income(
                row.source,
                row.income_id,
                row.service,
                row.trace_id,
                row.start_time,
                row.end_time,
                row.amount,
                row.currency,
            )
            for row in await self._connection.execute(_KNOWN, asked)
        ]

    async def place(self, period: Period | None = None) -> None:
        """Note who took part in the sessions that earned something, while that is known: for good, once a session is
        closed. Of one period, or of all.
        """
        bounds = {"start": period.start if period else None, "end": period.end if period else None}
        await self._connection.execute(_PLACE, bounds)

    async def take_back(self, trace_ids: Collection[bytes]) -> None:
        """Nobody had a hand in what these traces earned: they are no sessions after all."""
        if trace_ids:
            await self._connection.execute(_TAKE_BACK, {"ids": ids_of(trace_ids)})

    async def earned(self, period: Period) -> Sequence[Earned]:
        """The incomes that begin in a period, added up. What a session earned of which nothing is known is left out:
        nobody is known to have had a hand in it.
        """
        rows = await self._connection.execute(_EARNED, {"start": period.start, "end": period.end})
        return [
            Earned(row.service, row.currency, int(row.amount), row.participants, row.start_time or period.start)
            for row in rows
        ]


_KNOWN = text(
    """
    SELECT income.*
    FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS asked (source, income_id)
    JOIN sla.income AS income USING (source, income_id)
    """
)
_PLACE = text(
    """
    UPDATE sla.income AS income SET participants = took_part.agreements
    FROM (
        SELECT shard, trace_id, array_agg(DISTINCT contribution.agreement) AS agreements
        FROM sla.income JOIN sla.contribution USING (shard, trace_id)
        WHERE income.trace_id IS NOT NULL
            AND start_time >= coalesce(CAST(:start AS timestamptz), '-infinity')
            AND start_time < coalesce(CAST(:end AS timestamptz), 'infinity')
            AND (participants IS NULL OR CAST(:start AS timestamptz) IS NOT NULL)
        GROUP BY shard, trace_id
    ) AS took_part
    WHERE income.shard = took_part.shard AND income.trace_id = took_part.trace_id
        AND income.participants IS DISTINCT FROM took_part.agreements
    """
)
_TAKE_BACK = text(
    f"""
    UPDATE sla.income SET participants = NULL
    FROM {WANTED} AS gone
    WHERE income.shard = gone.shard AND income.trace_id = gone.trace_id AND participants IS NOT NULL
    """  # noqa: S608 - a constant
)
_EARNED = text(
    """
    SELECT service, currency, participants, CASE WHEN trace_id IS NULL THEN start_time END AS start_time,
        sum(amount) AS amount
    FROM sla.income
    WHERE start_time >= :start AND start_time < :end AND (trace_id IS NULL OR participants IS NOT NULL)
    GROUP BY 1, 2, 3, 4
    """
)
