"""In what does every call read and write?"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_accuracy.handlers.ports import View, Work
from billing_accuracy.server.announcements import Outbox
from billing_accuracy.server.authorization import SERVICE
from mesh.clock import Clock
from mesh.store import Store, UnitOfWork

R = TypeVar("R", bound=Message)
Records = Callable[[AsyncConnection], View]
"""What is kept, seen through a connection."""


class StoreSessions:
    """Transactions of the service's store."""

    def __init__(self, store: Store, records: Records, clock: Clock) -> None:
        self._store = store
        self._records = records
        self._clock = clock

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[View]:
        """One view of what is kept."""
        async with self._store.reading() as connection:
            yield self._records(connection)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[Work]:
        """One transaction."""
        async with self._store.unit_of_work() as uow:
            yield self._work(uow)

    async def once(
        self, method: str, request: Message, make: Callable[[Work], Awaitable[R]], *, service: str = SERVICE
    ) -> R:
        """The answer that `make` gives, or gave before to the same request; what it changes commits with it."""
        return await self._store.once(f"{SERVICE}/{method}", request, lambda uow: make(self._work(uow)))

    def _work(self, uow: UnitOfWork) -> Work:
        kept = self._records(uow.connection)
        told, now = Outbox(uow), self._clock.now()
        return Work(kept.runs, kept.checks, kept.entries, kept.disputes, kept.quotes, told, now, kept.reports)
