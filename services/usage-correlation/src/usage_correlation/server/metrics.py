"""What does the service count and measure of its own work?"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from opentelemetry.metrics import Meter

from mesh.observe import counter, histogram
from mesh.observe.entries import Attribute, Metric
from usage_correlation.domain.refusals import BatchOutcome
from usage_correlation.domain.signals import Signal
from usage_correlation.server.charging_metrics import CHARGING_ATTRIBUTES, CHARGING_METRICS
from usage_correlation.server.pattern_metrics import PATTERN_ATTRIBUTES, PATTERN_METRICS

OUTCOME: Final = "cxmesh.usage.outcome"
SIGNAL_KIND: Final = "cxmesh.usage.signal.kind"

# A record may arrive days after its usage; an arrival is answered within milliseconds or something is wrong.
_EVENT_BUCKETS: Final = (0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 21600.0, 86400.0, 604800.0)
_ARRIVAL_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

RECORDS: Final = Metric(
    "cxmesh.usage.records", "counter", "{record}", "Usage records by what became of them.", (OUTCOME,)
)
EVENT_DELAY: Final = Metric(
    "cxmesh.usage.signal.event_delay",
    "histogram",
    "s",
    "From the start of the usage that raised a signal to its commit.",
    (SIGNAL_KIND,),
    _EVENT_BUCKETS,
)
ARRIVAL_DELAY: Final = Metric(
    "cxmesh.usage.signal.arrival_delay",
    "histogram",
    "s",
    "From the arrival of the record that raised a signal to the signal's commit.",
    (SIGNAL_KIND,),
    _ARRIVAL_BUCKETS,
)
METRICS: Final = (RECORDS, EVENT_DELAY, ARRIVAL_DELAY, *CHARGING_METRICS, *PATTERN_METRICS)
ATTRIBUTES: Final = (
    Attribute(OUTCOME, "accepted, duplicate, or the reason of a refusal.", "record_conflict"),
    Attribute(SIGNAL_KIND, "Kind of the signal.", "spend_threshold"),
    *CHARGING_ATTRIBUTES,
    *PATTERN_ATTRIBUTES,
)


class UsageMetrics:
    """Is told what happened, and counts it."""

    def __init__(self, meter: Meter) -> None:
        self._records = counter(meter, RECORDS)
        self._event_delay = histogram(meter, EVENT_DELAY)
        self._arrival_delay = histogram(meter, ARRIVAL_DELAY)

    def recorded(self, outcome: BatchOutcome) -> None:
        """A batch was taken in and committed."""
        counts = Counter(refusal.reason.lower() for refusal in outcome.refusals.values())
        counts |= Counter(accepted=outcome.accepted, duplicate=outcome.duplicates)
        for name, count in counts.items():
            if count:
                self._records.add(count, {OUTCOME: name})

    def signalled(self, signals: Sequence[Signal], committed: datetime) -> None:
        """Signals were committed."""
        for signal in signals:
            labels = {SIGNAL_KIND: signal.kind.lower()}
            self._event_delay.record((committed - signal.event_time).total_seconds(), labels)
            self._arrival_delay.record((committed - signal.arrive_time).total_seconds(), labels)
