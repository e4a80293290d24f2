"""What is stored of whole bill cycles, for rating them anew?"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from rating import SERVICE_CODES, Service
from usage_correlation.domain.amounts import Amount
from usage_correlation.domain.rerating import NO_FIGURES, Figures
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.domain.totals import ChargeName
from usage_correlation.domain.usage import UsageBatch
from usage_correlation.handlers.ledger_ports import StoredCycles
from usage_correlation.store.arrays import PG_EPOCH_MICROS, bigints_from, integers, smallints, timestamps
from usage_correlation.store.limits_uncharged import uncharged_amounts
from usage_correlation.store.own_values import OWN_VALUES, values_from


async def stored_cycles(connection: AsyncConnection, spans: Sequence[tuple[Subscriber, int, int]]) -> StoredCycles:
    """All records of subscriptions that began in [start, end) microseconds, with what stands in their counters.

    One statement, so one view: a record is seen if and only if it was counted.
    """
    columns = (
        smallints([subscriber.shard for subscriber, *_ in spans]),
        integers([subscriber.key for subscriber, *_ in spans]),
        timestamps([start for _, start, _ in spans]),
        timestamps([end for *_, end in spans]),
    )
    rows = (await connection.exec_driver_sql(_STORED, columns)).all()
    batch = _batch([(spans[row.number - 1][0], row) for row in rows])
    standing = {}
    for row in rows:
        key = spans[row.number - 1][0].key
        for start, plan, code, currency, records, quantity, amount, scale in row.counters or ():
            figures = Figures(int(records), int(quantity), Amount(int(amount), int(scale)))
            standing[key, int(start), ChargeName(plan, code, currency)] = figures
    # What limits keep from being charged is taken back from the counters for good: it is no difference in rating.
    for place, amount in await uncharged_amounts(connection, spans):
        standing[place] = standing.get(place, NO_FIGURES) + Figures(0, 0, amount)
    return StoredCycles(batch, standing)


def _batch(rows: Sequence[tuple[Subscriber, Row[Any]]]) -> UsageBatch:
    """Stored records as a batch; Any: rows as SQLAlchemy gives them."""
    batch = UsageBatch.empty()
    for subscriber, row in rows:
        if row.record_ids is None:
            continue
        count = len(row.record_ids)
        batch.sources.extend(row.sources)
        batch.record_ids.extend(row.record_ids)
        batch.subscriptions.extend([subscriber.subscription.id] * count)
        batch.services.extend(SERVICE_CODES[Service(each)] for each in row.usage_types)
        batch.starts.extend((bigints_from(row.start_times) + PG_EPOCH_MICROS).tolist())
        batch.quantities.extend(bigints_from(row.quantities).tolist())
        batch.destinations.extend(row.destinations)
        batch.visited_networks.extend(row.visited_networks)
        batch.location_ids.extend([""] * count)
        values = values_from(row.own_values)
        batch.values.extend([None] * count if values is None else map(values.at, range(count)))
    if not any(batch.values):
        batch.values.clear()
    batch.positions.extend(range(len(batch.record_ids)))
    return batch


_IN_ORDER: Final = "ORDER BY start_time, source, record_id"
_STORED: Final = f"""
    SELECT wanted.number, part.*, counted.counters
    FROM unnest(%b, %b, %b, %b) WITH ORDINALITY AS wanted (shard, subscription_key, since, until, number)
    CROSS JOIN LATERAL (
        SELECT
            array_agg(usage_type {_IN_ORDER}) AS usage_types,
            array_send(array_agg(start_time {_IN_ORDER})) AS start_times,
            array_send(array_agg(quantity {_IN_ORDER})) AS quantities,
            array_agg(destination {_IN_ORDER}) AS destinations,
            array_agg(visited_network {_IN_ORDER}) AS visited_networks,
            array_agg(source {_IN_ORDER}) AS sources,
            array_agg(record_id {_IN_ORDER}) AS record_ids,
            {OWN_VALUES.format(in_order=_IN_ORDER)} AS own_values
        FROM usage.usage_record AS record JOIN usage.source USING (source_key)
        WHERE record.shard = wanted.shard AND record.subscription_key = wanted.subscription_key
            AND record.start_time >= wanted.since AND record.start_time < wanted.until
    ) AS part
    CROSS JOIN LATERAL (
        SELECT json_agg(json_build_array(
            (extract(epoch FROM cycle_start_time) * 1000000)::bigint, plan_id, charge_code, currency_code,
            record_count, quantity::text, amount::text, scale::text
        )) AS counters
        FROM usage.usage_counter AS counter JOIN usage.charge USING (charge_key)
        WHERE counter.shard = wanted.shard AND counter.subscription_key = wanted.subscription_key
            AND counter.cycle_start_time >= wanted.since AND counter.cycle_start_time < wanted.until
    ) AS counted
"""  # noqa: S608 - put together from constants
