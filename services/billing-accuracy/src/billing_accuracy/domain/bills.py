"""What does a bill say?"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Final

TOTAL: Final = "total"
"""Stands for the bill's total where a charge code is expected: in findings about it and in its correction."""
LARGEST: Final = Fraction(10**12)
"""No amount of a bill or of its check is larger, in units of its currency: micro-units of it fit in 64 bits."""


class LineType(StrEnum):
    """Kinds of bill lines."""

    USAGE = "USAGE"
    RECURRING = "RECURRING"


@dataclass(frozen=True, slots=True)
class BillLine:
    """A line of a bill, as billed."""

    line_id: str
    line_type: LineType
    charge_code: str
    record_count: int | None
    """Records that the line says it covers; None when it doesn't say."""
    quantity: int | None
    """Base units that the line says it covers; None when it doesn't say."""
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill, as billed."""

    bill_id: str
    subscription: str
    """`subscriptions/{subscription}`."""
    start: datetime
    end: datetime
    """Exclusive."""
    currency: str
    lines: tuple[BillLine, ...]
    total: Fraction
    digest: bytes
    """Of its content: the same bill again has the same."""
