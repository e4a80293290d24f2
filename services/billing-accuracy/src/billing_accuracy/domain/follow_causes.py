"""What is wrong with commitment, discounts, taxes and stated totals, and what of it merely follows from wrong lines?"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

from billing_accuracy.domain import words
from billing_accuracy.domain.amounts import total
from billing_accuracy.domain.bills import Bill, BillLine, BillTax, LineType, tax_code
from billing_accuracy.domain.cause import Cause
from billing_accuracy.domain.expected import ExpectedBill
from billing_accuracy.domain.findings import CorrectionLine, Finding, FindingClass
from billing_accuracy.domain.following import READINGS, BillRules, Follower, Reading
from billing_accuracy.domain.totals import WrongTotal, wrong_totals
from billing_accuracy.domain.usage import Balance
from rating import format_amount

_CLASSES: Final = {
    LineType.TAX: FindingClass.TAX,
    LineType.DISCOUNT: FindingClass.DISCOUNT,
    LineType.COMMITMENT: FindingClass.ONE_OFF,
}
_REDUCING: Final = frozenset({FindingClass.DISCOUNT, FindingClass.ONE_OFF})
"""Classes of what is wrong with discounts and commitments."""
_MICRO: Final = Fraction(1, 1_000_000)
_NOTHING: Final = Fraction()


def all_follow(bill: Bill, lines: Sequence[BillLine], followers: Mapping[str, Follower]) -> bool:
    """Whether these lines are exactly what is due, and the taxes say rightly how they come about."""
    if {one.charge_code for one in lines if one.line_type is not _type_of(followers, one)}:
        return False
    asked = _by_code(lines)
    amounts = {code: total(line.amount for line in found) for code, found in asked.items()}
    due = {code: one.amount for code, one in followers.items()}
    if {code: amount for code, amount in amounts.items() if amount} != {code: one for code, one in due.items() if one}:
        return False
    return all(not _misstated(tax, followers.get(tax_code(tax.tax_id))) for tax in bill.taxes)


def following_causes(bill: Bill, expected: ExpectedBill, causes: Sequence[Cause]) -> list[Cause]:
    """The causes of wrong charges with what follows from them, and the causes of what doesn't follow.

    Commitment, discounts and taxes are compared with what follows from the charges as they are billed. What they are
    further from the truth is no fault of theirs: it is told with the charges that are at fault.
    """
    charges, lines = expected.rules.told_apart(bill.all_lines)
    as_asked, reading = _as_asked(bill, expected, charges, lines, [cause.rules for cause in causes if cause.rules])
    by_code, own, moved, follow_on = _by_code(lines), [], list[CorrectionLine](), _NOTHING
    for code in dict.fromkeys([*by_code, *as_asked, *expected.followers]):
        found, due, right = by_code.get(code, ()), as_asked.get(code), expected.followers.get(code)
        is_misstated = any(_misstated(tax, right) for tax in bill.taxes if tax_code(tax.tax_id) == code)
        correction = _correction(found, right, anyway=is_misstated)
        wrong = _wrong(bill, found, due)
        if wrong is not None:
            own.append(Cause(wrong, correction))
        else:
            moved += correction
        if (due or right) is not None and (due or right).in_total:  # type: ignore[union-attr]  # one of them is there
            follow_on += _amount(due) - _amount(right)
    own += [Cause(one) for tax in bill.taxes for one in _statements(bill, tax, as_asked)]
    reducing = [cause for cause in own if cause.finding.finding_class in _REDUCING] if reading.reduced else []
    at_fault = [*causes, *reducing] or own[:1]
    return [*_spread(at_fault, follow_on, moved), *(cause for cause in own if cause not in at_fault)]


def _as_asked(
    bill: Bill,
    expected: ExpectedBill,
    charges: Sequence[BillLine],
    lines: Sequence[BillLine],
    others: Sequence[BillRules],
) -> tuple[Mapping[str, Follower], Reading]:
    """What follows from the charges as they are billed, read in the way that leaves least to be wrong with the bill.

    Where charges are those of another plan or version, what follows may be so, too.
    """
    by_code, best, fewest = _by_code(lines), (dict[str, Follower](), Reading()), None
    for rules in (expected.rules, *others):
        for reading in READINGS:
            found = rules.followers_of(charges, lines, reading)
            codes = dict.fromkeys([*by_code, *found])
            wrong = sum(_wrong(bill, by_code.get(code, ()), found.get(code)) is not None for code in codes)
            wrong += sum(1 for tax in bill.taxes for _ in _statements(bill, tax, found))
            if fewest is None or wrong < fewest:
                best, fewest = (found, reading), wrong
            if not wrong:
                return best
    return best


def total_causes(bill: Bill, expected: ExpectedBill, balance: Balance | None) -> Iterator[Cause]:
    """Totals beside the bill's own that are not what they follow from."""
    for wrong in wrong_totals(bill, expected.followers, balance):
        yield Cause(_of_stated(bill, wrong), (CorrectionLine("", f"totals.{wrong.name}", wrong.right - wrong.stated),))


def _of_stated(bill: Bill, wrong: WrongTotal) -> Finding:
    finding_class = FindingClass.BALANCE if wrong.is_balance else FindingClass.ARITHMETIC
    stated, right = words.money(wrong.stated, bill.currency), words.money(wrong.right, bill.currency)
    text = f"the bill states {stated} as {wrong.name}; right is {right}: {wrong.rule}"
    return Finding(finding_class, (), f"totals.{wrong.name}", wrong.stated, wrong.right, text, in_total=False)


def _by_code(lines: Sequence[BillLine]) -> Mapping[str, Sequence[BillLine]]:
    found: dict[str, list[BillLine]] = defaultdict(list)
    for line in lines:
        found[line.charge_code].append(line)
    return found


def _type_of(followers: Mapping[str, Follower], line: BillLine) -> LineType:
    follower = followers.get(line.charge_code)
    return line.line_type if follower is None else follower.line_type


def _amount(follower: Follower | None) -> Fraction:
    return _NOTHING if follower is None else follower.amount


def _wrong(bill: Bill, lines: Sequence[BillLine], due: Follower | None) -> Finding | None:
    """What is wrong with the lines of one code; None when they follow from the charges as they are billed."""
    if due is None and not lines:
        return None  # due on the right bill, and rightly not on one of these charges
    billed, right = sum((line.amount for line in lines), _NOTHING), _amount(due)
    line_type = due.line_type if due is not None else lines[0].line_type
    of_type = all(line.line_type is line_type for line in lines)
    if billed == right and of_type:
        return None
    code = lines[0].charge_code if lines else due.code if due else ""
    asked, comes_to = words.money(billed, bill.currency), words.money(right, bill.currency)
    finding_class = _CLASSES.get(line_type, FindingClass.UNKNOWN_CHARGE)
    if billed == right:
        finding_class, text = FindingClass.UNKNOWN_CHARGE, f"{code} stands as another type of line than it is"
    elif due is None:
        text = f"{asked} of {code}, which nothing calls for"
    elif due.is_rounded_other_way(billed):
        finding_class = FindingClass.ROUNDING
        text = f"{code} is half-way between two amounts; the tariff rounds to {comes_to}, the bill to {asked}"
    elif not lines:
        text = f"{code} of {comes_to} is missing"
    else:
        text = f"{code}: billed {asked}, what the charges on the bill come to is {comes_to}"
    return Finding(
        finding_class=finding_class,
        line_ids=tuple(line.line_id for line in lines),
        charge_code=code,
        billed=billed,
        expected=right,
        explanation=text,
        derivation=due.derivation if due else (),
        in_total=due is None or due.in_total,
    )


def _correction(lines: Sequence[BillLine], right: Follower | None, *, anyway: bool) -> tuple[CorrectionLine, ...]:
    """What puts the lines of one code right, where they are not."""
    of_type = all(right is None or line.line_type is right.line_type for line in lines)
    if sum((line.amount for line in lines), _NOTHING) == _amount(right) and of_type and not anyway:
        return ()
    reversals = [CorrectionLine(line.line_id, line.charge_code, -line.amount) for line in lines]
    added = [CorrectionLine("", right.code, right.amount, right.line_type)] if right and right.amount else []
    return (*reversals, *added)


def _misstated(tax: BillTax, due: Follower | None) -> list[tuple[str, Fraction, Fraction]]:
    """Name, said and right of what a tax says wrongly of how it comes about."""
    if due is None:
        return []
    found = []
    if tax.percent is not None and tax.percent not in due.percents:
        found.append(("percent", tax.percent, due.percents[-1]))
    if tax.base is not None and tax.base != due.base:
        found.append(("taxable_amount", tax.base, due.base))
    return found


def _statements(bill: Bill, tax: BillTax, as_asked: Mapping[str, Follower]) -> Iterator[Finding]:
    code = tax_code(tax.tax_id)
    for name, said, right in _misstated(tax, as_asked.get(code)):
        is_amount = name == "taxable_amount"
        shown = [
            words.money(one, bill.currency) if is_amount else f"{format_amount(one, 0)} %" for one in (said, right)
        ]
        text = f"{code}: the bill states {shown[0]} as {name}; right is {shown[1]}"
        billed, expected = (said, right) if is_amount else (_NOTHING, _NOTHING)
        derivation = as_asked[code].derivation
        yield Finding(FindingClass.TAX, (code,), code, billed, expected, text, derivation, in_total=False)


def _spread(causes: Sequence[Cause], follow_on: Fraction, moved: Sequence[CorrectionLine]) -> list[Cause]:
    """The causes with their parts of what follows, in proportion to what they come to, to the micro-unit."""
    if not causes or not (follow_on or moved):
        return list(causes)
    weights = [cause.finding.difference for cause in causes]
    total = sum(weights, _NOTHING)
    if not total:
        weights, total = [Fraction(1), *[_NOTHING] * (len(causes) - 1)], Fraction(1)
    spread, reached, given = [], _NOTHING, _NOTHING
    for cause, weight in zip(causes, weights, strict=True):
        reached += weight
        part = round(follow_on * reached / total / _MICRO) * _MICRO - given
        given += part
        spread.append(replace(cause, finding=_with(cause.finding, part)))
    first = spread[0]
    spread[0] = replace(first, correction=(*first.correction, *moved))
    return spread


def _with(finding: Finding, part: Fraction) -> Finding:
    if not part:
        return finding
    return replace(finding, follow_on=part, explanation=f"{finding.explanation}; discounts and taxes follow from it")
