"""What are the notification service's spans, metrics and attributes called?"""

from typing import Final

from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT

from mesh.observe.entries import Attribute, Metric, Span

__all__ = [
    "ATTEMPTS",
    "ATTRIBUTES",
    "CHANNEL",
    "DECISION_DELAY",
    "ERROR_TYPE",
    "EVENT_DELAY",
    "METRICS",
    "OUTCOME",
    "PURPOSE",
    "SEND_SPAN",
    "SERVER_ADDRESS",
    "SERVER_PORT",
    "SPANS",
]

CHANNEL: Final = "cxmesh.channel"
PURPOSE: Final = "cxmesh.message.purpose"
OUTCOME: Final = "cxmesh.attempt.outcome"
SEND_SPAN: Final = "deliver {channel}"

# From a few milliseconds, which a message takes that nothing holds up, to a night of quiet hours.
_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0, 43_200.0)

EVENT_DELAY: Final = Metric(
    "cxmesh.notification.event.delay",
    "histogram",
    "s",
    "From the event that a message tells of to its delivery by the first channel.",
    (CHANNEL, PURPOSE),
    _BUCKETS,
)
DECISION_DELAY: Final = Metric(
    "cxmesh.notification.decision.delay",
    "histogram",
    "s",
    "From the decision behind a message to its delivery by the first channel.",
    (CHANNEL, PURPOSE),
    _BUCKETS,
)
ATTEMPTS: Final = Metric(
    "cxmesh.notification.attempts",
    "counter",
    "{attempt}",
    "Attempts to hand a message to an outside channel.",
    (CHANNEL, OUTCOME),
)

_SENDING = (CHANNEL, SERVER_ADDRESS, SERVER_PORT, ERROR_TYPE)

METRICS: Final = (EVENT_DELAY, DECISION_DELAY, ATTEMPTS)
SPANS: Final = (Span(SEND_SPAN, "client", "One attempt to hand a message over.", _SENDING),)
ATTRIBUTES: Final = (
    Attribute(CHANNEL, "The channel of a message.", "email"),
    Attribute(PURPOSE, "Why the customer is addressed.", "urgent_service"),
    Attribute(OUTCOME, "What came of an attempt: delivered, temporary, permanent.", "delivered"),
)
