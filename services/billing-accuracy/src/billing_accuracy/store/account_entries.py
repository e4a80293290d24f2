"""How are account entries kept, and what is known of balances?"""

import zlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Row, and_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.entries import AccountEntry, EntryKind
from billing_accuracy.domain.findings import HoldState, ReleaseKind
from billing_accuracy.domain.usage import Balance
from billing_accuracy.handlers.ports import EntryKey
from billing_accuracy.store.tables import ACCOUNT_ENTRY, BILL_CHECK
from mesh.store import insert_ignoring_duplicates, listed
from rating import from_micros, to_micros

_SHARDS: Final = 64
_OPENINGS: Final = (EntryKind.OPENING_BALANCE, EntryKind.OPENING_CREDIT)
AnyRow = Row[tuple[Any, ...]]  # Any: a row of a Core table


class StoredEntries:
    """Account entries in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, entries: Sequence[tuple[AccountEntry, bytes]]) -> Mapping[EntryKey, bytes]:
        """Keep those that are new, with digests of their content; the digests of those that were known, by key."""
        # In one order, so that two calls with the same entries wait for each other instead of dead-locking.
        ordered = sorted(entries, key=lambda one: (one[0].source, one[0].entry_id))
        rows = [_row(entry, digest) for entry, digest in ordered]
        columns = {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
        if not rows:
            return {}
        key = ["source", "entry_id"]
        added = await insert_ignoring_duplicates(self._connection, ACCOUNT_ENTRY, columns, key=key, returning=key)
        new = {(row.source, row.entry_id) for row in added}
        known = [(entry.source, entry.entry_id) for entry, _ in entries if (entry.source, entry.entry_id) not in new]
        return await self._digests(known)

    async def _digests(self, keys: Sequence[EntryKey]) -> Mapping[EntryKey, bytes]:
        if not keys:
            return {}
        sources, ids = zip(*keys, strict=True)
        wanted = listed(ACCOUNT_ENTRY, {"source": list(sources), "entry_id": list(ids)})
        same = and_(ACCOUNT_ENTRY.c.source == wanted.c.source, ACCOUNT_ENTRY.c.entry_id == wanted.c.entry_id)
        query = select(ACCOUNT_ENTRY.c.source, ACCOUNT_ENTRY.c.entry_id, ACCOUNT_ENTRY.c.digest).join(wanted, same)
        return {(row.source, row.entry_id): bytes(row.digest) for row in await self._connection.execute(query)}

    async def between(
        self, subscriptions: Collection[str], start: datetime, end: datetime
    ) -> Mapping[str, Sequence[AccountEntry]]:
        """Those that took effect in the interval, by subscription, in order of time."""
        found: dict[str, list[AccountEntry]] = defaultdict(list)
        names = sorted(subscriptions)
        wanted = listed(ACCOUNT_ENTRY, {"shard": [_shard(name) for name in names], "subscription": names})
        query = (
            select(ACCOUNT_ENTRY)
            .join(wanted, and_(*(ACCOUNT_ENTRY.c[name] == wanted.c[name] for name in ("shard", "subscription"))))
            .where(ACCOUNT_ENTRY.c.effective_time >= start, ACCOUNT_ENTRY.c.effective_time < end)
            .order_by(ACCOUNT_ENTRY.c.effective_time, ACCOUNT_ENTRY.c.source, ACCOUNT_ENTRY.c.entry_id)
        )
        for row in await self._connection.execute(query):
            found[row.subscription].append(_entry(row))
        return found

    async def page(
        self,
        subscription: str,
        interval: tuple[datetime | None, datetime | None],
        after: tuple[datetime, str, str] | None,
        size: int,
    ) -> Sequence[AccountEntry]:
        """The first `size` of one subscription in [start, end) that come after `after`, by time, source and id."""
        order = (ACCOUNT_ENTRY.c.effective_time, ACCOUNT_ENTRY.c.source, ACCOUNT_ENTRY.c.entry_id)
        query = select(ACCOUNT_ENTRY).where(
            ACCOUNT_ENTRY.c.shard == _shard(subscription), ACCOUNT_ENTRY.c.subscription == subscription
        )
        start, end = interval
        if start is not None:
            query = query.where(order[0] >= start)
        if end is not None:
            query = query.where(order[0] < end)
        if after is not None:
            query = query.where(tuple_(*order) > tuple_(*after))
        return [_entry(row) for row in await self._connection.execute(query.order_by(*order).limit(size))]

    async def balances(self, bills: Sequence[Bill]) -> Mapping[str, Balance]:
        """What was owed at the start of each bill's period and paid in it, by bill; without those that nobody knows."""
        stating = [bill for bill in bills if _states_balance(bill)]
        if not stating:
            return {}
        earlier = await self._bills_before(stating)
        names = {bill.subscription for bill in stating}
        openings = await self._openings(names)
        first, last = min(bill.start for bill in stating), max(bill.end for bill in stating)
        entries = await self.between(names, first, last)
        found = {}
        for bill in stating:
            before = earlier.get((bill.subscription, bill.start)) or _opened(openings.get(bill.subscription, ()), bill)
            if before is not None:
                owed, said_by = before
                found[bill.bill_id] = Balance(owed, _paid(entries.get(bill.subscription, ()), bill), said_by)
        return found

    async def _bills_before(self, bills: Sequence[Bill]) -> Mapping[tuple[str, datetime], tuple[Fraction, str]]:
        """What the bills asked for whose period ends where one of these starts; the newest check of each decides."""
        check = BILL_CHECK.c
        places = {(bill.subscription, bill.start) for bill in bills}
        names, starts = zip(*sorted(places), strict=True)
        wanted = listed(BILL_CHECK, {"subscription": list(names), "period_end": list(starts)})
        same = and_(check.subscription == wanted.c.subscription, check.period_end == wanted.c.period_end)
        settled = or_(check.hold_state != HoldState.HELD.value, check.release_kind.is_not(None))
        query = (
            select(BILL_CHECK)
            .join(wanted, same)
            .where(check.amount_due_micros.is_not(None), settled)
            .order_by(check.check_time, check.bill_run_id)
        )
        found = {}
        for row in await self._connection.execute(query):
            due = row.amount_due_micros
            if row.release_kind == ReleaseKind.CORRECTED:
                due += row.expected_micros - row.billed_micros
            found[row.subscription, row.period_end] = (from_micros(due), f"bills/{row.bill_id} asked for it")
        return found

    async def _openings(self, subscriptions: Collection[str]) -> Mapping[str, Sequence[AccountEntry]]:
        names = sorted(subscriptions)
        wanted = listed(ACCOUNT_ENTRY, {"shard": [_shard(name) for name in names], "subscription": names})
        query = (
            select(ACCOUNT_ENTRY)
            .join(wanted, and_(*(ACCOUNT_ENTRY.c[name] == wanted.c[name] for name in ("shard", "subscription"))))
            .where(ACCOUNT_ENTRY.c.kind.in_([kind.value for kind in _OPENINGS]))
            .order_by(ACCOUNT_ENTRY.c.effective_time)
        )
        found: dict[str, list[AccountEntry]] = defaultdict(list)
        for row in await self._connection.execute(query):
            found[row.subscription].append(_entry(row))
        return found


def _paid(entries: Sequence[AccountEntry], bill: Bill) -> Fraction:
    payments = (one for one in entries if one.kind is EntryKind.PAYMENT and bill.start <= one.time < bill.end)
    return sum((one.amount or Fraction() for one in payments), Fraction())


def _opened(openings: Sequence[AccountEntry], bill: Bill) -> tuple[Fraction, str] | None:
    """What an entry of exactly the start of the period says; one of another moment says nothing about this one."""
    for one in openings:
        if one.time == bill.start and one.amount is not None:
            sign = -1 if one.kind is EntryKind.OPENING_CREDIT else 1
            return sign * one.amount, f"{one.source}/{one.entry_id} says so"
    return None


def _states_balance(bill: Bill) -> bool:
    return bill.totals.balance_brought_forward is not None or bill.totals.paid is not None


def _shard(subscription: str) -> int:
    return zlib.crc32(subscription.encode()) % _SHARDS


def _row(entry: AccountEntry, digest: bytes) -> dict[str, object]:
    return {
        "shard": _shard(entry.subscription),
        "subscription": entry.subscription,
        "effective_time": entry.time,
        "source": entry.source,
        "entry_id": entry.entry_id,
        "kind": entry.kind.value,
        "charge_code": entry.charge_code,
        "amount_micros": None if entry.amount is None else to_micros(entry.amount),
        "currency": entry.currency,
        "tax_exempt": entry.tax_exempt,
        "reason": entry.reason,
        "reference": entry.reference,
        "digest": digest,
    }


def _entry(row: AnyRow) -> AccountEntry:
    return AccountEntry(
        source=row.source,
        entry_id=row.entry_id,
        subscription=row.subscription,
        kind=EntryKind(row.kind),
        time=row.effective_time,
        charge_code=row.charge_code,
        amount=None if row.amount_micros is None else from_micros(row.amount_micros),
        currency=row.currency,
        tax_exempt=row.tax_exempt,
        reason=row.reason,
        reference=row.reference,
    )
