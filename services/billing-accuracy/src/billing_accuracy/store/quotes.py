"""How are quotes kept?"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, and_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_accuracy.domain.bills import LineType
from billing_accuracy.domain.quotes import Quote, QuoteItem
from billing_accuracy.handlers.ports import EntryKey
from billing_accuracy.store.tables import QUOTE
from mesh.store import insert_ignoring_duplicates, listed
from rating import from_micros, to_micros


class StoredQuotes:
    """Quotes in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, quotes: Sequence[tuple[Quote, bytes]]) -> Mapping[EntryKey, bytes]:
        """Keep those that are new, with digests of their content; the digests of those that were known, by key."""
        if not quotes:
            return {}
        # In one order, so that two calls with the same quotes wait for each other instead of dead-locking.
        rows = [_row(*one) for one in sorted(quotes, key=lambda one: (one[0].source, one[0].quote_id))]
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        key = ["source", "quote_id"]
        added = await insert_ignoring_duplicates(self._connection, QUOTE, columns, key=key, returning=key)
        new = {(row.source, row.quote_id) for row in added}
        known = [(one.source, one.quote_id) for one, _ in quotes if (one.source, one.quote_id) not in new]
        return await self._digests(known) if known else {}

    async def _digests(self, keys: Sequence[EntryKey]) -> Mapping[EntryKey, bytes]:
        sources, ids = zip(*keys, strict=True)
        wanted = listed(QUOTE, {"source": list(sources), "quote_id": list(ids)})
        same = and_(QUOTE.c.source == wanted.c.source, QUOTE.c.quote_id == wanted.c.quote_id)
        query = select(QUOTE.c.source, QUOTE.c.quote_id, QUOTE.c.digest).join(wanted, same)
        return {(row.source, row.quote_id): bytes(row.digest) for row in await self._connection.execute(query)}

    async def latest(self, subscriptions: Collection[str]) -> Mapping[str, Quote]:
        """The newest of each subscription that has one."""
        names = sorted(subscriptions)
        if not names:
            return {}
        wanted = listed(QUOTE, {"subscription": names})
        query = (
            select(QUOTE)
            .ext(distinct_on(QUOTE.c.subscription))
            .join(wanted, QUOTE.c.subscription == wanted.c.subscription)
            .order_by(QUOTE.c.subscription, QUOTE.c.promise_time.desc(), QUOTE.c.source, QUOTE.c.quote_id)
        )
        return {row.subscription: _quote(row) for row in await self._connection.execute(query)}

    async def of(self, subscription: str, size: int) -> Sequence[Quote]:
        """The newest `size` of one subscription."""
        newest = (QUOTE.c.promise_time.desc(), QUOTE.c.source, QUOTE.c.quote_id)
        query = select(QUOTE).where(QUOTE.c.subscription == subscription).order_by(*newest).limit(size)
        return [_quote(row) for row in await self._connection.execute(query)]


def _row(quote: Quote, digest: bytes) -> dict[str, object]:
    return {
        "source": quote.source,
        "quote_id": quote.quote_id,
        "subscription": quote.subscription,
        "promise_time": quote.promise_time,
        "plan": quote.plan,
        "currency": quote.currency,
        "items": json.dumps([[one.charge_code, one.line_type, to_micros(one.amount)] for one in quote.items]),
        "digest": digest,
    }


def _quote(row: Row[tuple[Any, ...]]) -> Quote:  # Any: a row of a Core table
    items = (QuoteItem(code, LineType(kind), from_micros(micros)) for code, kind, micros in row.items)
    return Quote(row.source, row.quote_id, row.subscription, row.plan, row.promise_time, row.currency, tuple(items))
