"""What does a service do with an event of others?"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from google.protobuf.message import Message
from opentelemetry.trace import SpanContext

from mesh.store import UnitOfWork
from mesh.store.outbox import topic_of

M = TypeVar("M", bound=Message)


class TryLater(Exception):  # noqa: N818 - an instruction
    """Raised by a handler: nothing is wrong with the event, but something that it needs is away.

    The stream waits, however long it takes; no attempt is counted.
    """


@dataclass(frozen=True, slots=True)
class Delivery(Generic[M]):
    """One event, handed to a handler."""

    id: UUID
    """The event's id: the same in every delivery of it."""
    message: M
    key: str
    time: datetime
    """When it was published, by the publisher's clock."""
    trace: SpanContext
    """The trace that it was published in; pass it as `cause` when publishing because of this event."""
    attempt: int
    """1 for the first delivery; 2 and more if an earlier one failed or was cut off."""


Handler = Callable[[UnitOfWork, Sequence[Delivery[M]]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Subscription(Generic[M]):
    """A service (`group`) handles one type of event.

    The handler gets one or more deliveries in the order of the stream, all new to this service and all of one trace if
    that trace is sampled. What it does through the unit of work commits with the note that the events are handled. If
    it raises, all is rolled back, and the deliveries are handed over again one by one.
    """

    group: str
    event: type[M]
    handler: Handler[M]

    @property
    def topic(self) -> str:
        """The topic that carries the event."""
        return topic_of(self.event)


def by_type(group: str, subscriptions: Iterable[Subscription[Any]]) -> dict[str, Subscription[Any]]:
    """The subscriptions by full name of the event; ValueError for another group's, or two for one event."""
    found: dict[str, Subscription[Any]] = {}
    for subscription in subscriptions:
        name = subscription.event.DESCRIPTOR.full_name
        if subscription.group != group:
            # The inbox knows what this service has handled, not which of several groups did.
            raise ValueError(f"{name} is subscribed to as group {subscription.group!r}: expected {group!r}")
        if name in found:
            raise ValueError(f"{name} has two handlers in group {group!r}: expected one")
        found[name] = subscription
    return found
