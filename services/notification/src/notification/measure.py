"""How long did messages take to reach the customer?"""

from datetime import datetime

from opentelemetry.metrics import Histogram, Meter

from mesh.observe import histogram
from notification import names
from notification.domain.messages import Message


class DelayHistograms:
    """Measures from event and decision to the first delivery, however long the message had to wait."""

    def __init__(self, meter: Meter) -> None:
        self._from_event = histogram(meter, names.EVENT_DELAY)
        self._from_decision = histogram(meter, names.DECISION_DELAY)

    def delivered(self, message: Message) -> None:
        """The message just reached its first channel."""
        taken = next(attempt for attempt in message.attempts if attempt.succeeded)
        labels = {names.CHANNEL: taken.channel.value, names.PURPOSE: message.purpose.value}
        _record(self._from_event, message.event_time, taken.time, labels)
        _record(self._from_decision, message.decision_time, taken.time, labels)


def _record(histogram: Histogram, start: datetime | None, end: datetime, labels: dict[str, str]) -> None:
    if start is not None:
        histogram.record((end - start).total_seconds(), labels)
