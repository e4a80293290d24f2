"""What of the counters is missing because it is not charged? Re-rating compares what usage costs with both together."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from usage_correlation.domain.amounts import Amount
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.domain.totals import ChargeName
from usage_correlation.store.arrays import integers, smallints, timestamps

CounterPlace = tuple[int, int, ChargeName]
"""Subscription's key, start of the bill cycle in microseconds, and charge."""


async def uncharged_amounts(
    connection: AsyncConnection, spans: Sequence[tuple[Subscriber, int, int]]
) -> list[tuple[CounterPlace, Amount]]:
    """What was taken back of records that began in [start, end) microseconds; a place may come several times."""
    columns = (
        smallints([subscriber.shard for subscriber, *_ in spans]),
        integers([subscriber.key for subscriber, *_ in spans]),
        timestamps([start for _, start, _ in spans]),
        timestamps([end for *_, end in spans]),
    )
    rows = (await connection.exec_driver_sql(_UNCHARGED, columns)).all()
    return [
        (
            (
                row.subscription_key,
                to_micros(row.cycle_start_time),
                ChargeName(row.plan_id, row.charge_code, row.currency_code),
            ),
            Amount(int(row.amount), int(row.scale)),
        )
        for row in rows
    ]


_UNCHARGED: Final = """
    SELECT uncharged.subscription_key, cycle.cycle_start_time, charge.plan_id, charge.charge_code, charge.currency_code,
        uncharged.scale, sum(uncharged.amount) AS amount
    FROM unnest(%b, %b, %b, %b) AS span (shard, subscription_key, start_time, end_time)
    JOIN usage.uncharged_usage AS uncharged
        ON uncharged.shard = span.shard AND uncharged.subscription_key = span.subscription_key
        AND uncharged.start_time >= span.start_time AND uncharged.start_time < span.end_time
    JOIN usage.charge USING (charge_key)
    JOIN usage.bill_cycle AS cycle
        ON cycle.shard = uncharged.shard AND cycle.subscription_key = uncharged.subscription_key
        AND cycle.currency_code = charge.currency_code
        AND cycle.cycle_start_time <= uncharged.start_time AND cycle.cycle_end_time > uncharged.start_time
    GROUP BY uncharged.subscription_key, cycle.cycle_start_time, charge.plan_id, charge.charge_code,
        charge.currency_code, uncharged.scale
"""
