"""Where does a service read and write, and who hears that something was published?"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Literal, Self, TypeVar

import psycopg.errors
from google.protobuf.message import Message
from opentelemetry import trace
from opentelemetry.trace import Tracer
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.clock import Clock, SystemClock
from mesh.store.engine import PoolSettings, create_engine
from mesh.store.idempotency import IdempotentRequests
from mesh.store.outbox import Outbox, Stream
from mesh.store.purge import Purged, Retention, purge
from mesh.store.unit_of_work import UnitOfWork

M = TypeVar("M", bound=Message)
R = TypeVar("R")
Isolation = Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
PublishedListener = Callable[[frozenset[Stream]], None]
_RETRY_SECONDS = 0.01


class Store:
    """One service's schema in PostgreSQL. Connects when first used; close it at the end."""

    def __init__(
        self,
        database_url: str,
        schema: str,
        *,
        pool: PoolSettings | None = None,
        retention: Retention | None = None,
        partitions: int = 1,
        clock: Clock | None = None,
        caller: Callable[[], str] = str,
        tracer: Tracer | None = None,
    ) -> None:
        """Everything but the URL and the schema has a default that suits a test.

        `partitions` is how many streams each topic is spread over; `caller` names the identity whose request is
        being handled, so that its idempotent requests are its own.
        """
        self.schema = schema
        self.clock = clock or SystemClock()
        self.engine = create_engine(database_url, application_name=schema, pool=pool or PoolSettings())
        self._retention = retention or Retention()
        self._partitions = partitions
        self._caller = caller
        self._tracer = tracer or trace.get_tracer(__name__)
        self._listeners: list[PublishedListener] = []

    async def __aenter__(self) -> Self:
        """Nothing to open: connections come when needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

    def on_published(self, listener: PublishedListener) -> None:
        """After each commit that published something, call `listener` in this process with the streams."""
        self._listeners.append(listener)

    @asynccontextmanager
    async def unit_of_work(self, *, isolation: Isolation = "READ COMMITTED") -> AsyncIterator[UnitOfWork]:
        """One transaction: committed when the block ends well, rolled back when it raises."""
        async with self.engine.connect() as connection:
            if isolation != "READ COMMITTED":
                await connection.execution_options(isolation_level=isolation)
            async with connection.begin():
                outbox = Outbox(self.schema, self.clock, self._tracer, self._partitions)
                requests = IdempotentRequests(connection, self.schema, self.clock, self._caller)
                yield UnitOfWork(connection, outbox, requests)
                requests.require_answers()
                streams = await outbox.flush(connection)
        if streams:
            for listener in self._listeners:
                listener(streams)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that the database keeps from writing, with one view of the data from start to end."""
        async with self.engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with connection.begin():
                yield connection

    async def retrying(
        self,
        work: Callable[[UnitOfWork], Awaitable[R]],
        *,
        attempts: int = 5,
        isolation: Isolation = "READ COMMITTED",
    ) -> R:
        """Do `work` in a unit of work, again from the start when the database breaks it off for a conflict.

        Conflicts are deadlocks and serialization failures. `work` must do nothing that a rollback does not undo.
        """
        for attempt in range(1, attempts):
            try:
                async with self.unit_of_work(isolation=isolation) as uow:
                    return await work(uow)
            except (DBAPIError, psycopg.Error) as error:
                if not _is_conflict(error):
                    raise
                # Spread, so that the same two do not meet again.
                await asyncio.sleep(_RETRY_SECONDS * 2**attempt * random.random())  # noqa: S311 - no secret
        async with self.unit_of_work(isolation=isolation) as uow:
            return await work(uow)

    async def once(self, method: str, request: Message, make: Callable[[UnitOfWork], Awaitable[M]]) -> M:
        """The answer that `make` gives to a request, or gave before to the same one; what it changes commits with it.

        `retrying`, around `idempotent`.
        """

        async def change(uow: UnitOfWork) -> M:
            return await uow.idempotent(method, request, lambda: make(uow))

        return await self.retrying(change)

    async def purge(self) -> Purged:
        """Delete what is past its retention; a job calls this every minute or so, in any number of replicas."""
        return await purge(self.engine, self.schema, self.clock.now(), self._retention)


def _is_conflict(error: DBAPIError | psycopg.Error) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else error  # COPY goes by the driver itself
    return isinstance(cause, psycopg.errors.SerializationFailure | psycopg.errors.DeadlockDetected)
