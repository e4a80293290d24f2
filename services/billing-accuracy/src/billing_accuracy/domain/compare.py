"""What is wrong with a bill, and why? One cause is one finding, however many lines it explains."""

from collections.abc import Iterator
from fractions import Fraction

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.causes import Cause, Causes
from billing_accuracy.domain.expected import ExpectedBill, as_billed
from billing_accuracy.domain.matching import Matched, Pair
from billing_accuracy.domain.rerate import Alternatives

_SEVERAL = 2


def find(bill: Bill, expected: ExpectedBill, matched: Matched, alternatives: Alternatives) -> tuple[Cause, ...]:
    """Everything wrong with the bill, the largest difference first; the differences sum to billed less expected total."""
    causes = Causes(bill, expected)
    found = [
        *_of_charges(causes, expected, matched, alternatives),
        *(causes.again(pair) for pair in matched.again),
        *(causes.misnamed(pair, expected) for pair in matched.misnamed),
        *_of_total(causes, bill, expected),
    ]
    if expected.unrated_records:
        found.append(causes.unrated(expected.unrated_records))
    return tuple(sorted(found, key=lambda cause: cause.finding.rank))


def _of_charges(
    causes: Causes, expected: ExpectedBill, matched: Matched, alternatives: Alternatives
) -> Iterator[Cause]:
    """What is wrong with single charges, or with several of them for one reason."""
    left = [pair for pair in matched.pairs if not pair.is_right]
    off, unexpected, missing = matched.off, matched.unexpected, matched.missing
    followed = _plan_followed(matched, alternatives)
    if followed is not None:
        yield causes.wrong_plan(followed, off, unexpected, missing)
        unexpected, missing = (), ()
    elif plan := _plan_of_all(off, alternatives):
        yield causes.wrong_plan(plan, off, (), ())
        followed = plan
    if followed is not None:
        left = [pair for pair in left if not pair.is_off]
    for pair in left:
        yield _cause(causes, pair, expected, alternatives)
    for billed in unexpected:
        yield causes.unexpected(billed, expected)
    for charge in missing:
        yield causes.missing(charge)


def _plan_followed(matched: Matched, alternatives: Alternatives) -> str | None:
    """The plan under which several charges that are wrong or not due, and all others too, would be right."""
    if len(matched.off) + len(matched.unexpected) < 1 or _wrongs(matched) < _SEVERAL:
        return None
    asked = {pair.charge.charge_code: pair.billed.amount for pair in matched.pairs}
    asked |= {one.charge_code: one.amount for one in matched.unexpected}
    asked = {code: amount for code, amount in asked.items() if amount}
    return next((plan for plan, amounts in alternatives.items() if amounts == asked), None)


def _wrongs(matched: Matched) -> int:
    return len(matched.off) + len(matched.unexpected) + len(matched.missing)


def _plan_of_all(off: list[Pair], alternatives: Alternatives) -> str | None:
    """The plan that gives the amounts of several wrong charges, though not of the whole bill."""
    if len(off) < _SEVERAL:
        return None
    return next((plan for plan in alternatives if all(_is_of(pair, alternatives[plan]) for pair in off)), None)
