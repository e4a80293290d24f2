"""What can be wrong with a bill, and what may be done about it?"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from billing_accuracy.domain.bills import LineType


class FindingClass(StrEnum):
    """Classes of findings; the names of cxmesh.billing.v1.FindingClass without their prefix, explained there."""

    OVERCHARGE = "OVERCHARGE"
    UNDERCHARGE = "UNDERCHARGE"
    ROUNDING = "ROUNDING"
    MISSING_USAGE = "MISSING_USAGE"
    BILLED_NOT_USED = "BILLED_NOT_USED"
    DUPLICATE_LINE = "DUPLICATE_LINE"
    ARITHMETIC = "ARITHMETIC"
    WRONG_PLAN = "WRONG_PLAN"
    WRONG_BAND = "WRONG_BAND"
    UNKNOWN_CHARGE = "UNKNOWN_CHARGE"
    QUANTITY = "QUANTITY"
    STALE_TARIFF = "STALE_TARIFF"
    WRONG_ZONE = "WRONG_ZONE"
    ALLOWANCE = "ALLOWANCE"
    PRORATION = "PRORATION"
    DISCOUNT = "DISCOUNT"
    CREDIT = "CREDIT"
    TAX = "TAX"
    DUPLICATE_RECORD = "DUPLICATE_RECORD"
    BALANCE = "BALANCE"
    ONE_OFF = "ONE_OFF"
    UNEXPLAINED = "UNEXPLAINED"
    ROUNDING_METHOD = "ROUNDING_METHOD"
    QUOTE = "QUOTE"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with a bill."""

    finding_class: FindingClass
    line_ids: tuple[str, ...]
    charge_code: str
    """Empty when it is about several."""
    billed: Fraction
    expected: Fraction
    explanation: str
    derivation: tuple[str, ...] = ()
    follow_on: Fraction = Fraction()
    """What commitment, discounts and taxes add to the difference, because they follow from the lines."""
    in_total: bool = True
    """Whether the difference is one of the bill's total; not where the bill only states an amount."""
    evidence: tuple[str, ...] = ()
    """Records that it is about, `{source}/{record_id}`, where it is about certain ones."""
    cause: str = ""
    """What was done otherwise, in few words that are the same on every bill that has it; empty: nothing says so."""

    @property
    def difference(self) -> Fraction:
        """Billed less expected, and what follows from it."""
        return self.billed - self.expected + self.follow_on

    @property
    def rank(self) -> tuple[Fraction, str, str, tuple[str, ...]]:
        """Sorts findings: the largest difference first, and never by chance."""
        return -abs(self.difference), self.charge_code, self.finding_class, self.line_ids

    def key(self, bill_id: str) -> str:
        """The same bill and usage give the same key."""
        parts = (bill_id, self.finding_class, self.charge_code, *self.line_ids)
        return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class CorrectionLine:
    """What makes a bill right: a line or tax taken back, one added, or a total moved alone.

    A moved total has the charge code `total`, or `totals.` and the name of the field. The totals that follow from the
    lines follow from those of the corrected bill.
    """

    reversed_line_id: str
    """Empty for a line that is added."""
    charge_code: str
    amount: Fraction
    """What it adds to the bill's total; of a total that is moved, to that."""
    line_type: LineType | None = None
    """Of a line that is added; None for others."""


class Verdict(StrEnum):
    """Whether a bill may leave."""

    PASS = "PASS"  # noqa: S105 - no password
    PASS_WITH_NOTE = "PASS_WITH_NOTE"  # noqa: S105 - no password
    HOLD = "HOLD"


class HoldState(StrEnum):
    """Whether a bill is held."""

    NOT_HELD = "NOT_HELD"
    HELD = "HELD"
    RELEASED = "RELEASED"


class ReleaseKind(StrEnum):
    """How a held bill was let go."""

    CORRECTED = "CORRECTED"
    OVERRIDDEN = "OVERRIDDEN"


@dataclass(frozen=True, slots=True)
class Release:
    """Who let a held bill go, and why."""

    kind: ReleaseKind
    released_by: str
    """Authenticated identity of the caller."""
    agent: str
    reason: str
    time: datetime
