"""What are the offer-decision service's metrics and attributes called?"""

from typing import Final

from mesh.observe.entries import Attribute, Metric

TRIGGER: Final = "cxmesh.offer.trigger"
VERDICT: Final = "cxmesh.offer.verdict"

# From a decision that nobody had to be asked for to one that waited for a service to come back.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)

DECISIONS: Final = Metric("cxmesh.offer.decisions", "counter", "{decision}", "Decisions made.", (TRIGGER, VERDICT))
DECISION_DELAY: Final = Metric(
    "cxmesh.offer.decision.delay",
    "histogram",
    "s",
    "From the event that set off a decision to the decision.",
    (TRIGGER, VERDICT),
    _BUCKETS,
)

METRICS: Final = (DECISIONS, DECISION_DELAY)
ATTRIBUTES: Final = (
    Attribute(TRIGGER, "What set off a decision.", "SPEND_THRESHOLD"),
    Attribute(VERDICT, "To act or to stay silent.", "ACT"),
)
