"""What are the spans, metrics and attributes of events called? `mesh.observe.registry` lists them for the docs.

Names follow OpenTelemetry's messaging conventions where these have one.
"""

from typing import Final

from opentelemetry.semconv._incubating.attributes.messaging_attributes import (
    MESSAGING_BATCH_MESSAGE_COUNT,
    MESSAGING_CONSUMER_GROUP_NAME,
    MESSAGING_DESTINATION_NAME,
    MESSAGING_DESTINATION_PARTITION_ID,
    MESSAGING_OPERATION_NAME,
    MESSAGING_OPERATION_TYPE,
    MESSAGING_SYSTEM,
)
from opentelemetry.semconv._incubating.metrics.messaging_metrics import (
    MESSAGING_CLIENT_CONSUMED_MESSAGES,
    MESSAGING_CLIENT_SENT_MESSAGES,
)
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE

from mesh.store.outbox import SEND_SPAN

__all__ = [
    "ERROR_TYPE",
    "EVENT_DELAY",
    "EVENT_TYPE",
    "FAILED_EVENTS",
    "HANDLED_EVENTS",
    "MESSAGING_BATCH_MESSAGE_COUNT",
    "MESSAGING_CONSUMER_GROUP_NAME",
    "MESSAGING_DESTINATION_NAME",
    "MESSAGING_DESTINATION_PARTITION_ID",
    "MESSAGING_OPERATION_NAME",
    "MESSAGING_OPERATION_TYPE",
    "MESSAGING_SYSTEM",
    "PARKED_EVENTS",
    "PROCESS_SPAN",
    "RELAYED_EVENTS",
    "SEND_SPAN",
]

PROCESS_SPAN: Final = "process {topic}"
"""Consumer span: one call of one handler, with the events of one trace."""

EVENT_TYPE: Final = "cxmesh.event.type"
"""Attribute: full name of the event's message, as cxmesh.usage.v1.SignalRaised."""

RELAYED_EVENTS: Final = MESSAGING_CLIENT_SENT_MESSAGES
"""Counter, {message}: events moved from the outbox to the stream; by destination."""
HANDLED_EVENTS: Final = MESSAGING_CLIENT_CONSUMED_MESSAGES
"""Counter, {message}: events handled; by destination, consumer group and event type."""
EVENT_DELAY: Final = "cxmesh.event.delay"
"""Histogram, s: from the commit that published an event to the commit that handled it; by destination and group."""
FAILED_EVENTS: Final = "cxmesh.event.failures"
"""Counter, {attempt}: attempts to handle an event that failed; by destination, group, event type, error type."""
PARKED_EVENTS: Final = "cxmesh.event.parked"
"""Counter, {message}: events put aside after the last attempt; by destination, group and event type."""
