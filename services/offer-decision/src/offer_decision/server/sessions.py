"""In what does every call and every event read and write?"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from google.protobuf.message import Message
from opentelemetry.trace import SpanContext
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.clock import Clock
from mesh.store import Store, UnitOfWork
from offer_decision.handlers.ports import Records, Work
from offer_decision.server.announcements import Outbox

R = TypeVar("R", bound=Message)
T = TypeVar("T")
RecordsOn = Callable[[AsyncConnection], Records]
"""All that is kept, seen through a connection."""


class StoreSessions:
    """Transactions of the service's store."""

    def __init__(self, store: Store, records_on: RecordsOn, clock: Clock) -> None:
        self._store = store
        self._records_on = records_on
        self._clock = clock

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Records]:
        """One view of what is kept."""
        async with self._store.reading() as connection:
            yield self._records_on(connection)

    async def once(self, method: str, request: Message, make: Callable[[Work], Awaitable[R]]) -> R:
        """The answer that `make` gives, or gave before to the same request; what it changes commits with it."""
        return await self._store.once(method, request, lambda uow: make(self.work(uow)))

    async def change(self, make: Callable[[Work], Awaitable[T]]) -> T:
        """Do `make` in one transaction."""
        async with self._store.unit_of_work() as uow:
            return await make(self.work(uow))

    def work(self, uow: UnitOfWork, causes: Mapping[str, SpanContext] | None = None) -> Work:
        """What a use case works with in a unit of work; see `Outbox` for `causes`."""
        return Work(self._records_on(uow.connection), Outbox(uow, causes or {}), self._clock.now())
