"""May a bill leave? The provider's policy decides, per class of finding; it is data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from billing_accuracy.domain.findings import Finding, FindingClass, Verdict


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What one class of findings may amount to on one bill before the bill is held."""

    note_only: bool = False
    """Never a reason to hold, whatever the amount."""
    amount: Fraction = Fraction()
    """Up to this difference (of either sign) the bill passes with a note; 0: no finding is tolerated."""
    share: Fraction = Fraction()
    """Up to this part of the expected total the bill passes with a note."""

    def tolerates(self, difference: Fraction, total: Fraction) -> bool:
        """Whether a bill with this difference in the class may go: within the amount, or within the share."""
        most = max(self.amount, self.share * abs(total))
        return self.note_only or abs(difference) <= most > 0


@dataclass(frozen=True, slots=True)
class VerdictPolicy:
    """A tolerance per class; a class without one has none."""

    tolerances: Mapping[FindingClass, Tolerance]

    def judge(self, findings: Sequence[Finding], expected_total: Fraction) -> Verdict:
        """The verdict on a bill. Differences of a class are taken together: many small ones are a large one."""
        if not findings:
            return Verdict.PASS
        by_class: dict[FindingClass, Fraction] = {}
        for finding in findings:
            by_class[finding.finding_class] = by_class.get(finding.finding_class, Fraction()) + abs(finding.difference)
        tolerated = all(
            self.tolerances.get(kind, Tolerance()).tolerates(difference, expected_total)
            for kind, difference in by_class.items()
        )
        return Verdict.PASS_WITH_NOTE if tolerated else Verdict.HOLD
