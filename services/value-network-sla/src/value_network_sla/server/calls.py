"""In what does every call work: one transaction, and for changes its answer?"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.clock import Clock
from mesh.rpc import current_identity
from mesh.store import Store, UnitOfWork
from value_network_sla.handlers.ports import Records, Work
from value_network_sla.handlers.viewer import Viewer
from value_network_sla.server.announcements import Outbox
from value_network_sla.server.authorization import SERVICE

M = TypeVar("M", bound=Message)
R = TypeVar("R")
Context = grpc.aio.ServicerContext[Any, Any]


class Calls:
    """What all calls and jobs have in common."""

    def __init__(self, store: Store, records: Callable[[AsyncConnection], Records], clock: Clock) -> None:
        self._store = store
        self._records = records
        self.clock = clock

    async def change(self, make: Callable[[Work], Awaitable[R]]) -> R:
        """Do `make` in one transaction, again from the start when the database breaks it off for a conflict."""
        return await self._store.retrying(lambda uow: make(self._work(uow)))

    async def once(self, method: str, request: Message, make: Callable[[Work], Awaitable[M]]) -> M:
        """The answer that `make` gives, or gave before to the same request; what it changes commits with it."""
        return await self._store.once(f"{SERVICE}/{method}", request, lambda uow: make(self._work(uow)))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Records]:
        """One snapshot of all that is kept."""
        async with self._store.reading() as connection:
            yield self._records(connection)

    def _work(self, uow: UnitOfWork) -> Work:
        return Work(self._records(uow.connection), Outbox(uow), self.clock.now())


def viewer() -> Viewer:
    """Who reads, by the certificate of the call that is being served."""
    identity = current_identity()
    return Viewer(f"partners/{identity.name}" if identity.kind == "partner" else None)
