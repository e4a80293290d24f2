"""In what does every call and every event read and write?"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from google.protobuf.message import Message
from mesh.clock import Clock
from mesh.store import Store, UnitOfWork
from opentelemetry.trace import SpanContext
from sqlalchemy.ext.asyncio import AsyncConnection

from offer_decision.handlers.ports import Campaigns, Decisions, Plans, Work
from offer_decision.server.announcements import Outbox

R = TypeVar("R", bound=Message)
Records = Callable[[AsyncConnection], tuple[Plans, Campaigns, Decisions]]
"""What is kept, seen through a connection."""


class StoreSessions:
    """Transactions of the service's store."""

    def __init__(self, store: Store, records: Records, clock: Clock) -> None:
        self._store = store
        self._records = records
        self._clock = clock

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[tuple[Plans, Campaigns, Decisions]]:
        """One view of what is kept."""
        async with self._store.reading() as connection:
            yield self._records(connection)

    async def once(self, method: str, request: Message, make: Callable[[Work], Awaitable[R]]) -> R:
        """The answer that `make` gives, or gave before to the same request; what it changes commits with it."""

        async def change(uow: UnitOfWork) -> R:
            return await uow.idempotent(method, request, lambda: make(self.work(uow)))

        return await self._store.retrying(change)

    def work(self, uow: UnitOfWork, cause: SpanContext | None = None) -> Work:
        """What a use case works with in a unit of work; what it announces belongs to the trace of `cause`."""
        plans, campaigns, decisions = self._records(uow.connection)
        return Work(plans, campaigns, decisions, Outbox(uow, cause), self._clock.now())
