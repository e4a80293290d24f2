"""How are the accounts of metered plans locked, read and written, and what is kept of re-rating?

Accounts are locked by their group (where they share allowances) and then by their subscription, each sorted: after the
keys of records and before bill cycles.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import Store
from usage_correlation.domain.accounts import CycleAccount, GroupAccount, GroupName
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.book import GroupPlace, Place
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.placement import Account
from usage_correlation.domain.rerating import Booking, Reason
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.domain.totals import ChargeName
from usage_correlation.handlers.ledger_ports import Rerating, StoredCycles
from usage_correlation.store.account_states import AccountReader, AccountWriting, passed_text
from usage_correlation.store.arrays import (
    integers,
    smallints,
    texts,
    timestamps,
    whole_numbers,
)
from usage_correlation.store.stored_cycles import stored_cycles

_NO_GROUP: Final = 0


class AccountWriter:
    """The accounts in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, groups: Collection[int], subscriptions: Collection[int]) -> None:
        """Nobody else rates on these accounts until the transaction ends."""
        if groups:
            await self._run(_LOCK_GROUPS, (integers(sorted(groups)),))
        if subscriptions:
            await self._run(_LOCK_SUBSCRIPTIONS, (integers(sorted(subscriptions)),))

    async def take(self, subscriptions: Collection[int]) -> list[Rerating]:
        """The requests to rate locked subscriptions anew that nobody else is meeting, removed: they are met now."""
        rows = await self._run(_TAKE, (integers(sorted(subscriptions)),))
        return [
            Rerating(row.subscription_id, row.shard, row.subscription_key, to_micros(row.from_time), Reason(row.reason))
            for row in rows
        ]

    async def lock_cycles(self, spans: Sequence[tuple[Subscriber, int, int]]) -> None:
        """Nobody raises the counters of bill cycles from then on until the transaction ends."""
        columns = (
            smallints([subscriber.shard for subscriber, *_ in spans]),
            integers([subscriber.key for subscriber, *_ in spans]),
            timestamps([start for _, start, _ in spans]),
        )
        await self._run(_LOCK_CYCLES, columns)

    async def cycles(self, wanted: Mapping[int, tuple[int, int]]) -> dict[Place, CycleAccount]:
        """Accounts by place. `wanted`: by subscription key its shard and the moment from which cycles may begin."""
        if not wanted:
            return {}
        keys = list(wanted)
        shards, moments = zip(*wanted.values(), strict=True)
        found = await self._run(_CYCLES, (smallints(shards), integers(keys), timestamps(moments)))
        stints = AccountReader().stints([row.stints for row in found])
        return {
            (row.subscription_key, to_micros(row.cycle_start_time)): CycleAccount(
                BillCycle(to_micros(row.cycle_start_time), to_micros(row.cycle_end_time)),
                to_micros(row.rated_until_time),
                held,
                row.group_key,
                row.passed or {},
            )
            for row, held in zip(found, stints, strict=True)
        }

    async def groups(self, wanted: Mapping[GroupName, tuple[int, int]]) -> dict[GroupPlace, GroupAccount]:
        """Groups' accounts. `wanted`: by group its key and the moment from which cycles may begin."""
        if not wanted:
            return {}
        names = {key: name for name, (key, _) in wanted.items()}
        keys, moments = zip(*wanted.values(), strict=True)
        found = await self._run(_GROUP_CYCLES, (integers(keys), timestamps(moments)))
        buckets = AccountReader().buckets([row.buckets for row in found])
        return {
            (names[row.group_key], to_micros(row.cycle_start_time)): GroupAccount(
                BillCycle(to_micros(row.cycle_start_time), to_micros(row.cycle_end_time)),
                to_micros(row.rated_until_time),
                held,
                row.passed or {},
            )
            for row, held in zip(found, buckets, strict=True)
        }

    async def save(self, cycles: Mapping[Place, CycleAccount], shards: Mapping[int, int]) -> None:
        """Write accounts of locked subscriptions; `shards` by their keys."""
        if not cycles:
            return
        places = sorted(cycles)
        kept, writing = [cycles[place] for place in places], AccountWriting()
        await self._connection.exec_driver_sql(
            _SAVE,
            (
                smallints([shards[key] for key, _ in places]),
                integers([key for key, _ in places]),
                timestamps([start for _, start in places]),
                timestamps([each.cycle.end_micros for each in kept]),
                timestamps([each.rated_until for each in kept]),
                integers([each.group or _NO_GROUP for each in kept]),
                texts([writing.stints(each.stints) for each in kept]),
                texts([passed_text(each.passed) or "" for each in kept]),
            ),
        )

    async def save_groups(self, groups: Mapping[GroupPlace, GroupAccount], keys: Mapping[GroupName, int]) -> None:
        """Write accounts of locked groups."""
        if not groups:
            return
        rows = sorted((keys[name], start, account) for (name, start), account in groups.items())
        writing = AccountWriting()
        await self._connection.exec_driver_sql(
            _SAVE_GROUPS,
            (
                integers([key for key, *_ in rows]),
                timestamps([start for _, start, _ in rows]),
                timestamps([each.cycle.end_micros for *_, each in rows]),
                timestamps([each.rated_until for *_, each in rows]),
                texts([writing.buckets(each.buckets) for *_, each in rows]),
                texts([passed_text(each.passed) or "" for *_, each in rows]),
            ),
        )

    async def stored(self, spans: Sequence[tuple[Subscriber, int, int]]) -> StoredCycles:
        """All records of subscriptions that began in [start, end) microseconds, with what stands in their counters.

        One statement, so one view: a record is seen if and only if it was counted.
        """
        return await stored_cycles(self._connection, spans)

    async def book(
        self,
        accounts: Sequence[Account],
        bookings: Sequence[Booking],
        charges: Mapping[ChargeName, int],
        reason: Reason,
        now: datetime,
    ) -> None:
        """Note what was booked, and why. Nothing of it ever changes."""
        if not bookings:
            return
        whose = [accounts[booking.account] for booking in bookings]
        figures = [booking.figures for booking in bookings]
        await self._connection.exec_driver_sql(
            _BOOK,
            (
                reason.value,
                now,
                smallints([account.subscriber.shard for account in whose]),
                integers([account.subscriber.key for account in whose]),
                timestamps([account.cycle.start_micros for account in whose]),
                integers([charges[booking.charge] for booking in bookings]),
                texts([booking.kind.value for booking in bookings]),
                whole_numbers([each.record_count for each in figures]),
                whole_numbers([each.quantity for each in figures]),
                whole_numbers([each.amount.numerator for each in figures]),
                whole_numbers([each.amount.scale for each in figures]),
            ),
        )

    async def _run(self, statement: str, columns: tuple[Any, ...]) -> Sequence[Row[Any]]:
        """Any: columns of several types, as the driver takes them and SQLAlchemy gives them."""
        return (await self._connection.exec_driver_sql(statement, columns)).all()


class AccountStore:
    """Reads accounts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(
        self, cycles: Mapping[int, tuple[int, int]], groups: Mapping[GroupName, tuple[int, int]]
    ) -> tuple[Mapping[Place, CycleAccount], Mapping[GroupPlace, GroupAccount]]:
        """As `AccountWriter.cycles` and `.groups`, in one view of both."""
        async with self._store.reading() as connection:
            accounts = AccountWriter(connection)
            return await accounts.cycles(cycles), await accounts.groups(groups)


_LOCK_GROUPS: Final = """
    SELECT group_key FROM usage.account_group WHERE group_key = ANY(%b) ORDER BY group_key FOR NO KEY UPDATE
"""
_LOCK_SUBSCRIPTIONS: Final = """
    SELECT subscription_key FROM usage.subscription
    WHERE subscription_key = ANY(%b) ORDER BY subscription_key FOR NO KEY UPDATE
"""
_LOCK_CYCLES: Final = """
    SELECT 1 FROM usage.bill_cycle AS cycle
    JOIN unnest(%b, %b, %b) AS wanted (shard, subscription_key, since)
        ON cycle.shard = wanted.shard AND cycle.subscription_key = wanted.subscription_key
        AND cycle.cycle_start_time >= wanted.since
    ORDER BY cycle.shard, cycle.subscription_key, cycle.cycle_start_time
    FOR NO KEY UPDATE OF cycle
"""
_TAKE: Final = """
    WITH taken AS (
        DELETE FROM usage.rerating WHERE (shard, subscription_key) IN (
            SELECT shard, subscription_key FROM usage.rerating
            WHERE subscription_key = ANY(%b) AND after_transaction IS NOT NULL FOR UPDATE SKIP LOCKED
        )
        RETURNING *
    )
    SELECT subscription_id, taken.shard, subscription_key, from_time, reason
    FROM taken JOIN usage.subscription USING (subscription_key)
"""
_CYCLES: Final = """
    SELECT account.subscription_key, cycle_start_time, cycle_end_time, rated_until_time, group_key,
        stints::text AS stints, passed
    FROM unnest(%b, %b, %b) AS wanted (shard, subscription_key, since)
    JOIN usage.account AS account
        ON account.shard = wanted.shard AND account.subscription_key = wanted.subscription_key
        AND account.cycle_start_time >= wanted.since
"""
_GROUP_CYCLES: Final = """
    SELECT account.group_key, cycle_start_time, cycle_end_time, rated_until_time, buckets::text AS buckets, passed
    FROM unnest(%b, %b) AS wanted (group_key, since)
    JOIN usage.group_account AS account
        ON account.group_key = wanted.group_key AND account.cycle_start_time >= wanted.since
"""
_SAVE: Final = """
    INSERT INTO usage.account AS account (
        shard, subscription_key, cycle_start_time, cycle_end_time, rated_until_time, group_key, stints, passed
    )
    SELECT shard, subscription_key, cycle_start_time, cycle_end_time, rated_until_time, nullif(group_key, 0),
        stints::json, nullif(passed, '')::json
    FROM unnest(%b, %b, %b, %b, %b, %b, %b, %b) AS kept (
        shard, subscription_key, cycle_start_time, cycle_end_time, rated_until_time, group_key, stints, passed
    )
    ON CONFLICT (shard, subscription_key, cycle_start_time) DO UPDATE SET
        cycle_end_time = EXCLUDED.cycle_end_time, rated_until_time = EXCLUDED.rated_until_time,
        group_key = EXCLUDED.group_key, stints = EXCLUDED.stints, passed = EXCLUDED.passed
"""
_SAVE_GROUPS: Final = """
    INSERT INTO usage.group_account AS account (
        group_key, cycle_start_time, cycle_end_time, rated_until_time, buckets, passed
    )
    SELECT group_key, cycle_start_time, cycle_end_time, rated_until_time, buckets::json, nullif(passed, '')::json
    FROM unnest(%b, %b, %b, %b, %b, %b) AS kept (
        group_key, cycle_start_time, cycle_end_time, rated_until_time, buckets, passed
    )
    ON CONFLICT (group_key, cycle_start_time) DO UPDATE SET
        cycle_end_time = EXCLUDED.cycle_end_time, rated_until_time = EXCLUDED.rated_until_time,
        buckets = EXCLUDED.buckets, passed = EXCLUDED.passed
"""
_BOOK: Final = """
    INSERT INTO usage.booking (
        reason, book_time, shard, subscription_key, cycle_start_time, charge_key, kind, record_count, quantity, amount,
        scale
    )
    SELECT %s, %s, * FROM unnest(
        %b, %b, %b, %b, %b, %b, %b::numeric[], %b::numeric[], %b::numeric[]
    )
"""
