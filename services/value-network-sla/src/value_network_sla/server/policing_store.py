"""In what do the calls and jobs of policing work: one transaction, and for changes its answer?"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.clock import Clock
from mesh.store import Store, UnitOfWork
from value_network_sla.handlers.policing.ports import PolicingRecords, PolicingWork, Settling
from value_network_sla.server.policing_events import Outbox

M = TypeVar("M", bound=Message)
R = TypeVar("R")


class PolicingStore:
    """Where objectives, alerts and measurements are read and written."""

    def __init__(
        self, store: Store, records: Callable[[AsyncConnection], PolicingRecords], clock: Clock, settling: Settling
    ) -> None:
        self._store = store
        self._records = records
        self.clock = clock
        self.settling = settling

    async def change(self, make: Callable[[PolicingWork], Awaitable[R]]) -> R:
        """Do `make` in one transaction, again from the start when the database breaks it off for a conflict."""
        return await self._store.retrying(lambda uow: make(self._work(uow)))

    async def once(self, method: str, request: Message, make: Callable[[PolicingWork], Awaitable[M]]) -> M:
        """The answer that `make` gives, or gave before to the same request; what it changes commits with it."""
        return await self._store.once(method, request, lambda uow: make(self._work(uow)))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[PolicingRecords]:
        """One snapshot of all that is kept."""
        async with self._store.reading() as connection:
            yield self._records(connection)

    def _work(self, uow: UnitOfWork) -> PolicingWork:
        return PolicingWork(self._records(uow.connection), Outbox(uow), self.clock.now())
