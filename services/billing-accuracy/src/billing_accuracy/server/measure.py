"""What is counted of the checks?"""

from collections.abc import Iterable

from opentelemetry.metrics import Meter

from billing_accuracy.errors import BillProblem
from billing_accuracy.handlers.ports import BillCheck


class Measure:
    """Counters of bills and findings; labels hold verdicts and classes, never customers."""

    def __init__(self, meter: Meter) -> None:
        self._bills = meter.create_counter("cxmesh.billing.bills", "{bill}", "Bills checked, by verdict or problem")
        self._findings = meter.create_counter("cxmesh.billing.findings", "{finding}", "Findings, by class")

    def checked(self, outcomes: Iterable[BillCheck | BillProblem]) -> None:
        """Count the outcomes of one call."""
        for outcome in outcomes:
            if isinstance(outcome, BillProblem):
                self._bills.add(1, {"cxmesh.billing.verdict": outcome.reason.value})
                continue
            self._bills.add(1, {"cxmesh.billing.verdict": outcome.verdict.value})
            for finding in outcome.findings:
                self._findings.add(1, {"cxmesh.billing.finding_class": finding.finding_class.value})
