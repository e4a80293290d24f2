"""What is counted of patterns?"""

from typing import Final

from opentelemetry.metrics import Meter

from mesh.observe import counter, log
from mesh.observe.entries import Attribute, Metric
from usage_correlation.handlers.patterns.ports import Failure, Parked

PATTERN: Final = "cxmesh.usage.pattern"

LATE_EVENTS: Final = Metric(
    "cxmesh.usage.pattern.late_events",
    "counter",
    "{event}",
    "Events that came so late that a pattern could not count them.",
    (PATTERN,),
)
FAILURES: Final = Metric(
    "cxmesh.usage.correlation.failures",
    "counter",
    "{failure}",
    "Turns of correlation that failed and are tried again, servers that were away aside.",
)
PARKED_BATCHES: Final = Metric(
    "cxmesh.usage.correlation.parked_batches",
    "counter",
    "{batch}",
    "Batches of events that were put aside because correlating them failed again and again.",
)
PATTERN_METRICS: Final = (LATE_EVENTS, FAILURES, PARKED_BATCHES)
PATTERN_ATTRIBUTES: Final = (Attribute(PATTERN, "Id of the pattern.", "dropped-calls"),)


class PatternMetrics:
    """Is told what happened to patterns, and counts it."""

    def __init__(self, meter: Meter) -> None:
        self._late = counter(meter, LATE_EVENTS)
        self._failures = counter(meter, FAILURES)
        self._parked = counter(meter, PARKED_BATCHES)

    def late(self, pattern: str, events: int) -> None:
        """So many events came too late for a pattern, and were ignored."""
        self._late.add(events, {PATTERN: pattern})

    def failed(self, failure: Failure) -> None:
        """Work failed, and will be tried again."""
        self._failures.add(1)
        log.warning("correlation failed", lane=failure.lane, position=failure.position, reason=failure.reason)

    def parked(self, parked: Parked) -> None:
        """A batch was put aside."""
        self._parked.add(1)
        log.error(
            "batch of events was put aside",
            batch=parked.position,
            lane=parked.lane,
            events=parked.event_count,
            event_type=parked.event_type,
            tries=parked.tries,
            reason=parked.reason,
        )
