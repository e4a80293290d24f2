"""What is measured of decisions?"""

from datetime import datetime

from opentelemetry.metrics import Meter

from mesh.observe.metrics import counter, histogram
from offer_decision.domain.decisions import Decision
from offer_decision.names import DECISION_DELAY, DECISIONS, TRIGGER, VERDICT


class Measure:
    """Decisions counted by trigger and verdict, and how long they took to come."""

    def __init__(self, meter: Meter) -> None:
        self._decisions = counter(meter, DECISIONS)
        self._delay = histogram(meter, DECISION_DELAY)

    def decided(self, decision: Decision, published: datetime, now: datetime) -> None:
        """Count a decision that an event published at `published` set off."""
        labels = {TRIGGER: decision.trigger.kind.value, VERDICT: decision.verdict.value}
        self._decisions.add(1, labels)
        self._delay.record(max(0.0, (now - published).total_seconds()), labels)
