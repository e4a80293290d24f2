"""What is wrong with a bill, and why? One cause is one finding, however many lines it explains."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from billing_accuracy.domain.billed import BilledCharge
from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.cause import Cause
from billing_accuracy.domain.causes import Causes
from billing_accuracy.domain.evidence.moves import counted_twice, moves, reported_twice
from billing_accuracy.domain.evidence.records import BillRecords
from billing_accuracy.domain.expected import ExpectedBill
from billing_accuracy.domain.matching import Matched, Pair
from billing_accuracy.domain.totals import included_taxes
from billing_accuracy.domain.variants import Variant

_SEVERAL = 2
"""So many amounts of one other way of rating are no accident."""
_MOST_APART = 100
"""A bill that has more codes which are not due follows other rules altogether: nobody reads them one by one."""


def find(
    bill: Bill, expected: ExpectedBill, matched: Matched, variants: Sequence[Variant], records: BillRecords
) -> tuple[Cause, ...]:
    """Everything wrong with the charges of a bill; differences sum to billed less expected charges."""
    causes = Causes(bill, expected)
    found = [
        *_of_charges(causes, matched, variants, records),
        *(causes.again(pair) for pair in matched.again),
        *(causes.misnamed(pair) for pair in matched.misnamed),
    ]
    if expected.unrated_records:
        found.append(causes.unrated(expected.unrated_records, records.unrated))
    return tuple(found)


def _of_charges(causes: Causes, matched: Matched, variants: Sequence[Variant], records: BillRecords) -> Iterator[Cause]:
    """What is wrong with single charges, or with several for one reason."""
    if repeated := reported_twice(matched.pairs, variants):
        yield causes.reported_twice(repeated, records.repeated)
        matched = matched.without(repeated)
    for move in moves(matched.pairs, matched.missing):
        yield causes.moved(move, records.that_make(move.left.charge_code, move.count, move.quantity) or ())
        matched = matched.without(move.pairs, [move.left])
    wrong = [pair for pair in matched.pairs if not pair.is_right]
    off, unexpected, missing = matched.off, matched.unexpected, matched.missing
    if whole := _of_bill(matched, variants):
        # Those that are off by a tie alone are so for the same reason.
        moved = [pair for pair in wrong if pair.billed.amount != pair.charge.amount]
        yield causes.varied(whole, moved, unexpected, missing)
        wrong, unexpected, missing = [pair for pair in wrong if pair not in moved], (), ()
    elif several := _of_pairs(off, variants) if len(off) >= _SEVERAL else None:
        moved = [pair for pair in wrong if pair.is_off or _gives_tie(several, pair)]
        yield causes.varied(several, moved, (), ())
        wrong = [pair for pair in wrong if pair not in moved]
    for pair in wrong:
        yield _cause(causes, pair, variants, records)
    for group in _told_together(causes, unexpected):
        yield causes.unexpected(group)
    for charge in missing:
        if free := next((one for one in variants if one.gives({charge.charge_code: Fraction()})), None):
            yield causes.varied(free, (), (), [charge])
        else:
            yield causes.missing(charge, records.on(charge.charge_code))


def _told_together(causes: Causes, unexpected: Sequence[BilledCharge]) -> list[list[BilledCharge]]:
    """Each code alone; when very many are not due, that is one cause for those of a kind."""
    if len(unexpected) <= _MOST_APART:
        return [[billed] for billed in unexpected]
    known = [billed for billed in unexpected if causes.is_known(billed)]
    unknown = [billed for billed in unexpected if not causes.is_known(billed)]
    return [group for group in (known, unknown) if group]


def _of_bill(matched: Matched, variants: Sequence[Variant]) -> Variant | None:
    """What was done otherwise, if it makes all charges right, when several are wrong."""
    if len(matched.off) + len(matched.unexpected) + len(matched.missing) < _SEVERAL:
        return None
    asked = {pair.charge.charge_code: pair.billed.amount for pair in matched.pairs if pair.charge.is_of_plan}
    asked |= {billed.charge_code: billed.amount for billed in matched.unexpected}
    asked = {code: amount for code, amount in asked.items() if amount}
    return next((one for one in variants if one.amounts == asked), None)


def _of_pairs(pairs: Sequence[Pair], variants: Sequence[Variant]) -> Variant | None:
    """What was done otherwise, if it gives all of these amounts."""
    asked = {pair.charge.charge_code: pair.billed.amount for pair in pairs}
    return next((one for one in variants if one.gives(asked) and (len(asked) >= _SEVERAL or not one.by_chance)), None)


def _gives_tie(variant: Variant, pair: Pair) -> bool:
    """Whether it gives an amount that is off by a tie alone."""
    amount, code = pair.billed.amount, pair.charge.charge_code
    return amount != pair.charge.amount and variant.gives({code: amount})


def _cause(causes: Causes, pair: Pair, variants: Sequence[Variant], records: BillRecords) -> Cause:
    """Why one charge is wrong: the first cause that gives exactly the billed amount."""
    billed, charge = pair.billed, pair.charge
    if not billed.is_of_type(charge):
        return causes.line_type(pair)
    if again := counted_twice(pair, records):
        return causes.billed_twice(pair, again)
    if not billed.says(charge) and (not pair.is_off or billed.amount == charge.at_quantity(billed.quantity.total)):
        return causes.quantity(pair)
    return _cause_of_amount(causes, pair, variants) if pair.is_off else causes.tie(pair)


def _cause_of_amount(causes: Causes, pair: Pair, variants: Sequence[Variant]) -> Cause:
    """Why one amount is wrong."""
    billed, charge = pair.billed, pair.charge
    if rounding := charge.rounding_of(billed.amount):
        return causes.other_rounding(pair, rounding)
    if (days := charge.days_of(billed.amount)) is not None:
        return causes.proration(pair, days)
    if code := _other_code(pair):
        return causes.other_price(pair, code)
    if variant := _of_pairs([pair], variants):
        return causes.varied(variant, [pair], (), ())
    return causes.difference(pair)


def _other_code(pair: Pair) -> str | None:
    """The charge code at whose price this usage, or what the line says was used, comes to the billed amount."""
    billed, charge = pair.billed, pair.charge
    quantities = (None, billed.quantity.total) if billed.quantity.by_all else (None,)
    for code in sorted(charge.parts[0].other_prices()):
        if any(charge.at_price_of(code, quantity) == billed.amount for quantity in quantities):
            return code
    return None


def total_cause(bill: Bill, expected: ExpectedBill) -> Iterator[Cause]:
    """What is wrong with the total alone: it does not follow from the lines, or is rounded as a right one is not."""
    causes = Causes(bill, expected)
    lines = sum((line.amount for line in bill.all_lines), Fraction()) - included_taxes(bill, expected.followers)
    asked = bill.total
    if not expected.may_total(lines, asked):
        right = expected.rounded(lines)
        yield causes.arithmetic(lines, asked, right)
        asked = right
    settled = lines + expected.total - expected.lines_total
    if asked != settled:
        yield causes.total_rounding(asked, settled)
