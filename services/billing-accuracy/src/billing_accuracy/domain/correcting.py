"""What is a bill once a correction is applied to it?"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from fractions import Fraction
from typing import Final

from billing_accuracy.domain.bills import TOTAL, Bill, BillLine, BillTax, BillTotals, LineType
from billing_accuracy.domain.findings import CorrectionLine
from billing_accuracy.domain.following import Follower
from billing_accuracy.domain.totals import included_taxes, right_totals

_TOTALS: Final = "totals."
_TAX: Final = "tax:"


def corrected_bill(bill: Bill, correction: Sequence[CorrectionLine], followers: Mapping[str, Follower]) -> Bill:
    """The bill made anew: reversed lines are gone, added ones stand in their place, totals follow.

    `followers`: what should follow from the charges of the right bill; tells which taxes prices include.
    """
    gone = {one.reversed_line_id for one in correction if one.reversed_line_id}
    added = [one for one in correction if not one.reversed_line_id and not _is_total(one)]
    taxes = [tax for tax in bill.taxes if tax.as_line.line_id not in gone]
    taxes += [
        BillTax(one.charge_code.removeprefix(_TAX), None, None, one.amount)
        for one in added
        if one.line_type is LineType.TAX
    ]
    lines = [line for line in bill.lines if line.line_id not in gone]
    lines += [
        BillLine(f"correction-{number}", one.line_type, one.charge_code, None, None, one.amount)
        for number, one in enumerate(added)
        if one.line_type is not None and one.line_type is not LineType.TAX
    ]
    made = replace(bill, lines=tuple(lines), taxes=tuple(taxes))
    moved = sum((one.amount for one in correction if one.charge_code == TOTAL), Fraction())
    total = bill.total + moved + _asked(made, followers) - _asked(bill, followers)
    stated = _moved(bill.totals, correction)
    of_lines: dict[LineType, Fraction] = defaultdict(Fraction)
    for line in made.all_lines:
        of_lines[line.line_type] += line.amount
    right = right_totals(replace(made, totals=stated), of_lines, included_taxes(made, followers), total)
    return replace(made, total=total, totals=_where_stated(stated, right))


def _asked(bill: Bill, followers: Mapping[str, Follower]) -> Fraction:
    return sum((line.amount for line in bill.all_lines), Fraction()) - included_taxes(bill, followers)


def _is_total(one: CorrectionLine) -> bool:
    return one.charge_code == TOTAL or one.charge_code.startswith(_TOTALS)


def _moved(stated: BillTotals, correction: Sequence[CorrectionLine]) -> BillTotals:
    moved = {}
    for one in correction:
        if one.charge_code.startswith(_TOTALS):
            name = one.charge_code.removeprefix(_TOTALS)
            moved[name] = getattr(stated, name) + one.amount
    return replace(stated, **moved)


def _where_stated(stated: BillTotals, right: BillTotals) -> BillTotals:
    names = [field.name for field in fields(BillTotals) if getattr(stated, field.name) is not None]
    return BillTotals(**{name: getattr(right, name) for name in names})
