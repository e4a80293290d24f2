"""How do spans of many senders at a time get into the store?"""

import asyncio
from dataclasses import dataclass

from value_network_sla.domain.span import is_partner
from value_network_sla.errors import Overloaded, PartnerNotFound, UnknownPartner
from value_network_sla.handlers.kept import SpanColumns
from value_network_sla.handlers.ports import Transactions, Work


@dataclass(eq=False, slots=True)
class _Batch:
    spans: SpanColumns
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

    async def receive(self, spans: SpanColumns) -> None:
        """Store the spans; raises Overloaded when too many are waiting already."""
        if not spans:
            return
        if self._waiting_spans and self._waiting_spans + len(spans) > self._max_waiting:
            raise Overloaded(self._waiting_spans)
        batch = _Batch(spans)
        self._waiting.append(batch)
        self._waiting_spans += len(spans)
        try:
            async with self._turn:
                if not batch.stored:
                    await self._store_with(batch)
        finally:
            self._waiting_spans -= len(spans)
            if not batch.stored:
                self._waiting.remove(batch)

    async def _store_with(self, own: _Batch) -> None:
        """Store all that wait, or at least `own`: one sender's spans must not keep out another's."""
        batches = list(self._waiting)
        try:
            await self._store(batches)
        except Exception:
            if batches == [own]:
                raise
            await self._store([own])

    async def _store(self, batches: list[_Batch]) -> None:
        together = SpanColumns()
        for batch in batches:
            together.extend(batch.spans)

        async def add(work: Work) -> None:
            await work.records.traces.add(together, work.now)

        await self._transactions.change(add)
        for batch in batches:
            batch.stored = True
            self._waiting.remove(batch)
