"""How do events get from where they are stored to where they are correlated? In the transaction that stores them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np

from mesh.store import UnitOfWork
from usage_correlation.domain.crossings import Spending
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.patterns.columns import Events
from usage_correlation.domain.patterns.event_types import USAGE
from usage_correlation.domain.patterns.usage_events import usage_events
from usage_correlation.domain.placement import Account
from usage_correlation.domain.shards import shard_of
from usage_correlation.domain.signals import Signal
from usage_correlation.handlers.ledger_ports import Arrival, LedgerWriter
from usage_correlation.handlers.patterns.book import PatternBook
from usage_correlation.handlers.patterns.ports import LANES

Enqueue = Callable[[UnitOfWork, Sequence[tuple[int, Events]]], Awaitable[None]]


class HandOver:
    """Lets events wait for the patterns that look at their type; where there is none, nothing waits."""

    def __init__(self, book: PatternBook, enqueue: Enqueue) -> None:
        self._book = book
        self._enqueue = enqueue
        self.waiting = asyncio.Event()
        """Set when something was handed over in this process: it may be there once that commits."""

    async def __call__(self, uow: UnitOfWork, batches: Sequence[Events]) -> None:
        """Events of subscribers, and alerts and local events, which concern every lane."""
        chosen = [batch for batch in batches if batch.type in self._book.types and len(batch)]
        if chosen:
            await self._enqueue(uow, [piece for batch in chosen for piece in by_lane(batch)])
            self.waiting.set()


class UsageReaction:
    """Hands new usage records over."""

    def __init__(self, hand_over: HandOver, book: PatternBook) -> None:
        self._hand_over = hand_over
        self._book = book

    def least(self, accounts: Sequence[Account]) -> Mapping[str, Fraction]:
        """It has nothing to say about spending."""
        del accounts
        return {}

    async def __call__(
        self, writer: LedgerWriter, arrival: Arrival, spendings: Sequence[Spending]
    ) -> Sequence[tuple[Account, Signal]]:
        """Raises nothing itself."""
        del spendings
        if USAGE in self._book.types:
            rows = np.unique(np.concatenate([usage.rows for usage in arrival.usages])) if arrival.usages else ()
            events = usage_events(arrival.batch, [int(row) for row in rows], to_micros(arrival.time))
            await self._hand_over(writer.uow, [events])
        return ()


def by_lane(events: Events) -> list[tuple[int, Events]]:
    """Events by the lanes of their subscribers; those of places in every lane."""
    lanes = np.array([shard_of(value) % LANES if value else -1 for value in events.subscriptions.values], np.int64)
    lane_of = lanes[events.subscriptions.codes]
    pieces = [(lane, events.take((lane_of == lane) | (lane_of < 0))) for lane in range(LANES)]
    return [(lane, piece.compact()) for lane, piece in pieces if len(piece)]
