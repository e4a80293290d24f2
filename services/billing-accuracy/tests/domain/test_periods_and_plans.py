"""Which usage and which prices is a bill checked against: when plans change, begin, end, and when periods overlap?"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from billing_samples import (
    CALLS,
    END,
    POLICY,
    SINCE,
    START,
    TARIFFS,
    Account,
    Call,
    abroad,
    day,
    evening,
    night,
    replaced,
    tariff_document,
    usage_line,
    usage_table,
    with_amounts,
    with_line,
    with_more,
    without,
)

from billing_accuracy.domain.bills import BillLine, LineType
from billing_accuracy.domain.checking import check
from billing_accuracy.domain.findings import Verdict
from rating import load_tariff

MIDDLE = START + timedelta(days=14)
CHANGED = Account((day(6000), day(6000, 20), night(900)), (("plans/standard", SINCE), ("plans/saver", MIDDLE)))


def test_each_part_of_the_period_is_rated_under_its_own_plan() -> None:
    right = CHANGED.right_bill()
    amounts = [(line.charge_code, line.amount) for line in right.lines]
    assert amounts == [("voice.day", 17), ("voice.night", Fraction("0.68")), ("voice.day", 10), ("monthly", 5)]
    checked = CHANGED.check(right)
    assert (checked.verdict, checked.record_count) == (Verdict.PASS, 3)


def test_a_recurring_charge_falls_due_for_the_days_that_the_plan_was_held() -> None:
    fee = next(line for line in CHANGED.right_bill().lines if line.charge_code == "monthly")
    assert fee.amount == Fraction("5.00")  # 14 of 28 days of 9.99 are 4.995, half-way
    [found] = CHANGED.check(with_line(CHANGED.right_bill(), "monthly", amount=Fraction("9.99"))).findings
    assert found.explanation == (
        "monthly was billed for 28 days, and its plan was held on 14 of 28 days: billed 9.99 USD, right is 5.00 USD"
    )
    assert found.derivation == ("Monthly: 14 of 28 days of 9.99 = 5.00",)
    assert CHANGED.found(with_line(CHANGED.right_bill(), "monthly", amount=Fraction("4.99"))) == [
        ("ROUNDING", "monthly", "-0.01")
    ]


def test_the_parts_of_a_changed_plan_may_stand_on_one_line() -> None:
    right = CHANGED.right_bill()
    joined = with_more(without(right, "voice.day"), BillLine("d", LineType.USAGE, "voice.day", 2, 12000, Fraction(27)))
    assert CHANGED.found(joined) == []
    assert CHANGED.found(with_line(joined, "voice.day", quantity=11999)) == [("QUANTITY", "voice.day", "+0.00")]


def test_ties_are_seen_in_each_part() -> None:
    account = Account((night(900), night(900, 20)), (("plans/standard", SINCE), ("plans/even", MIDDLE)))
    joined = account.bill(usage_line("voice.night", "1.36"))  # 0.675 twice: up to 0.68, and to even, 0.68
    assert account.found(joined) == []
    for amount, found in (("1.35", "ROUNDING"), ("1.34", "ROUNDING"), ("1.33", "UNDERCHARGE"), ("1.37", "OVERCHARGE")):
        assert [kind for kind, *_ in account.found(with_amounts(joined, night=amount))] == [found]


def test_a_change_that_billing_missed_is_the_wrong_plan() -> None:
    as_before = Account(CHANGED.calls).right_bill()  # all under the standard plan, no monthly charge
    [found] = CHANGED.check(as_before).findings
    assert (found.finding_class, found.charge_code) == ("WRONG_PLAN", "")
    assert found.explanation.startswith("voice.day and monthly: billed as under plans/standard all the time, while")
    assert found.difference == as_before.total - CHANGED.right_bill().total


def test_a_plan_that_came_back_is_rated_in_two_stretches() -> None:
    back = (("plans/saver", SINCE), ("plans/standard", MIDDLE), ("plans/saver", MIDDLE + timedelta(days=7)))
    account = Account((day(60), day(60, 15), day(60, 25)), back)
    right = account.right_bill()
    assert [line.charge_code for line in right.lines].count("monthly") == 2
    assert account.found(right) == []
    twice = [line for line in right.lines if line.charge_code == "monthly"]
    assert account.found(without(right, "monthly")) == [
        ("UNDERCHARGE", "monthly", f"{-float(sum(line.amount for line in twice)):+.2f}")
    ]


def test_usage_belongs_to_the_period_in_which_it_began() -> None:
    micro = timedelta(microseconds=1)
    edges = (Call(-micro, 60), Call(timedelta(0), 60), Call(END - START - micro, 60), Call(END - START, 60))
    account = Account(edges)
    bill = account.bill(usage_line("voice.night", "0.09", 2, 120))
    checked = account.check(bill)
    assert (checked.verdict, checked.record_count) == (Verdict.PASS, 2)


def test_a_record_that_spans_two_bands_is_counted_once() -> None:
    account = Account((Call(timedelta(hours=16, minutes=59), 120),))
    right = account.right_bill()
    assert [(line.charge_code, line.record_count) for line in right.lines] == [("voice.day", 1), ("voice.evening", 1)]
    assert account.check(right).record_count == 1


def test_overlapping_periods_of_one_subscription_are_each_checked_against_their_own_usage() -> None:
    whole = Account()
    later = replace(whole, start=MIDDLE, end=END, calls=())
    usage = usage_table([whole])
    late = [call for call in CALLS if START + call.at >= MIDDLE]
    right = [whole.right_bill(), Account([replace(late[0])]).right_bill()]
    second = replace(right[1], bill_id="b-2", start=MIDDLE)
    cases = [whole.case(right[0]), later.case(second)]
    first, other = check(cases, usage, TARIFFS, POLICY)
    assert (first.verdict, first.record_count) == (Verdict.PASS, 7)
    assert (other.verdict, other.record_count) == (Verdict.PASS, 1)


def test_many_subscriptions_in_one_call_do_not_see_each_others_usage() -> None:
    accounts = [
        Account(
            (day(60 * n), evening(90 * n)),
            (((("plans/standard", "plans/saver")[n % 2]), SINCE),),
            f"subscriptions/s-{n}",
        )
        for n in range(1, 40)
    ]
    cases = [one.case(one.right_bill()) for one in accounts]
    results = check(cases, usage_table(accounts), TARIFFS, POLICY)
    assert {one.verdict for one in results} == {Verdict.PASS}
    assert [one.case for one in results] == cases


def test_nothing_was_used() -> None:
    account = Account(())
    assert account.found(account.bill(usage_line("voice.day", "0.00", 0, 0))) == []
    assert account.found(account.bill(usage_line("voice.day", "1.70", 1, 600))) == [
        ("BILLED_NOT_USED", "voice.day", "+1.70")
    ]
    with_fee = Account((), (("plans/saver", SINCE),))
    assert with_fee.found(with_fee.right_bill()) == []


def test_usage_that_the_plan_has_no_price_for_holds_the_bill() -> None:
    unpriced = (*CALLS, Call(timedelta(days=2), 60, "390612345"), Call(timedelta(days=3), 60, "390612345"))
    account = Account(unpriced)
    checked = account.check(Account().right_bill())
    [found] = checked.findings
    assert (checked.verdict, checked.record_count) == (Verdict.HOLD, 7)
    assert (found.finding_class, found.difference, checked.correction) == ("MISSING_USAGE", 0, ())
    assert found.explanation == (
        "2 records in the period can't be rated under plans/standard: no bill asks for what was used"
    )
    assert "39061" not in found.explanation


def test_usage_outside_all_plans_is_not_passed_over() -> None:
    account = Account((day(60, 2), day(60, 20)), (("plans/standard", MIDDLE),))
    right = account.bill(usage_line("voice.day", "0.17", 1, 60))
    assert account.found(right) == [("MISSING_USAGE", "", "+0.00")]


def test_a_new_version_of_the_tariff_holds_from_its_day_on() -> None:
    document = tariff_document()
    later = document.replace("2020-01-01", "2026-02-15").replace("'0.17'", "'0.20'")
    versions = later[later.index("versions:\n") + len("versions:\n") :]
    account = Account((day(600), day(600, 20)), tariffs={"plans/standard": load_tariff(document + versions)})
    bill = account.bill(usage_line("voice.day", "3.70", 2, 1200))
    assert account.found(bill) == []
    assert account.found(with_amounts(bill, day="3.40")) == [("STALE_TARIFF", "voice.day", "-0.30")]


def test_allowances_are_part_of_what_is_right() -> None:
    covers = ", ".join(f"{{line: voice.{band}}}" for band in ("day", "evening", "night"))
    allowance = f'  allowances: [{{id: a, name: Minutes, amount: "100", unit: minute, covers: [{covers}]}}]\n'
    tariff = load_tariff(tariff_document("bundle", monthly="20.00") + allowance)
    account = Account(plans=(("plans/bundle", SINCE),), tariffs={"plans/bundle": tariff})
    bill = account.bill(
        usage_line("voice.day", "28.90", 3, 16200),  # 270 minutes, 100 of them covered
        usage_line("voice.evening", "16.78", 2, 11844),
        usage_line("voice.night", "0.68", 1, 906),
        usage_line("voice.international", "2.70", 1, 600),
        BillLine("fee", LineType.RECURRING, "monthly", None, None, Fraction(20)),
    )
    assert account.found(bill) == []
    assert account.found(with_amounts(bill, day="45.90")) == [("ALLOWANCE", "voice.day", "+17.00")]


ROUNDED = Account((evening(61), night(61), abroad(61)), (("plans/exact", SINCE),))


def test_where_only_the_total_is_rounded_lines_are_compared_to_the_micro_unit() -> None:
    right = ROUNDED.right_bill()
    assert right.lines[0].amount == Fraction("0.086417")  # 61 seconds at 0.085 a minute
    assert right.total == Fraction("8.18") != sum(line.amount for line in right.lines)
    assert ROUNDED.check(right).findings == ()
    micro_more = with_line(right, "voice.night", amount=right.lines[1].amount + Fraction(1, 10**6))
    findings = ROUNDED.check(replace(micro_more, total=right.total)).findings
    assert ("OVERCHARGE", Fraction(1, 10**6)) in [(one.finding_class, one.difference) for one in findings]


def test_a_total_that_is_not_rounded_as_declared_is_wrong() -> None:
    right = ROUNDED.right_bill()
    assert ROUNDED.found(replace(right, total=right.total + Fraction("0.01"))) == [("ARITHMETIC", "total", "+0.01")]


def test_what_rounding_hides_of_a_wrong_line_is_said_so_that_the_differences_add_up() -> None:
    right = ROUNDED.right_bill()
    wrong = with_line(right, "voice.night", amount=right.lines[1].amount + Fraction("0.001"))
    wrong = replace(wrong, total=right.total)
    checked = ROUNDED.check(wrong)
    assert sum(one.difference for one in checked.findings) == 0
    assert {one.finding_class.value for one in checked.findings} == {"OVERCHARGE", "ROUNDING"}
    assert ROUNDED.check(replaced(wrong, checked.correction)).findings == ()


@pytest.mark.parametrize("zone_hours", [0, 5, 10])
def test_the_clock_change_does_not_move_the_edges(zone_hours: int) -> None:
    start = datetime(2026, 3, 1, zone_hours, tzinfo=UTC)
    account = Account((day(60), day(60, 27)), start=start, end=datetime(2026, 4, 1, zone_hours, tzinfo=UTC))
    assert account.check(account.right_bill()).findings == ()
