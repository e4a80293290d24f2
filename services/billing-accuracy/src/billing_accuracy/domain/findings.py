"""What can be wrong with a bill, and what may be done about it?"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction


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

    @property
    def difference(self) -> Fraction:
        """Billed less expected."""
        return self.billed - self.expected

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
    """What makes a bill right: a line taken back, a line added, or (charge code `total`) the total moved alone."""

    reversed_line_id: str
    """Empty for a line that is added."""
    charge_code: str
    amount: Fraction
    """What it adds to the bill's total."""


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
