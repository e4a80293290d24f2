"""What are the billing-accuracy service's metrics and attributes called?"""

from typing import Final

from mesh.observe.entries import Attribute, Metric

OUTCOME: Final = "cxmesh.billing.outcome"
FINDING_CLASS: Final = "cxmesh.billing.finding.class"

BILLS: Final = Metric("cxmesh.billing.bills", "counter", "{bill}", "Bills by what became of them.", (OUTCOME,))
FINDINGS: Final = Metric(
    "cxmesh.billing.findings", "counter", "{finding}", "Findings on checked bills.", (FINDING_CLASS,)
)

METRICS: Final = (BILLS, FINDINGS)
ATTRIBUTES: Final = (
    Attribute(OUTCOME, "Verdict on a bill, or the reason why it can't be checked.", "pass_with_note"),
    Attribute(FINDING_CLASS, "Class of a finding.", "wrong_band"),
)
