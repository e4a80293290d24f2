"""Who counts events, and how long they take?"""

from collections.abc import Sequence
from typing import Protocol

from opentelemetry.metrics import Meter

from mesh.events import names
from mesh.store.outbox import Stream


class EventObserver(Protocol):
    """Is told what happens to events. Called often: must be quick, and must not raise."""

    def relayed(self, stream: Stream, count: int) -> None:
        """Events went from the outbox to the stream."""

    def handled(self, stream: Stream, group: str, event_type: str, delays_seconds: Sequence[float]) -> None:
        """Events were handled; each time from the commit that published it to the commit that handled it."""

    def failed(self, stream: Stream, group: str, event_type: str, error: BaseException) -> None:
        """One attempt to handle one event failed."""

    def parked(self, stream: Stream, group: str, event_type: str) -> None:
        """An event was put aside."""


class NoObserver:
    """Looks away."""

    def relayed(self, stream: Stream, count: int) -> None:
        """Ignore."""

    def handled(self, stream: Stream, group: str, event_type: str, delays_seconds: Sequence[float]) -> None:
        """Ignore."""

    def failed(self, stream: Stream, group: str, event_type: str, error: BaseException) -> None:
        """Ignore."""

    def parked(self, stream: Stream, group: str, event_type: str) -> None:
        """Ignore."""


class EventMetrics:
    """Records metrics, by the names of `mesh.events.names`."""

    def __init__(self, meter: Meter) -> None:
        """Create the instruments."""
        self._relayed = meter.create_counter(names.RELAYED_EVENTS, "{message}", "Events relayed from the outbox.")
        self._handled = meter.create_counter(names.HANDLED_EVENTS, "{message}", "Events handled.")
        self._delay = meter.create_histogram(
            names.EVENT_DELAY,
            "s",
            "From the commit that published an event to the commit that handled it.",
            # Single-digit milliseconds are normal; minutes mean that somebody was away.
            explicit_bucket_boundaries_advisory=[0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30, 300, 3600],
        )
        self._failed = meter.create_counter(names.FAILED_EVENTS, "{attempt}", "Attempts to handle that failed.")
        self._parked = meter.create_counter(names.PARKED_EVENTS, "{message}", "Events put aside.")

    def relayed(self, stream: Stream, count: int) -> None:
        """Count."""
        self._relayed.add(count, {names.MESSAGING_DESTINATION_NAME: stream.topic})

    def handled(self, stream: Stream, group: str, event_type: str, delays_seconds: Sequence[float]) -> None:
        """Count, and record each delay."""
        attributes = _attributes(stream, group)
        self._handled.add(len(delays_seconds), {**attributes, names.EVENT_TYPE: event_type})
        for delay in delays_seconds:
            self._delay.record(delay, attributes)

    def failed(self, stream: Stream, group: str, event_type: str, error: BaseException) -> None:
        """Count, by the error's class."""
        kind = {names.EVENT_TYPE: event_type, names.ERROR_TYPE: type(error).__name__}
        self._failed.add(1, {**_attributes(stream, group), **kind})

    def parked(self, stream: Stream, group: str, event_type: str) -> None:
        """Count."""
        self._parked.add(1, {**_attributes(stream, group), names.EVENT_TYPE: event_type})


def _attributes(stream: Stream, group: str) -> dict[str, str]:
    return {names.MESSAGING_DESTINATION_NAME: stream.topic, names.MESSAGING_CONSUMER_GROUP_NAME: group}
