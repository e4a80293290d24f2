"""What is counted of patterns?"""

from typing import Final

from opentelemetry.metrics import Meter

from mesh.observe import counter
from mesh.observe.entries import Attribute, Metric

PATTERN: Final = "cxmesh.usage.pattern"

LATE_EVENTS: Final = Metric(
    "cxmesh.usage.pattern.late_events",
    "counter",
    "{event}",
    "Events that came so late that a pattern could not count them.",
    (PATTERN,),
)
PATTERN_METRICS: Final = (LATE_EVENTS,)
PATTERN_ATTRIBUTES: Final = (Attribute(PATTERN, "Id of the pattern.", "dropped-calls"),)


class PatternMetrics:
    """Is told what happened to patterns, and counts it."""

    def __init__(self, meter: Meter) -> None:
        self._late = counter(meter, LATE_EVENTS)

    def late(self, pattern: str, events: int) -> None:
        """So many events came too late for a pattern, and were ignored."""
        self._late.add(events, {PATTERN: pattern})
