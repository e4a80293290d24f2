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
    ONE_OFF = "ONE_OFF"
    COMMITMENT = "COMMITMENT"
    DISCOUNT = "DISCOUNT"
    SURCHARGE = "SURCHARGE"
    CREDIT = "CREDIT"
    TAX = "TAX"
    """On no line of a bill: a tax, where it is looked at like one."""


FOLLOWING: Final = frozenset({LineType.COMMITMENT, LineType.DISCOUNT, LineType.TAX})
"""What follows from the other lines by the rules of a plan."""


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
class BillTax:
    """A tax on a bill, as billed."""

    tax_id: str
    percent: Fraction | None
    """None when the bill doesn't say."""
    base: Fraction | None
    """What it is on; None when the bill doesn't say."""
    amount: Fraction

    @property
    def as_line(self) -> BillLine:
        """What it asks for, in the shape of a line."""
        code = tax_code(self.tax_id)
        return BillLine(code, LineType.TAX, code, None, None, self.amount)


@dataclass(frozen=True, slots=True)
class BillTotals:
    """Totals that a bill states; None: it doesn't. The fields are explained in cxmesh.billing.v1.BillTotals."""

    lines_net: Fraction | None = None
    allowances: Fraction | None = None
    charges: Fraction | None = None
    tax_exclusive: Fraction | None = None
    tax: Fraction | None = None
    tax_inclusive: Fraction | None = None
    balance_brought_forward: Fraction | None = None
    paid: Fraction | None = None
    rounding: Fraction | None = None
    amount_due: Fraction | None = None


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
    taxes: tuple[BillTax, ...] = ()
    totals: BillTotals = BillTotals()

    @property
    def all_lines(self) -> tuple[BillLine, ...]:
        """The lines, and the taxes in the shape of lines."""
        return (*self.lines, *(tax.as_line for tax in self.taxes))


def tax_code(tax_id: str) -> str:
    """Stands for a tax where a charge code is expected."""
    return f"tax:{tax_id}"
