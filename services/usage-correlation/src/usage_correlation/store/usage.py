"""Which usage is stored?"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, TextClause, text

from mesh.store import Store
from rating import UsageColumns
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.domain.shards import shard_of
from usage_correlation.domain.summaries import Counter
from usage_correlation.domain.usage import StoredRecord
from usage_correlation.domain.values import Value
from usage_correlation.handlers.consumption.histories import columns_of
from usage_correlation.handlers.ports import ExportedUsage, PageStart
from usage_correlation.handlers.read_usage import MOST_IN_PART
from usage_correlation.store import counters
from usage_correlation.store.arrays import PG_EPOCH_MICROS, BinaryArray, bigints_from, integers, smallints
from usage_correlation.store.keys import KeyStore
from usage_correlation.store.own_values import OWN_VALUES, values_from

_FETCHED_AT_A_TIME: Final = 32


class UsageStore:
    """Reads what is kept of usage."""

    def __init__(self, store: Store, keys: KeyStore) -> None:
        self._store = store
        self._keys = keys

    async def page(
        self, subscription: str, interval: tuple[int | None, int | None], after: PageStart | None, size: int
    ) -> Sequence[StoredRecord]:
        """Records that begin in [start, end) microseconds, by start."""
        start, end = interval
        if after is not None:
            start = after.start_micros
        where = {
            "shard": shard_of(subscription),
            "subscription": subscription,
            "start": None if start is None else from_micros(start),
            "end": None if end is None else from_micros(end),
            "after": None if after is None else from_micros(after.start_micros),
            "source": "" if after is None else after.source,
            "record_id": "" if after is None else after.record_id,
            "size": size,
        }
        async with self._store.reading() as connection:
            rows = (await connection.execute(_PAGE, where)).all()
        return [_record(subscription, row) for row in rows]

    async def export(
        self, subscriptions: Iterable[str], interval: tuple[int, int], *, with_record_ids: bool
    ) -> AsyncIterator[ExportedUsage]:
        """Records that begin in [start, end), by subscription in the order given; a long one comes in parts."""
        names = list(subscriptions)
        keys = await self._keys.known_subscriptions(names)
        known = [name for name in names if name in keys]
        bounds = {"start": from_micros(interval[0]), "end": from_micros(interval[1])}
        where = {**_wanted(known, keys), **bounds}
        whole, in_parts = (_WHOLE_WITH_IDS, _PARTS_WITH_IDS) if with_record_ids else (_WHOLE, _PARTS)
        async with self._store.reading() as connection:
            async for row in await connection.stream(whole, where):
                name = known[row.number - 1]
                rows = [row]
                if row.records > MOST_IN_PART:
                    rows = list(await connection.execute(in_parts, {**_wanted([name], keys), **bounds}))
                for each in rows:
                    sources = await self._keys.source_names(each.source_keys) if with_record_ids else ()
                    yield _exported(name, each, sources, each.record_ids if with_record_ids else ())

    async def columns(self, subscription: str, cycle: BillCycle, currency: str) -> UsageColumns:
        """The records of one bill cycle, as the rater wants them under tariffs in a currency."""
        interval = (cycle.start_micros, cycle.end_micros)
        pieces = [piece async for piece in self.export([subscription], interval, with_record_ids=False)]
        return columns_of(pieces, currency)

    async def counters(self, subscription: str, cycle: BillCycle) -> tuple[Sequence[Counter], int | None]:
        """The counters of one bill cycle, and when the latest record counted began."""
        key = (await self._keys.known_subscriptions([subscription])).get(subscription)
        if key is None:
            return [], None
        async with self._store.reading() as connection:
            return await counters.read(connection, key, subscription, cycle)


def _record(subscription: str, row: Row[Any]) -> StoredRecord:
    return StoredRecord(
        source=row.source,
        record_id=row.record_id,
        subscription=subscription,
        usage_type=row.usage_type,
        start_micros=to_micros(row.start_time),
        quantity=row.quantity,
        destination=row.destination,
        visited_network=row.visited_network,
        location_id=row.location_id,
        value=None if row.value_micros is None else Value(row.value_micros, row.value_currency),
    )


def _wanted(names: Sequence[str], keys: Mapping[str, int]) -> dict[str, BinaryArray]:
    shards = smallints([shard_of(name) for name in names])
    return {"shards": shards, "keys": integers([keys[name] for name in names])}


def _exported(subscription: str, row: Row[Any], sources: Sequence[str], record_ids: Sequence[str]) -> ExportedUsage:
    return ExportedUsage(
        subscription=subscription,
        usage_types=row.usage_types.split(","),
        start_micros=bigints_from(row.start_times) + PG_EPOCH_MICROS,
        quantities=bigints_from(row.quantities),
        destinations=row.destinations,
        visited_networks=row.visited_networks.split(","),
        sources=sources,
        record_ids=record_ids,
        values=values_from(row.own_values),
    )


_PAGE: Final = text("""
    SELECT source, record_id, usage_type, start_time, quantity, destination, visited_network, location_id,
        value_micros, value_currency
    FROM usage.usage_record JOIN usage.source USING (source_key)
    WHERE shard = :shard
        AND subscription_key = (SELECT subscription_key FROM usage.subscription WHERE subscription_id = :subscription)
        AND start_time >= coalesce(CAST(:start AS timestamptz), '-infinity')
        AND start_time < coalesce(CAST(:end AS timestamptz), 'infinity')
        AND (CAST(:after AS timestamptz) IS NULL
            OR (start_time, source, record_id) > (CAST(:after AS timestamptz), :source, :record_id))
    ORDER BY start_time, source, record_id
    LIMIT :size
""")

# One row for each subscription, with its records in arrays: the driver makes rows one by one, which costs far more.
# Whole numbers come in binary, for numpy; texts that hold no comma as one text. All aggregates have one order, so the
# records are sorted once, and by the index nearly for nothing. Of a subscription with more records than go into a part,
# the row says only that, and they are read again in parts.
_IN_ORDER: Final = "ORDER BY start_time, source_key, record_id"
_COLUMNS: Final = f"""
    count(*) AS records,
    string_agg(usage_type, ',' {_IN_ORDER}) AS usage_types,
    array_send(array_agg(start_time {_IN_ORDER})) AS start_times,
    array_send(array_agg(quantity {_IN_ORDER})) AS quantities,
    array_agg(destination {_IN_ORDER}) AS destinations,
    string_agg(visited_network, ',' {_IN_ORDER}) AS visited_networks,
    {OWN_VALUES.format(in_order=_IN_ORDER)} AS own_values
"""
_IDS: Final = f", array_agg(source_key {_IN_ORDER}) AS source_keys, array_agg(record_id {_IN_ORDER}) AS record_ids"
_RECORDS: Final = """
    usage.usage_record AS record
    WHERE record.shard = wanted.shard AND record.subscription_key = wanted.subscription_key
        AND record.start_time >= :start AND record.start_time < :end
"""
_OF_WANTED: Final = """
    SELECT wanted.number, part.*
    FROM unnest(:shards, :keys) WITH ORDINALITY AS wanted (shard, subscription_key, number)
    CROSS JOIN LATERAL ({part}) AS part
"""
_WHOLE_PART: Final = f"""
    SELECT {_COLUMNS} {{ids}}
    FROM (SELECT * FROM {_RECORDS} {_IN_ORDER} LIMIT {MOST_IN_PART + 1}) AS ordered
    HAVING count(*) > 0
"""  # noqa: S608 - put together from constants
_EACH_PART: Final = f"""
    SELECT {_COLUMNS} {{ids}}
    FROM (SELECT *, (row_number() OVER ({_IN_ORDER}) - 1) / {MOST_IN_PART} AS part FROM {_RECORDS}) AS numbered
    GROUP BY numbered.part
    ORDER BY numbered.part
"""  # noqa: S608 - put together from constants


def _statement(part: str, ids: str) -> TextClause:
    return text(_OF_WANTED.format(part=part.format(ids=ids)))


_WHOLE: Final = _statement(_WHOLE_PART, "").execution_options(yield_per=_FETCHED_AT_A_TIME)
_WHOLE_WITH_IDS: Final = _statement(_WHOLE_PART, _IDS).execution_options(yield_per=_FETCHED_AT_A_TIME)
_PARTS: Final = _statement(_EACH_PART, "")
_PARTS_WITH_IDS: Final = _statement(_EACH_PART, _IDS)
