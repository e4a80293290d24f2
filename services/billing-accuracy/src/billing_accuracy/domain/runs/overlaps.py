"""Is the same time of a subscription billed by two bills of one run?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Final

from billing_accuracy.domain import words
from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.checking import Checked
from billing_accuracy.domain.findings import Finding, FindingClass
from billing_accuracy.domain.policy import VerdictPolicy

CAUSE: Final = "time billed by another bill of the run"


@dataclass(frozen=True, slots=True)
class BilledTime:
    """A bill's time, as far as others must not bill it again."""

    bill_id: str
    subscription: str
    start: datetime
    end: datetime

    @classmethod
    def of(cls, bill: Bill) -> "BilledTime":
        """That of a bill."""
        return cls(bill.bill_id, bill.subscription, bill.start, bill.end)

    def overlaps(self, other: "BilledTime") -> bool:
        """Whether another bill of the same subscription bills some of the time."""
        return self.subscription == other.subscription and self.start < other.end and other.start < self.end


def without_overlaps(results: Sequence[Checked], earlier: Iterable[BilledTime], policy: VerdictPolicy) -> list[Checked]:
    """The results, where a bill that overlaps with one that came before it in the run says so.

    The bill that came first is right or wrong by itself; the one that came later bills what was billed.
    """
    before: dict[str, list[BilledTime]] = {}
    for time in earlier:
        before.setdefault(time.subscription, []).append(time)
    found = []
    for one in results:
        mine = BilledTime.of(one.case.bill)
        known = before.setdefault(mine.subscription, [])
        others = sorted((time for time in known if mine.overlaps(time)), key=lambda time: (time.start, time.bill_id))
        found.append(_with_finding(one, mine, others, policy) if others else one)
        known.append(mine)
    return found


def _with_finding(one: Checked, mine: BilledTime, others: Sequence[BilledTime], policy: VerdictPolicy) -> Checked:
    names = words.names([f"bills/{other.bill_id}" for other in others])
    start, end = max(mine.start, others[0].start), min(mine.end, max(other.end for other in others))
    bills = "bills" if len(others) == 1 else "bill"
    text = (
        f"{names} of this run {bills} the same subscription from {start.isoformat()} to {end.isoformat()}: "
        "what was used and falls due then is billed again"
    )
    whole = any(other.start <= mine.start and mine.end <= other.end for other in others)
    finding = Finding(
        finding_class=FindingClass.DUPLICATE_RECORD,
        line_ids=(),
        charge_code="",
        billed=one.case.bill.total if whole else Fraction(),
        expected=Fraction(),
        explanation=text,
        in_total=False,
        cause=CAUSE,
    )
    findings = tuple(sorted((*one.findings, finding), key=lambda each: each.rank))
    return replace(one, findings=findings, verdict=policy.judge(findings, one.expected_total))
