"""Which events does a unit of work tell the world, in whose trace, and how do they get into the outbox?"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from google.protobuf.message import Message
from opentelemetry import trace
from opentelemetry.semconv._incubating.attributes import messaging_attributes as messaging
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Tracer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.clock import Clock
from mesh.store.errors import EventTooLarge
from mesh.store.event_ids import new_event_id
from mesh.store.trace_context import to_headers

SEND_SPAN: Final = "send {topic}"
"""One span a unit of work and cause, with the number of its events."""
MESSAGING_SYSTEM: Final = "redis"
MAX_EVENT_BYTES: Final = 256 * 1024
"""The relay moves events in batches of hundreds; this bounds what one batch holds in memory."""
_PACKAGE_PARTS: Final = 3


@dataclass(frozen=True, slots=True, order=True)
class Stream:
    """One partition of a topic: what is relayed, read and trimmed as one."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class _Held:
    topic: str
    cause: SpanContext
    type: str
    key: str
    data: bytes


def topic_of(event_type: type[Message] | Message) -> str:
    """The topic that a message's package names: "usage" for cxmesh.usage.v1."""
    package = event_type.DESCRIPTOR.file.package.split(".")
    if len(package) != _PACKAGE_PARTS:
        raise ValueError(
            f"{event_type.DESCRIPTOR.full_name} can't be an event: expected a package like cxmesh.<topic>.v1, "
            f"got {event_type.DESCRIPTOR.file.package!r}"
        )
    return package[1]


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: the same in every process and every version."""
    return zlib.crc32(key.encode()) % partitions


class Outbox:
    """The events of one unit of work, held back until it commits."""

    def __init__(self, schema: str, clock: Clock, tracer: Tracer, partitions: int) -> None:
        """Write to the outbox table of `schema`; spread keys over `partitions`."""
        self._insert = text(_INSERT.format(schema=schema))
        self._clock = clock
        self._tracer = tracer
        self._partitions = partitions
        self._held: list[_Held] = []

    def add(self, event: Message, key: str, cause: SpanContext | None) -> None:
        """Hold one event, caused by `cause` or, by default, by what is being done now."""
        name, data = event.DESCRIPTOR.full_name, event.SerializeToString()
        if len(data) > MAX_EVENT_BYTES:
            raise EventTooLarge(name, len(data), MAX_EVENT_BYTES)
        cause = cause or trace.get_current_span().get_span_context()
        self._held.append(_Held(topic_of(event), cause, name, key, data))

    async def flush(self, connection: AsyncConnection) -> frozenset[Stream]:
        """Write what is held, in one statement; the streams that will carry it."""
        if not self._held:
            return frozenset()
        now = self._clock.now()
        headers = [
            header for topic, cause, count in self._runs() for header in [self._send(topic, cause, count)] * count
        ]
        partitions = [partition_of(held.key, self._partitions) for held in self._held]
        columns: dict[str, Sequence[object]] = {
            "id": [new_event_id(now) for _ in self._held],
            "type": [held.type for held in self._held],
            "topic": [held.topic for held in self._held],
            "partition": partitions,
            "key": [held.key for held in self._held],
            "traceparent": [traceparent for traceparent, _ in headers],
            "tracestate": [tracestate for _, tracestate in headers],
            "data": [held.data for held in self._held],
        }
        streams = frozenset(map(Stream, (held.topic for held in self._held), partitions))
        await connection.execute(self._insert, {**columns, "time": now})
        self._held.clear()
        return streams

    def _runs(self) -> Iterator[tuple[str, SpanContext, int]]:
        for (topic, cause), run in groupby(self._held, key=lambda held: (held.topic, held.cause)):
            yield topic, cause, sum(1 for _ in run)

    def _send(self, topic: str, cause: SpanContext, count: int) -> tuple[str | None, str | None]:
        span = self._tracer.start_span(
            SEND_SPAN.format(topic=topic),
            context=trace.set_span_in_context(NonRecordingSpan(cause)),
            kind=SpanKind.PRODUCER,
            attributes={
                messaging.MESSAGING_SYSTEM: MESSAGING_SYSTEM,
                messaging.MESSAGING_OPERATION_NAME: "send",
                messaging.MESSAGING_OPERATION_TYPE: messaging.MessagingOperationTypeValues.SEND.value,
                messaging.MESSAGING_DESTINATION_NAME: topic,
                messaging.MESSAGING_BATCH_MESSAGE_COUNT: count,
            },
        )
        span.end()
        return to_headers(span.get_span_context())


_INSERT = """
    INSERT INTO {schema}.outbox (id, type, topic, partition, key, "time", traceparent, tracestate, data)
    SELECT id, type, topic, partition, key, :time, traceparent, tracestate, data
    FROM unnest(
        CAST(:id AS uuid[]), CAST(:type AS text[]), CAST(:topic AS text[]), CAST(:partition AS smallint[]),
        CAST(:key AS text[]), CAST(:traceparent AS text[]), CAST(:tracestate AS text[]), CAST(:data AS bytea[])
    ) WITH ORDINALITY AS new (id, type, topic, partition, key, traceparent, tracestate, data, number)
    ORDER BY number
"""
