"""What is counted of the checks?"""

from collections import Counter
from collections.abc import Iterable, Sequence

from opentelemetry.metrics import Meter

from billing_accuracy import names
from billing_accuracy.domain.disputes.dispute import Dispute
from billing_accuracy.errors import BillProblem
from billing_accuracy.handlers.ports import BillCheck
from mesh.observe import counter, histogram


class Measure:
    """Counters of bills and findings; labels hold verdicts and classes, never customers."""

    def __init__(self, meter: Meter) -> None:
        self._bills = counter(meter, names.BILLS)
        self._findings = counter(meter, names.FINDINGS)
        self._disputes = counter(meter, names.DISPUTES)
        self._duration = histogram(meter, names.DISPUTE_DURATION)

    def checked(self, checks: Sequence[BillCheck]) -> None:
        """Bills were checked for the first time."""
        for verdict, count in Counter(check.verdict for check in checks).items():
            self._bills.add(count, {names.OUTCOME: verdict.lower()})
        classes = Counter(finding.finding_class for check in checks for finding in check.findings)
        for kind, count in classes.items():
            self._findings.add(count, {names.FINDING_CLASS: kind.lower()})

    def settled(self, dispute: Dispute) -> None:
        """A dispute was resolved."""
        resolution = dispute.resolution
        if resolution is not None:
            outcome = {names.DISPUTE_OUTCOME: resolution.outcome.lower()}
            first = str(resolution.first_contact).lower()
            self._disputes.add(1, {**outcome, names.FIRST_CONTACT: first})
            self._duration.record((resolution.time - dispute.create_time).total_seconds(), outcome)

    def refused(self, problems: Iterable[BillProblem]) -> None:
        """Bills could not be checked."""
        for reason, count in Counter(problem.reason for problem in problems).items():
            self._bills.add(count, {names.OUTCOME: reason.lower()})
