"""What did many subscriptions use and spend?"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Row, text

from mesh.store import Store
from rating import UsageColumns
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.shards import shard_of
from usage_correlation.handlers.consumption.histories import columns_of
from usage_correlation.handlers.insights.ports import ClosedCycle, LineQuantity, UsedLine
from usage_correlation.store.arrays import integers, smallints, timestamps
from usage_correlation.store.usage import UsageStore


class PastUsageStore:
    """Reads it for a page of subscriptions, in one statement each."""

    def __init__(self, store: Store, usage: UsageStore) -> None:
        self._store = store
        self._usage = usage

    async def columns(
        self, subscriptions: Sequence[str], interval: tuple[int, int], currency: str | None = None
    ) -> tuple[UsageColumns, Sequence[int]]:
        """The records that begin in [start, end), with the place of each one's subscription in the sequence.

        Without their own prices, unless it is said in which currency those are wanted.
        """
        place = {subscription: number for number, subscription in enumerate(subscriptions)}
        exported = self._usage.export(subscriptions, interval, with_record_ids=False)
        pieces = [piece async for piece in exported]
        owners = [place[piece.subscription] for piece in pieces for _ in range(len(piece.start_micros))]
        return columns_of(pieces, currency), owners

    async def spent(self, cycles: Sequence[ClosedCycle]) -> Sequence[Mapping[str, Fraction]]:
        """What was spent in each cycle, by currency."""
        found: list[dict[str, Fraction]] = [{} for _ in cycles]
        for row in await self._run(_SPENT, _cycles(cycles)):
            found[row.number - 1][row.currency_code] = Fraction(int(row.spent), int(row.scale))
        return found

    async def typical_spending(self, since: datetime) -> Mapping[str, Fraction]:
        """The median of what subscriptions spent in cycles that ended since, by currency, of those who spent."""
        async with self._store.reading() as connection:
            rows = await connection.execute(_TYPICAL, {"since": since})
            return {row.currency_code: Fraction(row.median) for row in rows}

    async def quantities(self, cycles: Sequence[ClosedCycle], since: datetime) -> Sequence[Sequence[LineQuantity]]:
        """Of each one's subscription: what was used in cycles from a moment to this one, by line and cycle."""
        found: list[list[LineQuantity]] = [[] for _ in cycles]
        for row in await self._run(_QUANTITIES, (*_cycles(cycles), since)):
            line = LineQuantity(row.charge_code, to_micros(row.cycle_start_time), float(row.quantity))
            found[row.number - 1].append(line)
        return found

    async def first_used(self, cycles: Sequence[ClosedCycle], lines: Sequence[str]) -> Sequence[Sequence[str]]:
        """Of each one's subscription: those of the lines that it used for the first time in this cycle."""
        found: list[list[str]] = [[] for _ in cycles]
        for row in await self._run(_FIRST_USED, (*_cycles(cycles), list(lines))):
            found[row.number - 1].append(row.charge_code)
        return found

    async def lines(self) -> Sequence[UsedLine]:
        """Every bill line that was ever used; the oldest first."""
        async with self._store.reading() as connection:
            rows = (await connection.execute(_LINES)).all()
        return [UsedLine(row.charge_code, to_micros(row.since), row.adopters) for row in rows]

    async def active_subscriptions(self, since: datetime) -> int:
        """How many subscriptions had a bill cycle with usage that ended since, or is under way."""
        async with self._store.reading() as connection:
            found: int = (await connection.execute(_ACTIVE, {"since": since})).scalar_one()
            return found

    async def newest_records(self, cycles: Sequence[ClosedCycle], size: int) -> Sequence[Sequence[str]]:
        """`{source}/{record_id}` of each cycle's newest records, oldest first."""
        found: list[list[str]] = [[] for _ in cycles]
        for row in await self._run(_NEWEST, (*_cycles(cycles), size)):
            found[row.number - 1].append(f"{row.source}/{row.record_id}")
        return [records[::-1] for records in found]

    async def _run(self, statement: str, columns: tuple[Any, ...]) -> Sequence[Row[Any]]:
        """Any: columns of several types, as the driver takes them and SQLAlchemy gives them."""
        async with self._store.reading() as connection:
            return (await connection.exec_driver_sql(statement, columns)).all()


def _cycles(cycles: Sequence[ClosedCycle]) -> tuple[Any, Any, Any, Any]:
    """Any: arrays as the driver takes them."""
    return (
        smallints([shard_of(each.subscription) for each in cycles]),
        integers([each.key for each in cycles]),
        timestamps([each.cycle.start_micros for each in cycles]),
        timestamps([each.cycle.end_micros for each in cycles]),
    )


_WANTED: Final = """
    unnest(%b, %b, %b, %b)
        WITH ORDINALITY AS wanted (shard, subscription_key, cycle_start_time, cycle_end_time, number)
"""
_SPENT: Final = f"""
    SELECT wanted.number, cycle.currency_code, cycle.spent, cycle.scale
    FROM {_WANTED}
    JOIN usage.bill_cycle AS cycle USING (shard, subscription_key, cycle_start_time)
"""  # noqa: S608 - put together from constants
_TYPICAL: Final = text("""
    SELECT currency_code, percentile_disc(0.5) WITHIN GROUP (ORDER BY spent / scale) AS median
    FROM usage.bill_cycle
    WHERE cycle_end_time >= :since AND spent > 0
    GROUP BY currency_code
""")
_QUANTITIES: Final = f"""
    SELECT wanted.number, charge.charge_code, counter.cycle_start_time, sum(counter.quantity) AS quantity
    FROM {_WANTED}
    JOIN usage.usage_counter AS counter ON counter.shard = wanted.shard
        AND counter.subscription_key = wanted.subscription_key
        AND counter.cycle_start_time <= wanted.cycle_start_time AND counter.cycle_start_time >= %s
    JOIN usage.charge USING (charge_key)
    GROUP BY wanted.number, charge.charge_code, counter.cycle_start_time
"""  # noqa: S608 - put together from constants
_FIRST_USED: Final = f"""
    SELECT wanted.number, charge.charge_code
    FROM {_WANTED}
    JOIN usage.usage_counter AS counter ON counter.shard = wanted.shard
        AND counter.subscription_key = wanted.subscription_key
    JOIN usage.charge USING (charge_key)
    WHERE charge.charge_code = ANY(%s) AND counter.quantity > 0
    GROUP BY wanted.number, charge.charge_code, wanted.cycle_start_time
    HAVING min(counter.cycle_start_time) = wanted.cycle_start_time
    ORDER BY wanted.number, charge.charge_code
"""  # noqa: S608 - put together from constants
_LINES: Final = text("""
    SELECT charge_code, min(cycle_start_time) AS since, count(DISTINCT subscription_key) AS adopters
    FROM usage.usage_counter JOIN usage.charge USING (charge_key)
    WHERE quantity > 0
    GROUP BY charge_code
    ORDER BY since, charge_code
""")
_ACTIVE: Final = text("""
    SELECT count(DISTINCT subscription_key) FROM usage.bill_cycle WHERE cycle_end_time >= :since
""")
_NEWEST: Final = f"""
    SELECT wanted.number, source.source, newest.record_id
    FROM {_WANTED}
    CROSS JOIN LATERAL (
        SELECT source_key, record_id, start_time
        FROM usage.usage_record AS record
        WHERE record.shard = wanted.shard AND record.subscription_key = wanted.subscription_key
            AND record.start_time >= wanted.cycle_start_time AND record.start_time < wanted.cycle_end_time
        ORDER BY record.start_time DESC, record.source_key DESC, record.record_id DESC
        LIMIT %s
    ) AS newest
    JOIN usage.source USING (source_key)
    ORDER BY wanted.number, newest.start_time DESC, source.source_key DESC, newest.record_id DESC
"""  # noqa: S608 - put together from constants
