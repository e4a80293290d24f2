"""What holds for any bill: a right one passes, an error in any field is found, and a correction settles it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

from billing_samples import END, SINCE, START, TARIFFS, Account, Call, booked, replaced
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from billing_accuracy.domain.bills import Bill, BillLine, LineType
from billing_accuracy.domain.findings import FindingClass, Verdict

CODES = ("voice.day", "voice.evening", "voice.night", "voice.international", "monthly", "ringtone")
DAYS = (END - START).days
Change = Callable[[Bill], Bill]
UNHURRIED = settings(deadline=None)
"""A busy machine is no failure."""

calls = st.builds(
    Call,
    st.builds(timedelta, minutes=st.integers(0, DAYS * 24 * 60 - 1)),
    st.one_of(st.integers(0, 7200), st.sampled_from([60, 300, 900])),
    st.sampled_from(["12125550100", "442071838750"]),
)
plans = st.sampled_from(sorted(TARIFFS))


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    """One plan, or a change (and perhaps back) in the middle of the period."""
    periods = [(draw(plans), SINCE)]
    moments = sorted(draw(st.sets(st.integers(1, DAYS * 24 - 1), max_size=2)))
    periods += [(draw(plans), START + timedelta(hours=moment)) for moment in moments]
    return Account(draw(st.lists(calls, min_size=1, max_size=12)), tuple(periods))


amounts = st.integers(-99_999, 99_999).map(lambda cents: Fraction(cents, 100))
gaps = amounts.filter(bool)


@st.composite
def changes(draw: st.DrawFn, *, follows: bool) -> Change:
    """One field of one line, one line more or less; with or without the total, unless it is the total itself."""
    place, kind = draw(st.integers(0, 99)), draw(st.sampled_from(["line", "field", "again", "gone", "total", "new"]))
    if kind == "total":
        gap = draw(gaps)
        return lambda bill: replace(bill, total=bill.total + gap)
    if kind == "new":
        line = BillLine("new", draw(st.sampled_from(LineType)), draw(st.sampled_from(CODES)), None, None, draw(gaps))
        return lambda bill: _moved(bill, [*bill.lines, line], follows=follows)
    field = draw(st.sampled_from(["amount", "quantity", "record_count", "charge_code", "line_type"]))
    code, gap, more = draw(st.sampled_from(CODES)), draw(gaps), draw(st.integers(1, 99))

    def change(bill: Bill) -> Bill:
        if not bill.lines:
            return bill
        lines = list(bill.lines)
        line = lines[place % len(lines)]
        if kind == "again":
            lines.append(replace(line, line_id="again"))
        elif kind == "gone":
            lines.remove(line)
        else:
            lines[place % len(lines)] = replace(line, **_other(line, field, code, gap, more))
        return _moved(bill, lines, follows=follows)

    return change


def _other(line: BillLine, field: str, code: str, gap: Fraction, more: int) -> dict[str, Any]:
    other = LineType.RECURRING if line.line_type is LineType.USAGE else LineType.USAGE
    return {
        "amount": {"amount": line.amount + gap},
        "quantity": {"quantity": (line.quantity or 0) + more},
        "record_count": {"record_count": (line.record_count or 0) + more},
        "charge_code": {"charge_code": code},
        "line_type": {"line_type": other},
    }[field]


def _moved(bill: Bill, lines: Sequence[BillLine], *, follows: bool) -> Bill:
    gap = sum((line.amount for line in lines), Fraction()) - sum((line.amount for line in bill.lines), Fraction())
    return replace(bill, lines=tuple(lines), total=bill.total + gap if follows else bill.total)


@UNHURRIED
@given(accounts())
def test_a_right_bill_never_has_a_finding(account: Account) -> None:
    checked = account.check(account.right_bill())
    assert (checked.verdict, checked.findings, checked.correction) == (Verdict.PASS, (), ())


@UNHURRIED
@given(accounts())
def test_lines_of_nothing_may_be_left_out(account: Account) -> None:
    bill = account.right_bill()
    assert account.check(replace(bill, lines=tuple(line for line in bill.lines if line.amount))).findings == ()


@UNHURRIED
@given(accounts(), changes(follows=True))
def test_an_error_in_any_single_field_is_found(account: Account, change: Change) -> None:
    right = account.right_bill()
    wrong = change(right)
    gone = {line.line_id for line in right.lines} - {line.line_id for line in wrong.lines}
    assume(wrong != right)
    # A line that asks for nothing may be left out.
    assume(all(line.amount for line in right.lines if line.line_id in gone))
    # A line that asks for nothing and says that nothing was used is the same under every code that is known.
    assume(
        any(line.amount or line.record_count or line.quantity for line in set(wrong.lines) - set(right.lines)) or gone
    )
    checked = account.check(wrong)
    assert checked.findings
    assert checked.verdict is Verdict.HOLD or {one.finding_class for one in checked.findings} == {FindingClass.ROUNDING}


corrupted = st.lists(st.one_of(changes(follows=True), changes(follows=False)), max_size=4)


def corrupt(bill: Bill, found: Sequence[Change]) -> Bill:
    for change in found:
        bill = change(bill)
    # Ids stay different, as every bill that is read from the wire has them.
    lines = tuple(replace(line, line_id=f"{number}") for number, line in enumerate(bill.lines))
    return replace(bill, lines=lines)


@UNHURRIED
@given(accounts(), corrupted)
def test_the_differences_sum_to_billed_less_expected_total(account: Account, found: Sequence[Change]) -> None:
    bill = corrupt(account.right_bill(), found)
    checked = account.check(bill)
    assert sum(one.difference for one in checked.findings) == bill.total - checked.expected_total
    assert checked.expected_total == account.right_bill().total


@UNHURRIED
@given(accounts(), corrupted, st.sampled_from([replaced, booked]))
def test_the_corrected_bill_passes(account: Account, found: Sequence[Change], apply: Any) -> None:
    bill = corrupt(account.right_bill(), found)
    correction = account.check(bill).correction
    # A credit of nothing takes nothing back: a line of nothing that says something wrong has to go.
    assume(apply is replaced or all(one.amount for one in correction))
    corrected = apply(bill, correction)
    again = account.check(corrected)
    assert (again.verdict, again.findings) == (Verdict.PASS, ())
    assert corrected.total == account.right_bill().total


@UNHURRIED
@given(accounts(), corrupted)
def test_checked_twice_it_has_the_same_findings_under_the_same_ids(account: Account, found: Sequence[Change]) -> None:
    bill = corrupt(account.right_bill(), found)
    first, second = account.check(bill), account.check(bill)
    assert first == second
    keys = [one.key(bill.bill_id) for one in first.findings]
    assert len(set(keys)) == len(keys)
    assert keys == [one.key(bill.bill_id) for one in second.findings]


@UNHURRIED
@given(accounts(), corrupted)
def test_the_largest_difference_comes_first(account: Account, found: Sequence[Change]) -> None:
    sizes = [abs(one.difference) for one in account.check(corrupt(account.right_bill(), found)).findings]
    assert sizes == sorted(sizes, reverse=True)
