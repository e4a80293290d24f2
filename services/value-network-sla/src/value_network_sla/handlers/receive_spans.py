"""How do spans of many senders at a time get into the store?"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from apportioning.span import is_partner
from value_network_sla.errors import Overloaded, PartnerNotFound, UnknownPartner
from value_network_sla.handlers.kept import Chunk
from value_network_sla.handlers.ports import Transactions, Work

_MOST_AT_ONCE = 20_000
"""Spans in one transaction: more are no faster, and whoever comes last would wait for all of them."""


@dataclass(eq=False, slots=True)
class _Batch:
    chunks: Sequence[Chunk]
    spans: int
    stored: bool = False


class SpanReceiver:
    """Stores what came in while the last batch was being stored as one batch; a call returns once its own is stored."""

    def __init__(self, transactions: Transactions, *, max_waiting_spans: int) -> None:
        self._transactions = transactions
        self._max_waiting = max_waiting_spans
        self._waiting: list[_Batch] = []
        self._waiting_spans = 0
        self._turn = asyncio.Lock()
        self._known_partners: set[str] = set()

    async def admit(self, sender: str) -> None:
        """Raise UnknownPartner when the sender is a partner that doesn't exist here. Partners are never deleted."""
        if not is_partner(sender) or sender in self._known_partners:
            return
        try:
            await self._transactions.change(lambda work: work.records.partners.get(sender))
        except PartnerNotFound as error:
            raise UnknownPartner(sender) from error
        self._known_partners.add(sender)

    async def receive(self, chunks: Sequence[Chunk], spans: int) -> None:
        """Store the chunks, of so many spans; raises Overloaded when too many are waiting already."""
        if not chunks:
            return
        if self._waiting_spans and self._waiting_spans + spans > self._max_waiting:
            raise Overloaded(self._waiting_spans)
        batch = _Batch(chunks, spans)
        self._waiting.append(batch)
        self._waiting_spans += spans
        try:
            async with self._turn:
                if not batch.stored:
                    await self._store_with(batch)
        finally:
            self._waiting_spans -= spans
            if not batch.stored:
                self._waiting.remove(batch)

    async def _store_with(self, own: _Batch) -> None:
        """Store those that wait, or at least `own`: one sender's spans must not keep out another's."""
        batches, spans = [own], own.spans
        for each in self._waiting:
            if each is not own and spans + each.spans <= _MOST_AT_ONCE:
                batches.append(each)
                spans += each.spans
        try:
            await self._store(batches)
        except Exception:
            if batches == [own]:
                raise
            await self._store([own])

    async def _store(self, batches: list[_Batch]) -> None:
        together = [chunk for batch in batches for chunk in batch.chunks]

        async def add(work: Work) -> None:
            await work.records.traces.add(together, work.now)

        await self._transactions.change(add)
        for batch in batches:
            batch.stored = True
            self._waiting.remove(batch)
