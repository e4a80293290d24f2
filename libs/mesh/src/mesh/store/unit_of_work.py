"""What can one transaction of a service do, beside its SQL?"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import Message
from opentelemetry.trace import SpanContext
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store.idempotency import IdempotentRequests
from mesh.store.outbox import Outbox

R = TypeVar("R", bound=Message)


class UnitOfWork:
    """One transaction: what it changes, what it publishes and what it answers become true together or not at all."""

    def __init__(self, connection: AsyncConnection, outbox: Outbox, requests: IdempotentRequests) -> None:
        """Made by `Store.unit_of_work`."""
        self.connection = connection
        self._outbox = outbox
        self._requests = requests

    def publish(self, event: Message, *, key: str, cause: SpanContext | None = None) -> None:
        """Tell the world, once this commits.

        The topic is the event's package (cxmesh.usage.v1 → usage). Events of one `key` keep their order in the
        stream. The event belongs to the trace of `cause`, by default of the current span: a handler of a batch
        passes the delivery's trace.
        """
        self._outbox.add(event, key, cause)

    async def replay(self, method: str, request: Message, response_type: type[R]) -> R | None:
        """The answer that this caller got for this request before, if any; see `IdempotentRequests.replay`."""
        return await self._requests.replay(method, request, response_type)

    async def remember(self, method: str, request: Message, response: Message) -> None:
        """Keep the answer for the next time; see `IdempotentRequests.remember`."""
        await self._requests.remember(method, request, response)

    async def idempotent(self, method: str, request: Message, make: Callable[[], Awaitable[R]]) -> R:
        """`replay`, or else `make` and `remember`."""
        return await self._requests.idempotent(method, request, make)
