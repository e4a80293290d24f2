"""Is each thing that can be wrong called what it is, with its amount, its lines and its cause in words?"""

from dataclasses import replace
from fractions import Fraction

import pytest
from billing_samples import (
    CALLS,
    SINCE,
    Account,
    booked,
    day,
    evening,
    night,
    replaced,
    usage_line,
    with_amounts,
    with_line,
    with_more,
    without,
)

from billing_accuracy.domain.bills import BillLine, LineType
from billing_accuracy.domain.findings import Verdict

ACCOUNT = Account()
SAVER = Account(plans=(("plans/saver", SINCE),))
RIGHT = ACCOUNT.right_bill()
TIE = Account(calls=(night(900),))
"""15 minutes at 0.045 are 0.675: half-way."""


def again(code: str, amount: str) -> BillLine:
    line = next(line for line in RIGHT.lines if line.charge_code == code)
    return replace(line, line_id="again", amount=Fraction(amount))


def monthly(amount: str, line_type: LineType = LineType.RECURRING, line_id: str = "fee") -> BillLine:
    return BillLine(line_id, line_type, "monthly", None, None, Fraction(amount))


def test_a_right_bill_has_no_findings() -> None:
    checked = ACCOUNT.check(RIGHT)
    assert (checked.verdict, checked.findings, checked.correction) == (Verdict.PASS, (), ())
    assert checked.expected_total == RIGHT.total == Fraction("66.06")
    assert checked.record_count == len(CALLS)


FOUND = {
    "evening at the day rate": (with_amounts(RIGHT, evening="33.56"), [("WRONG_BAND", "voice.evening", "+16.78")]),
    "night as abroad": (with_amounts(RIGHT, night="4.08"), [("WRONG_ZONE", "voice.night", "+3.40")]),
    "one line as under the saver": (with_amounts(RIGHT, night="0.30"), [("WRONG_PLAN", "voice.night", "-0.38")]),
    "two lines as under the saver": (with_amounts(RIGHT, day="27.00", night="0.30"), [("WRONG_PLAN", "", "-19.28")]),
    "the saver's whole bill": (
        with_more(with_amounts(RIGHT, day="27.00", night="0.30"), monthly("9.99")),
        [("WRONG_PLAN", "", "-9.29")],
    ),
    "too much": (with_amounts(RIGHT, day="48.40"), [("OVERCHARGE", "voice.day", "+2.50")]),
    "too little": (with_amounts(RIGHT, day="45.88"), [("UNDERCHARGE", "voice.day", "-0.02")]),
    "too many minutes": (
        with_line(RIGHT, "voice.day", quantity=16800, amount=Fraction("47.60")),
        [("QUANTITY", "voice.day", "+1.70")],
    ),
    "a wrong count": (with_line(RIGHT, "voice.day", record_count=4), [("QUANTITY", "voice.day", "+0.00")]),
    "a wrong quantity alone": (with_line(RIGHT, "voice.day", quantity=1), [("QUANTITY", "voice.day", "+0.00")]),
    "a line twice": (with_more(RIGHT, again("voice.day", "45.90")), [("DUPLICATE_LINE", "voice.day", "+45.90")]),
    "a line three times": (
        with_more(RIGHT, again("voice.day", "45.90"), replace(again("voice.day", "45.90"), line_id="and-again")),
        [("DUPLICATE_LINE", "voice.day", "+91.80")],
    ),
    "an unfounded credit": (
        with_more(RIGHT, usage_line("voice.day", "-5.00")),
        [("UNDERCHARGE", "voice.day", "-5.00")],
    ),
    "a line lost": (without(RIGHT, "voice.night"), [("MISSING_USAGE", "voice.night", "-0.68")]),
    "a code that the plan lacks": (
        with_more(RIGHT, usage_line("ringtone", "2.99")),
        [("UNKNOWN_CHARGE", "ringtone", "+2.99")],
    ),
    "a fee that the plan lacks": (with_more(RIGHT, monthly("9.99")), [("UNKNOWN_CHARGE", "monthly", "+9.99")]),
    "usage as a recurring charge": (
        with_line(RIGHT, "voice.day", line_type=LineType.RECURRING),
        [("UNKNOWN_CHARGE", "voice.day", "+0.00")],
    ),
    "a line under an unknown code": (
        with_line(RIGHT, "voice.day", charge_code="talk"),
        [("UNKNOWN_CHARGE", "talk", "+0.00")],
    ),
    "a line under another code": (
        with_line(RIGHT, "voice.day", charge_code="voice.night"),
        [("WRONG_BAND", "voice.night", "+0.00")],
    ),
    "a wrong total": (replace(RIGHT, total=RIGHT.total + 1), [("ARITHMETIC", "total", "+1.00")]),
    "a wrong line and a total without it": (
        replace(with_amounts(RIGHT, day="48.40"), total=RIGHT.total),
        [("OVERCHARGE", "voice.day", "+2.50"), ("ARITHMETIC", "total", "-2.50")],
    ),
    "two independent errors": (
        with_amounts(RIGHT, day="48.40", evening="33.56"),
        [("WRONG_BAND", "voice.evening", "+16.78"), ("OVERCHARGE", "voice.day", "+2.50")],
    ),
}


@pytest.mark.parametrize(("bill", "expected"), FOUND.values(), ids=FOUND)
def test_one_cause_is_one_finding(bill, expected) -> None:
    assert sorted(ACCOUNT.found(bill)) == sorted(expected)
    assert ACCOUNT.check(bill).verdict is Verdict.HOLD


@pytest.mark.parametrize(("bill", "expected"), FOUND.values(), ids=FOUND)
@pytest.mark.parametrize("apply", [replaced, booked])
def test_the_proposed_correction_makes_the_bill_pass(apply, bill, expected) -> None:
    corrected = apply(bill, ACCOUNT.check(bill).correction)
    assert corrected.total == RIGHT.total
    checked = ACCOUNT.check(corrected)
    assert (checked.verdict, checked.findings) == (Verdict.PASS, ())


def test_usage_that_was_not_made_is_billed() -> None:
    account = Account(calls=(day(60), day(120)))
    bill = with_more(account.right_bill(), usage_line("voice.evening", "1.70", 4, 1200))
    assert account.found(bill) == [("BILLED_NOT_USED", "voice.evening", "+1.70")]
    assert "no such usage is stored" in account.check(bill).findings[0].explanation


@pytest.mark.parametrize("amount", ["0.67", "0.68"])
def test_a_tie_may_be_rounded_either_way(amount: str) -> None:
    bill = with_amounts(TIE.right_bill(), night=amount)
    found = [] if amount == "0.68" else [("ROUNDING", "voice.night", "-0.01")]
    assert TIE.found(bill) == found
    assert TIE.check(bill).verdict is (Verdict.PASS_WITH_NOTE if found else Verdict.PASS)


def test_an_amount_beside_a_tie_is_no_rounding() -> None:
    assert TIE.found(with_amounts(TIE.right_bill(), night="0.69")) == [("OVERCHARGE", "voice.night", "+0.01")]
    almost = Account(calls=(night(906),))  # 0.6795: not half-way
    assert almost.found(with_amounts(almost.right_bill(), night="0.67")) == [
        ("ROUNDING_METHOD", "voice.night", "-0.01")
    ]


def test_a_wrong_count_is_found_beside_a_tie() -> None:
    bill = with_line(with_amounts(TIE.right_bill(), night="0.67"), "voice.night", record_count=2)
    assert TIE.found(bill) == [("QUANTITY", "voice.night", "-0.01")]


def test_a_recurring_charge_may_be_lost_twice_there_or_of_a_wrong_amount() -> None:
    right = SAVER.right_bill()
    assert SAVER.found(without(right, "monthly")) == [("UNDERCHARGE", "monthly", "-9.99")]
    assert SAVER.found(with_more(right, monthly("9.99"))) == [("DUPLICATE_LINE", "monthly", "+9.99")]
    assert SAVER.found(with_line(right, "monthly", amount=Fraction(12))) == [("OVERCHARGE", "monthly", "+2.01")]
    assert SAVER.found(with_line(right, "monthly", record_count=1)) == [("QUANTITY", "monthly", "+0.00")]
    as_usage = with_line(right, "monthly", line_type=LineType.USAGE)
    assert SAVER.found(as_usage) == [("UNKNOWN_CHARGE", "monthly", "+0.00")]


def test_what_a_line_does_not_say_is_not_compared() -> None:
    silent = replace(RIGHT, lines=tuple(replace(line, record_count=None, quantity=None) for line in RIGHT.lines))
    assert ACCOUNT.found(silent) == []


def test_a_charge_of_nothing_needs_no_line_and_may_have_one() -> None:
    account = Account(calls=(day(0), evening(60)))
    right = account.right_bill()
    assert next((line.charge_code, line.amount) for line in right.lines) == ("voice.day", 0)
    assert account.found(right) == account.found(without(right, "voice.day")) == []
    assert account.found(with_more(right, usage_line("voice.night", "0.00", 0, 0))) == []
    assert account.found(with_line(right, "voice.day", record_count=7)) == [("QUANTITY", "voice.day", "+0.00")]


def test_a_charge_may_be_split_over_lines() -> None:
    rest = without(RIGHT, "voice.day")
    first = BillLine("part-1", LineType.USAGE, "voice.day", 2, 12600, Fraction("35.70"))
    second = BillLine("part-2", LineType.USAGE, "voice.day", 1, 3600, Fraction("10.20"))
    assert ACCOUNT.found(with_more(rest, first, second)) == []
    assert ACCOUNT.found(with_more(rest, first, replace(second, amount=Fraction("10.21")))) == [
        ("OVERCHARGE", "voice.day", "+0.01")
    ]
    for field, value in (("record_count", 2), ("quantity", 3601)):
        wrong = with_more(rest, first, replace(second, **{field: value}))
        assert ACCOUNT.found(wrong) == [("QUANTITY", "voice.day", "+0.00")]


def test_a_line_that_is_taken_back_does_not_stand_on_the_bill() -> None:
    wrong = replace(again("voice.day", "50.00"), quantity=1)
    taken_back = usage_line("voice.day", "-50.00")
    assert ACCOUNT.found(with_more(RIGHT, wrong, taken_back)) == []
    unknown = usage_line("ringtone", "2.99"), replace(usage_line("ringtone", "-2.99"), line_id="back")
    assert ACCOUNT.found(with_more(RIGHT, *unknown)) == []
    all_back = with_more(RIGHT, usage_line("voice.day", "-45.90"))
    assert ACCOUNT.found(all_back) == [("MISSING_USAGE", "voice.day", "-45.90")]


EXPLAINED = {
    "evening at the day rate": (
        "voice.evening: 197.4 minutes in 2 records were billed at 0.17 USD a minute, the rate of voice.day; "
        "plans/standard charges 0.085 USD a minute: billed 33.56 USD, right is 16.78 USD"
    ),
    "two lines as under the saver": (
        "voice.day and voice.night: billed as under plans/saver, while plans/standard was in force: "
        "billed 27.30 USD, right is 46.58 USD"
    ),
    "too much": ("voice.day: 270.0 minutes in 3 records come to 45.90 USD, billed were 48.40 USD: 2.50 USD too much"),
    "too many minutes": (
        "voice.day: 270.0 minutes in 3 records are stored, the bill says 280.0 minutes: "
        "billed 47.60 USD, right is 45.90 USD"
    ),
    "a line twice": (
        "voice.day stands on the bill more than once: line again asks for 45.90 USD again; 45.90 USD once is right"
    ),
    "an unfounded credit": "line voice.day takes 5.00 USD off voice.day, and nothing calls for it",
    "a line lost": "voice.night: 15.1 minutes in 1 record come to 0.68 USD, and the bill doesn't ask for it",
    "a code that the plan lacks": "line ringtone asks for 2.99 USD of ringtone, which plans/standard doesn't have",
    "usage as a recurring charge": (
        "line 0-voice.day has voice.day as a recurring charge, while under plans/standard it is usage: "
        "billed 45.90 USD, right is 45.90 USD"
    ),
    "a line under an unknown code": (
        "line 0-voice.day has under talk, which plans/standard doesn't have, what is voice.day: 270.0 minutes "
        "in 3 records"
    ),
    "a wrong total": "the lines add up to 66.06 USD, the bill asks for 67.06 USD",
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_a_care_agent_can_read_the_cause(name: str) -> None:
    bill, _ = FOUND[name]
    assert [one.explanation for one in ACCOUNT.check(bill).findings] == [EXPLAINED[name]]


def test_the_expected_amount_can_be_computed_again_from_its_derivation() -> None:
    bill, _ = FOUND["evening at the day rate"]
    assert ACCOUNT.check(bill).findings[0].derivation == (
        "11844 seconds used, 11844 charged at 17/12000 = 16.779",
        "16.779 rounded half_up to 2 decimals = 16.78",
    )
    fee = SAVER.check(without(SAVER.right_bill(), "monthly")).findings[0]
    assert fee.derivation == ("Monthly: 28 of 28 days of 9.99 = 9.99",)
