"""What is wrong with a bill, and why? One cause is one finding, however many lines it explains."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from billing_accuracy.domain.billed import BilledCharge
from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.causes import Cause, Causes
from billing_accuracy.domain.expected import ExpectedBill
from billing_accuracy.domain.matching import Matched, Pair

Alternatives = Mapping[str, Mapping[str, Fraction]]
"""By plan: what its tariff makes of the same usage, by charge code; without codes that come to nothing."""
_SEVERAL = 2
"""So many amounts of one other plan are no accident."""
_MOST_APART = 100
"""A bill that has more codes which are not due follows other rules altogether: nobody reads them one by one."""


def find(bill: Bill, expected: ExpectedBill, matched: Matched, alternatives: Alternatives) -> tuple[Cause, ...]:
    """Everything wrong with the bill, the largest difference first; differences sum to billed less expected total."""
    causes = Causes(bill, expected)
    found = [
        *_of_charges(causes, matched, alternatives),
        *(causes.again(pair) for pair in matched.again),
        *(causes.misnamed(pair) for pair in matched.misnamed),
        *_of_total(causes, bill, expected),
    ]
    if expected.unrated_records:
        found.append(causes.unrated(expected.unrated_records))
    return tuple(sorted(found, key=lambda cause: cause.finding.rank))


def _of_charges(causes: Causes, matched: Matched, alternatives: Alternatives) -> Iterator[Cause]:
    """What is wrong with single charges, or with several for one reason."""
    wrong = [pair for pair in matched.pairs if not pair.is_right]
    off, unexpected, missing = matched.off, matched.unexpected, matched.missing
    if plan := _plan_of_bill(matched, alternatives):
        yield causes.wrong_plan(plan, off, unexpected, missing)
        wrong, unexpected, missing = [pair for pair in wrong if not pair.is_off], (), ()
    elif plan := _plan_of(off, alternatives) if len(off) >= _SEVERAL else None:
        yield causes.wrong_plan(plan, off, (), ())
        wrong = [pair for pair in wrong if not pair.is_off]
    for pair in wrong:
        yield _cause(causes, pair, alternatives)
    for group in _told_together(causes, unexpected):
        yield causes.unexpected(group)
    for charge in missing:
        yield causes.missing(charge)


def _told_together(causes: Causes, unexpected: Sequence[BilledCharge]) -> list[list[BilledCharge]]:
    """Each code alone; when very many are not due, that is one cause for those of a kind."""
    if len(unexpected) <= _MOST_APART:
        return [[billed] for billed in unexpected]
    known = [billed for billed in unexpected if causes.is_known(billed)]
    unknown = [billed for billed in unexpected if not causes.is_known(billed)]
    return [group for group in (known, unknown) if group]


def _plan_of_bill(matched: Matched, alternatives: Alternatives) -> str | None:
    """The other plan under which all charges would be right, when several are wrong."""
    if len(matched.off) + len(matched.unexpected) + len(matched.missing) < _SEVERAL:
        return None
    asked = {pair.charge.charge_code: pair.billed.amount for pair in matched.pairs}
    asked |= {billed.charge_code: billed.amount for billed in matched.unexpected}
    asked = {code: amount for code, amount in asked.items() if amount}
    return next((plan for plan, amounts in alternatives.items() if amounts == asked), None)


def _plan_of(pairs: Sequence[Pair], alternatives: Alternatives) -> str | None:
    """The other plan that gives all of these amounts."""
    asked = {pair.charge.charge_code: pair.billed.amount for pair in pairs}
    return next((plan for plan, amounts in alternatives.items() if asked.items() <= amounts.items()), None)


def _cause(causes: Causes, pair: Pair, alternatives: Alternatives) -> Cause:
    """Why one charge is wrong: the first cause that gives exactly the billed amount."""
    billed, charge = pair.billed, pair.charge
    if not billed.is_of_type(charge):
        return causes.line_type(pair)
    if not billed.says(charge) and (not pair.is_off or billed.amount == charge.at_quantity(billed.quantity.total)):
        return causes.quantity(pair)
    if not pair.is_off:
        return causes.tie(pair)
    if code := _other_code(pair):
        return causes.wrong_band(pair, code)
    if plan := _plan_of([pair], alternatives):
        return causes.wrong_plan(plan, [pair], (), ())
    return causes.difference(pair)


def _other_code(pair: Pair) -> str | None:
    """The charge code at whose price this usage, or what the line says was used, comes to the billed amount."""
    billed, charge = pair.billed, pair.charge
    quantities = (None, billed.quantity.total) if billed.quantity.by_all else (None,)
    for code in sorted(charge.parts[0].other_prices()):
        if any(charge.at_price_of(code, quantity) == billed.amount for quantity in quantities):
            return code
    return None


def _of_total(causes: Causes, bill: Bill, expected: ExpectedBill) -> Iterator[Cause]:
    """What is wrong with the total alone: it does not follow from the lines, or is rounded as a right one is not."""
    lines, asked = sum((line.amount for line in bill.lines), Fraction()), bill.total
    if not expected.may_total(lines, asked):
        right = expected.rounded(lines)
        yield causes.arithmetic(lines, asked, right)
        asked = right
    settled = lines + expected.total - expected.lines_total
    if asked != settled:
        yield causes.total_rounding(asked, settled)
