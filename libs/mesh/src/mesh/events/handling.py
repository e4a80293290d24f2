"""How does a batch of deliveries become one transaction, in which each event is handled once?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanKind, Status, StatusCode, Tracer
from sqlalchemy import text

from mesh.events import names
from mesh.events.subscription import Delivery, Subscription
from mesh.store import Store, UnitOfWork
from mesh.store.outbox import MESSAGING_SYSTEM

Deliveries = Sequence[Delivery[Any]]


@dataclass(frozen=True, slots=True)
class Handling:
    """Calls the handlers of one group for one topic."""

    store: Store
    group: str
    topic: str
    subscriptions: Mapping[str, Subscription[Any]]
    tracer: Tracer

    async def handle(self, deliveries: Deliveries) -> list[Delivery[Any]]:
        """Handle, in one unit of work, those that were never handled before; which these were.

        Whatever a handler raises comes out, and nothing has happened then.
        """
        async with self.store.unit_of_work() as uow:
            new_ids = await self._enter_in_inbox(uow, deliveries)
            new = [delivery for delivery in _first_of_each(deliveries) if delivery.id in new_ids]
            for name, run in _runs(new):
                await self._call(uow, self.subscriptions[name], run)
        return new

    async def _enter_in_inbox(self, uow: UnitOfWork, deliveries: Deliveries) -> set[UUID]:
        # Sorted, so that two consumers with overlapping batches wait for each other instead of deadlocking.
        ids = sorted({delivery.id for delivery in deliveries})
        statement = text(_ENTER.format(schema=self.store.schema))
        rows = await uow.connection.execute(statement, {"ids": ids, "now": self.store.clock.now()})
        return set(rows.scalars())

    async def _call(self, uow: UnitOfWork, subscription: Subscription[Any], run: Deliveries) -> None:
        """One handler, one span, one trace: that of the first delivery, which the others share if it is sampled."""
        attributes: dict[str, str | int] = {
            names.MESSAGING_SYSTEM: MESSAGING_SYSTEM,
            names.MESSAGING_OPERATION_NAME: "process",
            names.MESSAGING_OPERATION_TYPE: "process",
            names.MESSAGING_DESTINATION_NAME: self.topic,
            names.MESSAGING_CONSUMER_GROUP_NAME: self.group,
            names.MESSAGING_BATCH_MESSAGE_COUNT: len(run),
            names.EVENT_TYPE: subscription.event.DESCRIPTOR.full_name,
        }
        with self.tracer.start_as_current_span(
            names.PROCESS_SPAN.format(topic=self.topic),
            context=trace.set_span_in_context(NonRecordingSpan(run[0].trace)),
            kind=SpanKind.CONSUMER,
            attributes=attributes,
            # Messages of exceptions may hold personal data: the span tells the class alone.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                await subscription.handler(uow, run)
            except Exception as error:
                span.set_attribute(names.ERROR_TYPE, type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise


def type_of(delivery: Delivery[Any]) -> str:
    """The full name of the delivery's message."""
    name: str = delivery.message.DESCRIPTOR.full_name
    return name


def _first_of_each(deliveries: Deliveries) -> Iterator[Delivery[Any]]:
    """A batch may hold an event twice, after Redis lost data or a relay was cut off."""
    seen: set[UUID] = set()
    for delivery in deliveries:
        if delivery.id not in seen:
            seen.add(delivery.id)
            yield delivery


def _runs(deliveries: Deliveries) -> Iterator[tuple[str, list[Delivery[Any]]]]:
    """Neighbours of one type and one trace, so that the stream's order is kept; what is not sampled has no trace."""

    def kind(delivery: Delivery[Any]) -> tuple[str, int | None]:
        context = delivery.trace
        return type_of(delivery), context.trace_id if context.is_valid and context.trace_flags.sampled else None

    for (name, _), run in groupby(deliveries, key=kind):
        yield name, list(run)


_ENTER = """
    INSERT INTO {schema}.inbox (event_id, handled_time)
    SELECT id, :now FROM unnest(CAST(:ids AS uuid[])) AS id
    ON CONFLICT (event_id) DO NOTHING RETURNING event_id
"""
