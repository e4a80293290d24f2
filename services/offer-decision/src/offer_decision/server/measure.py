"""What is measured of decisions?"""

from collections.abc import Iterable
from datetime import datetime

from opentelemetry.metrics import Meter

from offer_decision.domain.decisions import Decision


class Measure:
    """Decisions counted by trigger and verdict, and how long they took to come."""

    def __init__(self, meter: Meter) -> None:
        self._decisions = meter.create_counter("cxmesh.offer.decisions", "{decision}", "Decisions made")
        self._delay = meter.create_histogram(
            "cxmesh.offer.decision_delay", "s", "From the commit of the event that set it off to the decision"
        )

    def decided(self, decisions: Iterable[Decision], published: datetime, now: datetime) -> None:
        """Count the decisions of one batch."""
        for decision in decisions:
            labels = {
                "cxmesh.offer.trigger": decision.trigger.kind.value,
                "cxmesh.offer.verdict": decision.verdict.value,
            }
            self._decisions.add(1, labels)
            self._delay.record((now - published).total_seconds(), labels)
