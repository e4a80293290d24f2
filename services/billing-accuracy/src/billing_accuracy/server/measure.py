"""What is counted of the checks?"""

from collections import Counter
from collections.abc import Iterable, Sequence

from opentelemetry.metrics import Meter

from billing_accuracy import names
from billing_accuracy.errors import BillProblem
from billing_accuracy.handlers.ports import BillCheck
from mesh.observe import counter


class Measure:
    """Counters of bills and findings; labels hold verdicts and classes, never customers."""

    def __init__(self, meter: Meter) -> None:
        self._bills = counter(meter, names.BILLS)
        self._findings = counter(meter, names.FINDINGS)

    def checked(self, checks: Sequence[BillCheck]) -> None:
        """Bills were checked for the first time."""
        for verdict, count in Counter(check.verdict for check in checks).items():
            self._bills.add(count, {names.OUTCOME: verdict.lower()})
        classes = Counter(finding.finding_class for check in checks for finding in check.findings)
        for kind, count in classes.items():
            self._findings.add(count, {names.FINDING_CLASS: kind.lower()})

    def refused(self, problems: Iterable[BillProblem]) -> None:
        """Bills could not be checked."""
        for reason, count in Counter(problem.reason for problem in problems).items():
            self._bills.add(count, {names.OUTCOME: reason.lower()})
