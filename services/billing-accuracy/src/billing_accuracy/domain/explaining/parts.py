"""Of which parts is the difference between two bills made? They sum to it, to the last micro-unit.

What was used is told from what it costs by rating the later usage a second time, under the plan and prices of the
earlier bill: what that comes to more is usage, the rest is the other plan or the other prices. What a bill asks for
against what it should is a part of its own, so that a wrong bill is explained as what it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final

from billing_accuracy.domain.bills import LineType
from billing_accuracy.domain.entries import EntryAmount
from billing_accuracy.domain.expected import ExpectedBill, ExpectedCharge
from billing_accuracy.domain.prices import beyond_check, places
from billing_accuracy.domain.rerate import Rerating
from billing_accuracy.domain.usage import BillCase, Segment
from billing_accuracy.domain.usage_table import UsageTable
from rating import Cycle, Line, RecurringAmount, Tariff

_NOTHING: Final = Fraction()
_INSTANT: Final = timedelta(microseconds=1)


class PartKind(StrEnum):
    """Why a bill differs from the one before; the names of cxmesh.billing.v1.ExplanationKind without their prefix."""

    USAGE = "USAGE"
    ROAMING = "ROAMING"
    PRICE = "PRICE"
    PLAN = "PLAN"
    PRORATION = "PRORATION"
    ONE_OFF = "ONE_OFF"
    SURCHARGE = "SURCHARGE"
    CREDIT = "CREDIT"
    COMMITMENT = "COMMITMENT"
    DISCOUNT = "DISCOUNT"
    TAX = "TAX"
    ROUNDING = "ROUNDING"
    ERROR = "ERROR"


_OF_ENTRIES: Final = {
    LineType.ONE_OFF: PartKind.ONE_OFF,
    LineType.SURCHARGE: PartKind.SURCHARGE,
    LineType.CREDIT: PartKind.CREDIT,
}
_OF_PLANS: Final = frozenset({LineType.USAGE, LineType.RECURRING})
_OF_FOLLOWERS: Final = {
    LineType.COMMITMENT: PartKind.COMMITMENT,
    LineType.DISCOUNT: PartKind.DISCOUNT,
    LineType.TAX: PartKind.TAX,
}


@dataclass(frozen=True, slots=True)
class Part:
    """One reason why a bill differs from the one before."""

    kind: PartKind
    charge_code: str
    """Empty when it is about no one charge."""
    amount: Fraction
    """What it adds to the difference."""
    service: str = ""
    """What was used; empty when it is about no usage."""
    before: int = 0
    """Base units used, or days charged, on the bill before."""
    after: int = 0
    """The same on this one."""
    name: str = ""
    """Of the plan, the fee, the discount or the tax."""


@dataclass(frozen=True, slots=True)
class BillSide:
    """One of the two bills, with what it should be."""

    case: BillCase
    expected: ExpectedBill


def explain(before: BillCase, after: BillCase, usage: UsageTable, tariffs: Mapping[str, Tariff]) -> tuple[Part, ...]:
    """The parts of `after` less `before`, the largest first. `tariffs`: of every plan in either, by plan."""
    rerating = Rerating([before, after], usage, tariffs)
    first, second = BillSide(before, rerating.expected(0)), BillSide(after, rerating.expected(1))
    parts = [
        *_of_usage(first, second, usage, tariffs),
        *_of_fees(first, second),
        *_of_entries(first, second),
        *_of_followers(first, second),
        Part(PartKind.ROUNDING, "", _rounded(second) - _rounded(first)),
        Part(PartKind.ERROR, "", _wrong(second) - _wrong(first)),
    ]
    told = [part for part in parts if part.amount]
    return tuple(sorted(told, key=lambda part: (-abs(part.amount), part.kind, part.charge_code)))


def _rounded(side: BillSide) -> Fraction:
    return side.expected.total - side.expected.lines_total


def _wrong(side: BillSide) -> Fraction:
    return side.case.bill.total - side.expected.total


def _of_usage(first: BillSide, second: BillSide, usage: UsageTable, tariffs: Mapping[str, Tariff]) -> Iterator[Part]:
    """More or less usage, roaming told apart; then the other plan, or other prices of the same one."""
    was, is_now = _usage(first.expected.charges), _usage(second.expected.charges)
    as_before = _as_before(first, second, usage, tariffs)
    for code in dict.fromkeys([*was, *as_before]):
        one, other = was.get(code), as_before.get(code)
        present = other or one
        if present is None:
            continue
        kind = PartKind.ROAMING if _is_roaming(present) else PartKind.USAGE
        more = _amount(other) - _amount(one)
        yield Part(kind, code, more, present.service or "", _quantity(one), _quantity(other))
    plans = second.case.plans
    kind = PartKind.PRICE if set(plans) == set(first.case.plans[-1:]) else PartKind.PLAN
    if kind is PartKind.PLAN:
        other_prices = sum(map(_amount, is_now.values()), _NOTHING) - sum(map(_amount, as_before.values()), _NOTHING)
        yield Part(kind, "", other_prices, name=plans[-1])
        return
    for code in dict.fromkeys([*as_before, *is_now]):
        yield Part(kind, code, _amount(is_now.get(code)) - _amount(as_before.get(code)), name=plans[-1])


def _as_before(
    first: BillSide, second: BillSide, usage: UsageTable, tariffs: Mapping[str, Tariff]
) -> Mapping[str, ExpectedCharge]:
    """The later usage under the plan and the prices with which the earlier period ended.

    Where that plan has no price for it, or its prices depend on more than the period (and on more than the use of those
    who share allowances with the later bill), the later bill itself: then all is told as usage.
    """
    plan, end = first.case.plans[-1], first.case.segments[-1].held.end
    segments = second.case.segments
    throughout = Segment(plan, segments[0].cycle, Cycle(segments[0].held.start, segments[-1].held.end))
    tariff = tariffs[plan].as_of(end - _INSTANT)
    case = replace(second.case, segments=(throughout,), account=replace(second.case.account, entries=()))
    if beyond_check(tariff, throughout.held, with_others=case.group_under(plan) is not None):
        return _usage(second.expected.charges)
    rerating = Rerating([case], usage, {**tariffs, plan: tariff})
    unpriced = rerating.unrated_count(0) > second.expected.unrated_records
    return _usage(second.expected.charges if unpriced else rerating.expected(0).charges)


def _usage(charges: Mapping[str, ExpectedCharge]) -> dict[str, ExpectedCharge]:
    return {code: charge for code, charge in charges.items() if LineType.USAGE in charge.line_types}


def _is_roaming(charge: ExpectedCharge) -> bool:
    return any(
        roaming is not None
        for part in charge.parts
        if isinstance(part.source, Line)
        for rated in part.source.parts
        for _, roaming in places(part.tariff, rated.version, charge.charge_code)
    )


def _amount(charge: ExpectedCharge | None) -> Fraction:
    return _NOTHING if charge is None else charge.amount


def _quantity(charge: ExpectedCharge | None) -> int:
    return 0 if charge is None else max(charge.quantity)


@dataclass(slots=True)
class _Fee:
    """A recurring charge on one bill."""

    name: str = ""
    full: Fraction = _NOTHING
    """For whole periods, of each plan that has it."""
    amount: Fraction = _NOTHING
    days: int = 0


def _of_fees(first: BillSide, second: BillSide) -> Iterator[Part]:
    """Recurring charges: another number of days, and another fee."""
    was, is_now = _fees(first), _fees(second)
    kind = PartKind.PRICE if set(first.case.plans) == set(second.case.plans) else PartKind.PLAN
    for code in dict.fromkeys([*was, *is_now]):
        one, other = was.get(code, _Fee()), is_now.get(code, _Fee())
        name = other.name or one.name
        days = (other.amount - other.full) - (one.amount - one.full)
        yield Part(PartKind.PRORATION, code, days, before=one.days, after=other.days, name=name)
        yield Part(kind, code, other.full - one.full, name=name)


def _fees(side: BillSide) -> dict[str, _Fee]:
    found: dict[str, _Fee] = {}
    for code, charge in side.expected.charges.items():
        if LineType.RECURRING in charge.line_types and LineType.USAGE not in charge.line_types:
            fee = found[code] = _Fee(amount=charge.amount)
            for part in charge.parts:
                if isinstance(part.source, RecurringAmount):
                    fee.name, fee.full, fee.days = (
                        part.source.name,
                        fee.full + part.source.full,
                        fee.days + part.source.days,
                    )
    return found


def _of_entries(first: BillSide, second: BillSide) -> Iterator[Part]:
    """Acts, surcharges and credits that one of the bills has."""
    was, is_now = _entries(first), _entries(second)
    for code in dict.fromkeys([*was, *is_now]):
        present = is_now.get(code) or was[code]
        kind = next(_OF_ENTRIES[each] for each in sorted(present.line_types) if each in _OF_ENTRIES)
        name = next(part.source.name for part in present.parts if isinstance(part.source, EntryAmount))
        yield Part(kind, code, _amount(is_now.get(code)) - _amount(was.get(code)), name=name)


def _entries(side: BillSide) -> dict[str, ExpectedCharge]:
    return {code: charge for code, charge in side.expected.charges.items() if not charge.line_types & _OF_PLANS}


def _of_followers(first: BillSide, second: BillSide) -> Iterator[Part]:
    """Commitment, discounts and taxes; not the taxes that prices include."""
    was, is_now = first.expected.followers, second.expected.followers
    for code in dict.fromkeys([*was, *is_now]):
        one, other = was.get(code), is_now.get(code)
        present = other or one
        if present is not None and present.in_total:
            more = (other.amount if other else _NOTHING) - (one.amount if one else _NOTHING)
            yield Part(_OF_FOLLOWERS[present.line_type], code, more, name=code)


def sum_of(parts: Sequence[Part]) -> Fraction:
    """What the parts come to."""
    return sum((part.amount for part in parts), _NOTHING)
