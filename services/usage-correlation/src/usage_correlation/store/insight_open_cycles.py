"""In which bill cycles under way was something spent of late, and what was spent in those before?"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from google.protobuf.message import Message
from sqlalchemy import Row, text

from mesh.store import Store
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.insights.spending import UnusualTerms
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.signals import Signal
from usage_correlation.handlers.insights.ports import ClosedCycle, OpenCycle, RoundPage
from usage_correlation.store.insight_rounds import PostgresRoundPage

_OF_LATE: Final = timedelta(days=2)
"""Cycles whose newest record is older were looked at when it came."""


class PostgresOpenCycles:
    """Leaves out what can't be unusual, and what was signalled in this cycle."""

    def __init__(self, store: Store, announce: Callable[[Signal], Message], terms: UnusualTerms) -> None:
        self._store = store
        self._announce = announce
        self._terms = terms

    def page(
        self, shard: int, now: datetime, after_key: int, size: int
    ) -> AbstractAsyncContextManager[tuple[Sequence[OpenCycle], RoundPage]]:
        """Those with usage of late, that have spent something and were not signalled yet; a transaction."""
        return self._page(shard, now, after_key, size)

    @asynccontextmanager
    async def _page(
        self, shard: int, now: datetime, after_key: int, size: int
    ) -> AsyncIterator[tuple[Sequence[OpenCycle], RoundPage]]:
        terms = self._terms
        where = {
            "shard": shard,
            "now": now,
            "since": now - _OF_LATE,
            "after": after_key,
            "size": size,
            "cycles": terms.cycles,
            "least": Decimal(terms.least.numerator) / terms.least.denominator,
        }
        async with self._store.unit_of_work() as uow:
            found = [_open_cycle(row) for row in await uow.connection.execute(_OPEN, where)]
            yield found, PostgresRoundPage(uow, self._announce, [each.at for each in found])


def _open_cycle(row: Row[Any]) -> OpenCycle:
    """Any: columns of several types."""
    cycle = BillCycle(to_micros(row.cycle_start_time), to_micros(row.cycle_end_time))
    return OpenCycle(
        ClosedCycle(row.subscription_id, row.subscription_key, cycle),
        row.currency_code,
        Fraction(int(row.spent), int(row.scale)),
        to_micros(row.latest_record_time),
        [
            (to_micros(start), Fraction(int(spent), int(scale)))
            for start, spent, scale in zip(row.past_starts, row.past_spent, row.past_scales, strict=True)
        ],
    )


_OPEN: Final = text("""
    SELECT
        cycle.subscription_key, subscription.subscription_id, cycle.currency_code, cycle.cycle_start_time,
        cycle.cycle_end_time, cycle.spent, cycle.scale, cycle.latest_record_time,
        array_agg(past.cycle_start_time ORDER BY past.cycle_start_time) AS past_starts,
        array_agg(past.spent ORDER BY past.cycle_start_time) AS past_spent,
        array_agg(past.scale ORDER BY past.cycle_start_time) AS past_scales
    FROM usage.bill_cycle AS cycle
    JOIN usage.subscription USING (subscription_key)
    JOIN usage.bill_cycle AS past ON past.shard = cycle.shard AND past.subscription_key = cycle.subscription_key
        AND past.currency_code = cycle.currency_code AND past.cycle_start_time < cycle.cycle_start_time
        AND past.cycle_start_time >= cycle.cycle_start_time - interval '12 months'
    WHERE cycle.shard = :shard AND cycle.subscription_key > :after
        AND cycle.cycle_start_time <= :now AND cycle.cycle_end_time > :now
        AND cycle.latest_record_time >= :since
        AND cycle.spent >= CAST(:least AS numeric) * cycle.scale
        AND NOT EXISTS (
            SELECT FROM usage.signal
            WHERE signal.shard = cycle.shard AND signal.subscription_id = subscription.subscription_id
                AND signal.kind = 'UNUSUAL_SPEND' AND signal.create_time >= cycle.cycle_start_time
                AND signal.detail -> 'UnusualSpend' ->> 'currency' = cycle.currency_code
        )
    GROUP BY cycle.shard, cycle.subscription_key, cycle.currency_code, cycle.cycle_start_time,
        subscription.subscription_id
    HAVING count(*) >= :cycles
    ORDER BY cycle.subscription_key
    LIMIT :size
""")
