"""In what does every call work: one transaction, and for changes its events and its answer?"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from customer_profile.handlers.ports import Records, Work
from customer_profile.server.announcements import Outbox
from customer_profile.server.authorization import SERVICE
from mesh.clock import Clock
from mesh.store import Store, UnitOfWork

R = TypeVar("R", bound=Message)
Context = grpc.aio.ServicerContext[Any, Any]


class Calls:
    """What the calls on customers, subscriptions and touch-points have in common."""

    def __init__(self, store: Store, records: Callable[[AsyncConnection], Records], clock: Clock) -> None:
        self._store = store
        self._records = records
        self._clock = clock

    async def _once(self, method: str, request: Message, make: Callable[[Work], Awaitable[R]]) -> R:
        """The answer that `make` gives, or gave before to the same request; what it changes commits with it."""
        return await self._store.once(f"{SERVICE}/{method}", request, lambda uow: make(self._work(uow)))

    def _work(self, uow: UnitOfWork) -> Work:
        now = self._clock.now()
        return Work(self._records(uow.connection), Outbox(uow, now), now)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Records]:
        """One snapshot of all that is kept."""
        async with self._store.reading() as connection:
            yield self._records(connection)
