"""Is a bill of 100,000 lines checked in time that grows with its lines, however wrong it is?"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from billing_samples import Account, booked, day, replaced, usage_line, with_more

from billing_accuracy.domain.bills import Bill, BillLine, LineType

COUNT = 100_000
ACCOUNT = Account(tuple(day(60, number % 28) for number in range(1000)))
"""A thousand calls of a minute by day: 170.00 in all."""


def line(number: int, code: str, amount: str, records: int | None = None) -> BillLine:
    return BillLine(f"l-{number}", LineType.USAGE, code, records, None, Fraction(amount))


def bill(make: Callable[[int], BillLine], count: int = COUNT) -> Bill:
    return ACCOUNT.bill(*(make(number) for number in range(count)))


def split(number: int) -> BillLine:
    return line(number, "voice.day", "0.17" if number < 1000 else "0", 1 if number < 1000 else 0)


def repeated(number: int) -> BillLine:
    return line(number, "voice.day", "170")


def taken_back(number: int) -> BillLine:
    return line(number, "voice.day", "170" if number % 2 else "-170")


def unknown(number: int) -> BillLine:
    return line(number, f"code-{number}", "0.01")


def of_one_amount(number: int) -> BillLine:
    return line(number, ("voice.day", "voice.night", "monthly", "talk")[number % 4], "170")


BILLS = {
    "split": (split, COUNT, 0),
    "unknown": (unknown, COUNT, 2),
    "repeated": (repeated, COUNT // 4, 1),
    "taken back": (taken_back, COUNT // 4, 1),
    "of one amount": (of_one_amount, COUNT // 4, 4),
}


@pytest.mark.parametrize(("make", "count", "findings"), BILLS.values(), ids=BILLS)
def test_it_is_checked_in_seconds(make: Callable[[int], BillLine], count: int, findings: int) -> None:
    large = bill(make, count)
    started = time.process_time()
    checked = ACCOUNT.check(large)
    took = time.process_time() - started
    assert len(checked.findings) == findings
    assert sum(one.difference for one in checked.findings) == large.total - 170
    assert took < 15  # a second or two; anything quadratic takes many minutes


def test_its_correction_makes_it_pass() -> None:
    large = bill(repeated, 10_000)
    correction = ACCOUNT.check(large).correction
    assert ACCOUNT.check(replaced(large, correction)).findings == ()
    assert ACCOUNT.check(booked(large, correction)).findings == ()


def test_one_wrong_line_of_many_parts_is_found() -> None:
    large = bill(split, 10_000)
    wrong = replace(large.lines[5], amount=Fraction("0.18"))
    one_wrong = replace(large, lines=(*large.lines[:5], wrong, *large.lines[6:]), total=large.total + Fraction("0.01"))
    [found] = ACCOUNT.check(one_wrong).findings
    assert (found.finding_class, found.difference, len(found.line_ids)) == ("OVERCHARGE", Fraction("0.01"), 10_000)
    assert len(found.explanation) < 300


def test_a_few_codes_that_are_not_due_are_told_one_by_one() -> None:
    few = ACCOUNT.bill(usage_line("voice.day", "170"), *(unknown(number) for number in range(100)))
    assert len(ACCOUNT.check(few).findings) == 100
    more = with_more(few, unknown(100), usage_line("voice.night", "1"))
    assert {(one.finding_class.value, len(one.line_ids)) for one in ACCOUNT.check(more).findings} == {
        ("UNKNOWN_CHARGE", 101),
        ("BILLED_NOT_USED", 1),
    }


def test_many_changes_of_the_plan_in_one_period_stay_cheap() -> None:
    moments = [ACCOUNT.start + timedelta(hours=12 * number) for number in range(56)]
    plans = [(("plans/standard", "plans/saver")[number % 2], moment) for number, moment in enumerate(moments)]
    account = Account(tuple(day(0, number) for number in range(28)), tuple(plans))
    assert account.check(account.right_bill()).findings == ()
