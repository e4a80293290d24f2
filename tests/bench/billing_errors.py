"""Which errors can a billing system make, one of every class, and what is each to be found as?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

import numpy as np

from billing_accuracy.domain.bills import Bill, BillLine, LineType
from billing_accuracy.domain.findings import FindingClass
from billing_accuracy.domain.usage import BillCase
from tests.bench.billing_world import CYCLE, NOTHING, TARIFFS, Draft, Subscriber, World, with_totals

CENT: Final = Fraction(1, 100)
_USAGE: Final = LineType.USAGE


@dataclass(frozen=True)
class Seeded:
    """A bill with one error."""

    case: BillCase
    finding_class: FindingClass
    amount: Fraction
    """By how much the bill asks for too much or too little; of an error that asks for nothing, of what it states."""


class Seeder:
    """Puts errors into right bills; the same number puts the same ones."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._random = np.random.default_rng(seed)

    def seeded(self, count: int) -> list[Seeded]:
        """So many errors, of all classes in turn, each on the bill of another subscriber."""
        found: list[Seeded] = []
        waiting = list(_WAYS.items())
        for number, who in enumerate(self._world.subscribers):
            if len(found) == count:
                return found
            right = self._world.right(who)
            for _ in range(len(waiting)):  # the next class of which this bill can have an error
                kind, make = waiting.pop(0)
                waiting.append((kind, make))
                wrong = make(self, right, number)
                if wrong is not None:
                    found.append(self._seeded(kind, right.bill(number), wrong, who))
                    break
        if len(found) < count:
            raise ValueError(f"{len(found)} errors on {len(self._world.subscribers)} bills: expected {count}")
        return found

    def _seeded(self, kind: FindingClass, right: Bill, wrong: Bill, who: Subscriber) -> Seeded:
        amount = wrong.total - right.total
        stated = (wrong.totals.balance_brought_forward or NOTHING) - (right.totals.balance_brought_forward or NOTHING)
        return Seeded(who.case(wrong), kind, amount or stated)

    def pick(self, lines: Sequence[BillLine], least: Fraction = NOTHING) -> BillLine | None:
        """One of the lines that ask for more than so much."""
        large = [line for line in lines if line.amount > least]
        return large[int(self._random.integers(len(large)))] if large else None

    def amount(self) -> Fraction:
        """From one cent to some euros, small ones as often as large ones."""
        return Fraction(max(1, int(10 ** self._random.uniform(0, 2.7))), 100)

    def number(self, low: int, high: int) -> int:
        """Any whole number from low to below high."""
        return int(self._random.integers(low, high))

    @property
    def world(self) -> World:
        """Whose bills they are."""
        return self._world


Way = Callable[[Seeder, Draft, int], Bill | None]
"""Makes the wrong bill of a right draft; None when this bill can't have such an error."""


def _usage(draft: Draft) -> list[BillLine]:
    return [line for line in draft.charges if line.line_type is _USAGE]


def _with(draft: Draft, old: BillLine, *new: BillLine) -> Draft:
    charges = [one for line in draft.charges for one in (new if line is old else (line,))]
    return replace(draft, charges=tuple(charges))


def _moved(seeder: Seeder, draft: Draft, number: int, sign: int) -> Bill | None:
    by = seeder.amount()
    line = seeder.pick(_usage(draft), by)
    return None if line is None else _with(draft, line, replace(line, amount=line.amount + sign * by)).bill(number)


def _overcharge(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    return _moved(seeder, draft, number, 1)


def _undercharge(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    return _moved(seeder, draft, number, -1)


def _missing(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    line = seeder.pick(_usage(draft))
    return None if line is None else _with(draft, line).bill(number)


def _not_used(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    pictures = seeder.number(1, 9)
    line = BillLine("mms", _USAGE, "mms", pictures, pictures, pictures * Fraction("0.29"))
    return replace(draft, charges=(*draft.charges, line)).bill(number)


def _line_again(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    line = seeder.pick(draft.charges)
    return None if line is None else _with(draft, line, line, replace(line, line_id="again")).bill(number)


def _sum(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    bill = draft.bill(number)
    wrong = bill.total + seeder.amount()
    return replace(bill, total=wrong, totals=replace(bill.totals, tax_inclusive=wrong, amount_due=wrong))


def _other_plan(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    other = next(plan for plan in TARIFFS if plan != draft.subscriber.plan)
    return seeder.world.rated(draft.subscriber, TARIFFS[other]).bill(number, tariff=TARIFFS[other])


def _at_price(draft: Draft, line: BillLine, code: str) -> BillLine | None:
    """The line's usage at the price of another charge."""
    tariff = TARIFFS[draft.subscriber.plan]
    rounding = tariff.line_rounding
    rates = {rate.line: rate for rate in tariff.versions[-1].rates}
    price, own = rates[code].steps[0].price, rates[line.charge_code].steps[0].price
    if price == own or line.quantity is None or rounding is None:
        return None
    amount = rounding.apply(line.quantity * price)
    return None if amount == line.amount else replace(line, amount=amount)


def _voice(seeder: Seeder, draft: Draft) -> BillLine | None:
    """A line of calls that no allowance covers."""
    abroad = [line for line in _usage(draft) if line.charge_code.startswith(("voice.near", "voice.far"))]
    return seeder.pick(abroad)


def _other_band(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    line = _voice(seeder, draft)
    if line is None:
        return None
    zone, band = line.charge_code.rsplit(".", 1)
    other = {"day": "evening", "evening": "night", "night": "day"}[band]
    wrong = _at_price(draft, line, f"{zone}.{other}")
    return None if wrong is None else _with(draft, line, wrong).bill(number)


def _other_zone(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    line = _voice(seeder, draft)
    if line is None:
        return None
    _, zone, band = line.charge_code.split(".")
    wrong = _at_price(draft, line, f"voice.{'far' if zone == 'near' else 'near'}.{band}")
    return None if wrong is None else _with(draft, line, wrong).bill(number)


def _unknown(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    gift = BillLine("ringtone", _USAGE, "ringtone", None, None, seeder.amount())
    return replace(draft, charges=(*draft.charges, gift)).bill(number)


def _quantity(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    line = _voice(seeder, draft)
    if line is None or line.quantity is None:
        return None
    return _with(draft, line, replace(line, quantity=line.quantity + seeder.number(1, 3600))).bill(number)


def _stale(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    tariff = TARIFFS[draft.subscriber.plan]
    if len(tariff.versions) == 1:
        return None
    return seeder.world.rated(draft.subscriber, tariff.as_of(tariff.versions[0].active_from)).bill(number)


def _allowance(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    wrong = seeder.world.rated(draft.subscriber, TARIFFS[draft.subscriber.plan], allowances=False)
    return None if wrong.charges == draft.charges else wrong.bill(number)


def _proration(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    who = draft.subscriber
    if who.held.start == CYCLE.start:
        return None
    days = seeder.number(1, 29)
    wrong = seeder.world.rated(who, TARIFFS[who.plan], days=days)
    return None if _fee(wrong) == _fee(draft) else replace(draft, charges=_fee_of(draft, wrong)).bill(number)


def _fee(draft: Draft) -> Fraction:
    return next(line.amount for line in draft.charges if line.line_type is LineType.RECURRING)


def _fee_of(draft: Draft, other: Draft) -> tuple[BillLine, ...]:
    return tuple(
        replace(line, amount=_fee(other)) if line.line_type is LineType.RECURRING else line for line in draft.charges
    )


def _discount(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    bill = draft.bill(number)
    discount = next((line for line in bill.lines if line.line_type is LineType.DISCOUNT), None)
    if discount is None:
        return None
    keep = seeder.number(0, 2)
    wrong = [replace(discount, amount=discount.amount - seeder.amount())] if keep else []
    lines = [one for line in bill.lines for one in (wrong if line is discount else (line,))]
    moved = with_totals(replace(bill, lines=tuple(lines)))
    return _taxed(moved)


def _taxed(bill: Bill) -> Bill:
    """The bill with its tax on what its lines come to."""
    [tax] = bill.taxes
    base = sum((one.amount for one in bill.lines if one.line_type is not LineType.CREDIT), NOTHING)
    rounding = TARIFFS["plans/classic"].line_rounding
    if rounding is None or tax.percent is None:
        raise ValueError("a tax without a rate")
    right = replace(tax, base=base, amount=rounding.apply(base * tax.percent / 100))
    return with_totals(replace(bill, taxes=(right,)))


def _credit(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    by = seeder.amount()
    if not draft.credits:
        made_up = BillLine("goodwill", LineType.CREDIT, "goodwill", None, None, -by)
        return replace(draft, credits=(made_up,)).bill(number)
    [granted] = draft.credits
    if seeder.number(0, 2):
        return replace(draft, credits=()).bill(number)
    return replace(draft, credits=(replace(granted, amount=granted.amount - by),)).bill(number)


def _tax(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    bill = draft.bill(number)
    [tax] = bill.taxes
    kind = seeder.number(0, 3)
    if kind == 0:
        return with_totals(replace(bill, taxes=()))
    if kind == 1:
        return with_totals(replace(bill, taxes=(replace(tax, amount=tax.amount + seeder.amount()),)))
    return replace(bill, taxes=(replace(tax, percent=Fraction(19)),))


def _record_twice(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    line = _voice(seeder, draft)
    rates = {rate.line: rate.steps[0].price for rate in TARIFFS[draft.subscriber.plan].versions[-1].rates}
    rounding = TARIFFS[draft.subscriber.plan].line_rounding
    if line is None or line.quantity is None or line.record_count is None or rounding is None:
        return None
    seconds = seeder.world.seconds_on(draft.subscriber, line.charge_code)
    again = seconds[seeder.number(0, len(seconds))]
    quantity = line.quantity + again
    amount = rounding.apply(quantity * rates[line.charge_code])
    wrong = replace(line, quantity=quantity, record_count=line.record_count + 1, amount=amount)
    return None if amount == line.amount else _with(draft, line, wrong).bill(number)


def _balance(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    bill = draft.bill(number)
    owed = (bill.totals.balance_brought_forward or NOTHING) + seeder.amount()
    return with_totals(replace(bill, totals=replace(bill.totals, balance_brought_forward=owed)))


def _one_off(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    act = next((line for line in draft.charges if line.line_type is LineType.ONE_OFF), None)
    if act is None:
        fee = BillLine("reminder", LineType.ONE_OFF, "reminder", None, None, seeder.amount())
        return replace(draft, charges=(*draft.charges, fee)).bill(number)
    if seeder.number(0, 2):
        return _with(draft, act).bill(number)
    return _with(draft, act, replace(act, amount=act.amount + seeder.amount())).bill(number)


def _unexplained(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    line = _voice(seeder, draft)
    if line is None or line.quantity is None:
        return None
    more = seeder.number(1, 3600)
    return _with(
        draft, line, replace(line, quantity=line.quantity + more, amount=line.amount + 7 + seeder.amount())
    ).bill(number)


def _rounding_method(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    """The other neighbour of an amount that is no tie."""
    exact = seeder.world.exact(draft.subscriber)
    lines = [line for line in _usage(draft) if exact.get(line.charge_code, line.amount) != line.amount]
    line = seeder.pick(lines, CENT)
    if line is None or abs(exact[line.charge_code] - line.amount) == CENT / 2:
        return None
    step = CENT if exact[line.charge_code] > line.amount else -CENT
    return _with(draft, line, replace(line, amount=line.amount + step)).bill(number)


def _tie(seeder: Seeder, draft: Draft, number: int) -> Bill | None:
    """A tie, rounded down."""
    exact = seeder.world.exact(draft.subscriber)
    ties = [line for line in _usage(draft) if line.amount - exact.get(line.charge_code, line.amount) == CENT / 2]
    line = seeder.pick(ties)
    return None if line is None else _with(draft, line, replace(line, amount=line.amount - CENT)).bill(number)


_WAYS: Final[dict[FindingClass, Way]] = {
    FindingClass.OVERCHARGE: _overcharge,
    FindingClass.UNDERCHARGE: _undercharge,
    FindingClass.ROUNDING: _tie,
    FindingClass.MISSING_USAGE: _missing,
    FindingClass.BILLED_NOT_USED: _not_used,
    FindingClass.DUPLICATE_LINE: _line_again,
    FindingClass.ARITHMETIC: _sum,
    FindingClass.WRONG_PLAN: _other_plan,
    FindingClass.WRONG_BAND: _other_band,
    FindingClass.UNKNOWN_CHARGE: _unknown,
    FindingClass.QUANTITY: _quantity,
    FindingClass.STALE_TARIFF: _stale,
    FindingClass.WRONG_ZONE: _other_zone,
    FindingClass.ALLOWANCE: _allowance,
    FindingClass.PRORATION: _proration,
    FindingClass.DISCOUNT: _discount,
    FindingClass.CREDIT: _credit,
    FindingClass.TAX: _tax,
    FindingClass.DUPLICATE_RECORD: _record_twice,
    FindingClass.BALANCE: _balance,
    FindingClass.ONE_OFF: _one_off,
    FindingClass.UNEXPLAINED: _unexplained,
    FindingClass.ROUNDING_METHOD: _rounding_method,
}
CLASSES: Final = tuple(_WAYS)
