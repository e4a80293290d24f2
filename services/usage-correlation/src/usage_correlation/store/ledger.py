"""How does a batch of usage get into the tables, in one transaction?

The order of the statements is the order of the locks, the same for everybody: keys of records, then bill cycles, each
sorted, then the signals' head. So transactions wait for one another but never in a circle.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from fractions import Fraction
from typing import Any, Final, TypeVar
from zlib import crc32

from google.protobuf.message import Message
from sqlalchemy import Row

from mesh.store import Store, UnitOfWork
from rating import SERVICES
from usage_correlation.domain.crossings import Spending
from usage_correlation.domain.placement import Account
from usage_correlation.domain.shards import SHARDS, shard_of
from usage_correlation.domain.signals import PlacedSignal, Signal
from usage_correlation.domain.totals import ChargeName, LineTotals, SpendTotals
from usage_correlation.domain.usage import RecordKey, UsageBatch
from usage_correlation.domain.values import Value
from usage_correlation.handlers.ledger_ports import Causes
from usage_correlation.store import counters, signals
from usage_correlation.store.accounts import AccountWriter
from usage_correlation.store.arrays import bigints, integers, smallints, texts, timestamps
from usage_correlation.store.counters import AccountColumns

V = TypeVar("V")
Announce = Callable[[Signal], Message]
"""Makes the event that tells of a signal."""


class PostgresLedger:
    """Where usage is kept."""

    def __init__(self, store: Store, announce: Announce) -> None:
        self._store = store
        self._announce = announce

    def writing(
        self, sources: Mapping[str, int], causes: Causes | None = None
    ) -> AbstractAsyncContextManager["PostgresLedgerWriter"]:
        """A transaction; commits when the block ends well. `sources`: the keys of the batch's sources."""
        return self._writing(sources, causes)

    @asynccontextmanager
    async def _writing(
        self, sources: Mapping[str, int], causes: Causes | None
    ) -> AsyncIterator["PostgresLedgerWriter"]:
        async with self._store.unit_of_work() as uow:
            yield PostgresLedgerWriter(uow, sources, self._announce, causes)


class PostgresLedgerWriter:
    """One transaction that takes usage in."""

    def __init__(
        self, uow: UnitOfWork, sources: Mapping[str, int], announce: Announce, causes: Causes | None = None
    ) -> None:
        self._uow = uow
        self._sources = sources
        self._source_names = {key: source for source, key in sources.items()}
        self._announce = announce
        self._causes = causes
        self._columns: tuple[Sequence[Account], AccountColumns] | None = None

    @property
    def uow(self) -> UnitOfWork:
        """The transaction, for those who keep tables of their own beside the ledger's."""
        return self._uow

    @property
    def accounts(self) -> AccountWriter:
        """The accounts of metered plans."""
        return AccountWriter(self._uow.connection)

    async def claim(self, batch: UsageBatch, rows: Sequence[int], digests: Sequence[int]) -> Mapping[RecordKey, int]:
        """Make the rows' records known; the content digests of those that were known before, by key."""
        if not rows:
            return {}
        sources, ids = self._sources, batch.record_ids
        places = sorted(
            zip(
                [crc32(ids[row].encode()) % SHARDS for row in rows],
                [sources[batch.sources[row]] for row in rows],
                [ids[row] for row in rows],
                [digests[row] for row in rows],
                strict=True,
            )
        )
        shards, keys, names, contents = zip(*places, strict=True)
        claimed = (smallints(shards), integers(keys), texts(names), bigints(contents))
        new: int = (await self._uow.connection.exec_driver_sql(_CLAIM, claimed)).scalar_one()
        if new == len(rows):
            return {}
        found = await self._run(_KNOWN_BEFORE, (smallints(shards), integers(keys), texts(names)))
        return {(self._source_names[row.source_key], row.record_id): row.content_digest for row in found}

    async def known(self, keys: Collection[RecordKey]) -> Mapping[RecordKey, int]:
        """The content digests of those records that are known."""
        shards, sources, ids = zip(*map(self._place, keys), strict=True)
        found = await self._run(_KNOWN, (smallints(shards), integers(sources), texts(ids)))
        return {(self._source_names[row.source_key], row.record_id): row.content_digest for row in found}

    async def append(
        self, batch: UsageBatch, rows: Sequence[int], accounts: Sequence[Account], arrive_time: datetime
    ) -> int:
        """Store records; `accounts` for each of the rows. The version of the change log as of then."""
        columns = (
            arrive_time,
            timestamps(_chosen(batch.starts, rows)),
            bigints(_chosen(batch.quantities, rows)),
            integers([account.subscriber.key for account in accounts]),
            integers([self._sources[source] for source in _chosen(batch.sources, rows)]),
            smallints([account.subscriber.shard for account in accounts]),
            texts([SERVICES[service] for service in _chosen(batch.services, rows)]),
            texts(_chosen(batch.record_ids, rows)),
            texts(_chosen(batch.destinations, rows)),
            texts(_chosen(batch.visited_networks, rows)),
            texts(_chosen(batch.location_ids, rows)),
        )
        statement, columns = _with_values(columns, _chosen(batch.values, rows) if batch.values else ())
        version: int = (await self._uow.connection.exec_driver_sql(statement, columns)).scalar_one()
        return version

    async def add_spending(
        self, accounts: Sequence[Account], totals: SpendTotals, least: Fraction | None
    ) -> Sequence[Spending]:
        """Raise what the accounts have spent, and tell of those that have spent `least` then; None: of nobody."""
        return await counters.add_spending(self._uow.connection, self._in_columns(accounts), totals, least)

    async def add_lines(
        self, accounts: Sequence[Account], lines: Sequence[LineTotals], charges: Mapping[ChargeName, int]
    ) -> None:
        """Raise the counters of accounts whose spending was raised before."""
        await counters.add_lines(self._uow.connection, self._in_columns(accounts), lines, charges)

    def _in_columns(self, accounts: Sequence[Account]) -> AccountColumns:
        """The accounts in columns; those of the last statement are kept, since the next one is about the same."""
        if self._columns is None or self._columns[0] is not accounts or len(self._columns[1].keys) != len(accounts):
            self._columns = (accounts, AccountColumns.of(accounts))
        return self._columns[1]

    async def newest_records(
        self, accounts: Sequence[Account], but: Sequence[Collection[RecordKey]], size: int
    ) -> Sequence[Sequence[RecordKey]]:
        """The keys of each account's newest `size` stored records, oldest first, without those in its `but`."""
        columns = (
            smallints([account.subscriber.shard for account in accounts]),
            integers([account.subscriber.key for account in accounts]),
            timestamps([account.cycle.start_micros for account in accounts]),
            timestamps([account.cycle.end_micros for account in accounts]),
            bigints([size + len(keys) for keys in but]),
        )
        found: list[list[RecordKey]] = [[] for _ in accounts]
        for row in await self._run(_NEWEST, columns):
            keys = found[row.number - 1]
            key = (row.source, row.record_id)
            if key not in but[row.number - 1] and len(keys) < size:
                keys.append(key)
        return [keys[::-1] for keys in found]

    async def raise_signals(self, raised: Sequence[tuple[Account, Signal]]) -> Sequence[PlacedSignal]:
        """Keep and publish signals and that their thresholds were passed; those that were new."""
        connection = self._uow.connection
        await counters.mark_passed(connection, raised)
        placed = await signals.add(connection, [signal for _, signal in raised])
        for each in placed:
            cause = self._causes(each.signal) if self._causes else None
            self._uow.publish(self._announce(each.signal), key=each.signal.subscription, cause=cause)
        return placed

    def _place(self, key: RecordKey) -> tuple[int, int, str]:
        """Shard, source and id, as the key stands in the table."""
        source, record_id = key
        return shard_of(record_id), self._sources[source], record_id

    async def _run(self, statement: str, columns: tuple[Any, ...]) -> Sequence[Row[Any]]:
        """Any: columns of several types, as the driver takes them and SQLAlchemy gives them."""
        return (await self._uow.connection.exec_driver_sql(statement, columns)).all()


def _chosen(values: Sequence[V], rows: Sequence[int]) -> Sequence[V]:
    """The values of some rows, which rise; nearly always all of them."""
    return values if len(rows) == len(values) else [values[row] for row in rows]


def _with_values(columns: tuple[Any, ...], values: Sequence[Value | None]) -> tuple[str, tuple[Any, ...]]:
    """The statement that stores records, and its columns; Any: as the driver takes them."""
    if not any(values):
        return _APPEND, columns
    micros = bigints([0 if value is None else value.micros for value in values])
    return _APPEND_VALUES, (*columns, micros, texts(["" if value is None else value.currency for value in values]))


_CLAIM: Final = """
    WITH claimed AS (
        INSERT INTO usage.usage_record_key (key_shard, source_key, record_id, content_digest)
        SELECT * FROM unnest(%b, %b, %b, %b)
        ON CONFLICT (key_shard, source_key, record_id) DO NOTHING
        RETURNING 1
    )
    SELECT count(*) FROM claimed
"""
_KNOWN: Final = """
    SELECT source_key, record_id, content_digest
    FROM usage.usage_record_key
    JOIN unnest(%b, %b, %b) AS wanted (key_shard, source_key, record_id) USING (key_shard, source_key, record_id)
"""
# Those that this transaction did not make itself.
_KNOWN_BEFORE: Final = f"{_KNOWN} WHERE usage_record_key.xmin <> pg_current_xact_id()::xid"
# For 1,000 rows this takes two thirds of the time of a COPY, whose rows the driver would write one by one.
_APPEND: Final = """
    WITH stored AS (
        INSERT INTO usage.usage_record (
            arrive_time, start_time, quantity, subscription_key, source_key, shard, usage_type, record_id, destination,
            visited_network, location_id
        )
        SELECT %s, * FROM unnest(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b)
    )
    SELECT version FROM usage.change_head
"""
_APPEND_VALUES: Final = """
    WITH stored AS (
        INSERT INTO usage.usage_record (
            arrive_time, start_time, quantity, subscription_key, source_key, shard, usage_type, record_id, destination,
            visited_network, location_id, value_micros, value_currency
        )
        SELECT %s, start_time, quantity, subscription_key, source_key, shard, usage_type, record_id, destination,
            visited_network, location_id, CASE WHEN currency <> '' THEN micros END, nullif(currency, '')
        FROM unnest(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b) AS record (
            start_time, quantity, subscription_key, source_key, shard, usage_type, record_id, destination,
            visited_network, location_id, micros, currency
        )
    )
    SELECT version FROM usage.change_head
"""
# For each account one walk down the index from the end of its cycle. Records that begin at the same moment have an
# order all the same, or the evidence of a signal would depend on what else the table has been through.
_NEWEST: Final = """
    SELECT wanted.number, source.source, newest.record_id
    FROM unnest(%b, %b, %b, %b, %b)
        WITH ORDINALITY AS wanted (shard, subscription_key, cycle_start, cycle_end, size, number)
    CROSS JOIN LATERAL (
        SELECT source_key, record_id, start_time
        FROM usage.usage_record AS record
        WHERE record.shard = wanted.shard AND record.subscription_key = wanted.subscription_key
            AND record.start_time >= wanted.cycle_start AND record.start_time < wanted.cycle_end
        ORDER BY record.start_time DESC, record.source_key DESC, record.record_id DESC
        LIMIT wanted.size
    ) AS newest
    JOIN usage.source USING (source_key)
    ORDER BY wanted.number, newest.start_time DESC, source.source_key DESC, newest.record_id DESC
"""
