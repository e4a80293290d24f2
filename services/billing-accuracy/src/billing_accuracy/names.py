"""What are the billing-accuracy service's metrics and attributes called?"""

from typing import Final

from mesh.observe.entries import Attribute, Metric

OUTCOME: Final = "cxmesh.billing.outcome"
FINDING_CLASS: Final = "cxmesh.billing.finding.class"
DISPUTE_OUTCOME: Final = "cxmesh.billing.dispute.outcome"
FIRST_CONTACT: Final = "cxmesh.billing.dispute.first_contact"

BILLS: Final = Metric("cxmesh.billing.bills", "counter", "{bill}", "Bills by what became of them.", (OUTCOME,))
FINDINGS: Final = Metric(
    "cxmesh.billing.findings", "counter", "{finding}", "Findings on checked bills.", (FINDING_CLASS,)
)
DISPUTES: Final = Metric(
    "cxmesh.billing.disputes",
    "counter",
    "{dispute}",
    "Disputes that were settled, by how and whether the first contact did it.",
    (DISPUTE_OUTCOME, FIRST_CONTACT),
)
DISPUTE_DURATION: Final = Metric(
    "cxmesh.billing.dispute.duration",
    "histogram",
    "s",
    "From the opening of a dispute to its settlement.",
    (DISPUTE_OUTCOME,),
    (1.0, 60.0, 600.0, 3600.0, 14400.0, 86400.0, 259200.0, 604800.0, 2592000.0),
)

METRICS: Final = (BILLS, FINDINGS, DISPUTES, DISPUTE_DURATION)
ATTRIBUTES: Final = (
    Attribute(OUTCOME, "Verdict on a bill, or the reason why it can't be checked.", "pass_with_note"),
    Attribute(FINDING_CLASS, "Class of a finding.", "wrong_band"),
    Attribute(DISPUTE_OUTCOME, "How a dispute was settled.", "justified"),
    Attribute(FIRST_CONTACT, "Whether the contact that opened a dispute settled it: true or false.", "true"),
)
