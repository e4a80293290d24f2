"""Taxes, discounts, commitments, one-off charges, credits, balances, totals: what is right, what is wrong, and why."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
import yaml
from billing_samples import CENTS, END, POLICY, SINCE, START, Call, day, evening, tariff_document, usage_table
from billing_samples import Account as Usage
from hypothesis import given, settings
from hypothesis import strategies as st

from billing_accuracy.domain.bills import Bill, BillLine, BillTax, BillTotals, LineType
from billing_accuracy.domain.checking import Checked, check
from billing_accuracy.domain.correcting import corrected_bill
from billing_accuracy.domain.entries import AccountEntry, EntryKind
from billing_accuracy.domain.findings import Verdict
from billing_accuracy.domain.rerate import Rerating
from billing_accuracy.domain.usage import AccountFacts, Balance, BillCase
from rating import Tariff, load_tariff


def tariff(name: str = "family", **rules: object) -> Tariff:
    document = yaml.safe_load(tariff_document(name, monthly="20.00", rounding={"line": CENTS, "bill": dict(CENTS)}))
    document["versions"][0] |= rules
    return load_tariff(yaml.safe_dump(document, sort_keys=False))


VAT = [{"id": "vat", "name": "VAT", "percent": "19"}]
LOYAL = [{"id": "loyalty", "name": "Loyalty", "percent": "10", "lines": ["voice.day"]}]
ACTIVATION = [{"id": "activation", "line": "setup", "name": "Activation", "amount": "29.99"}]
TARIFFS = {
    "plans/family": tariff(taxes=VAT, discounts=LOYAL, one_offs=ACTIVATION),
    "plans/gross": tariff("gross", taxes=[{**VAT[0], "included": True}]),
    "plans/committed": tariff(
        "committed",
        commitment={"name": "Least amount", "line": "least", "amount": "100.00"},
        discounts=[{"id": "ten-off", "name": "Ten off", "amount": "10.00"}],
        taxes=VAT,
    ),
}


def entry(kind: EntryKind, amount: str | None, code: str = "", **more: object) -> AccountEntry:
    fields: dict[str, object] = {"time": START + timedelta(days=3), "currency": "USD" if amount else ""}
    number = f"{kind}-{code}-{amount}".lower()
    value = Fraction(amount) if amount else None
    return AccountEntry("crm", number, "subscriptions/s-1", kind, charge_code=code, amount=value, **fields | more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Account:
    """A subscription under plans with rules; 600 seconds by day are 1.70, under all of them."""

    calls: tuple[Call, ...] = (day(6000), evening(6000))
    plans: tuple[tuple[str, datetime], ...] = (("plans/family", SINCE),)
    entries: tuple[AccountEntry, ...] = ()
    balance: Balance | None = None
    usage: Usage = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "usage", Usage(self.calls, self.plans, tariffs=TARIFFS))

    def case(self, bill: Bill) -> BillCase:
        return replace(self.usage.case(bill), account=AccountFacts(self.entries, self.balance))

    def check(self, bill: Bill) -> Checked:
        return check([self.case(bill)], usage_table([self.usage]), TARIFFS, POLICY)[0]

    def found(self, bill: Bill) -> list[tuple[str, str, str]]:
        findings = self.check(bill).findings
        return [(str(one.finding_class), one.charge_code, f"{float(one.difference):+.2f}") for one in findings]

    def right_bill(self) -> Bill:
        """As the check expects it, with every total stated."""
        empty = Bill("b-1", "subscriptions/s-1", START, END, "USD", (), Fraction(), b"")
        expected = Rerating([self.case(empty)], usage_table([self.usage]), TARIFFS).expected(0)
        lines = [
            BillLine(f"line-{code}", one.line_type, code, None, None, one.amount)
            for code, one in expected.charges.items()
            if one.amount
        ]
        taxes = []
        for code, one in expected.followers.items():
            if one.line_type is LineType.TAX:
                taxes.append(BillTax(code.removeprefix("tax:"), one.percents[-1], one.base, one.amount))
            else:
                lines.append(BillLine(f"line-{code}", one.line_type, code, None, None, one.amount))
        bill = replace(empty, lines=tuple(lines), taxes=tuple(taxes), total=expected.total)
        return replace(bill, totals=self.totals(bill))

    def totals(self, bill: Bill) -> BillTotals:
        """Added up here by hand, not by the code that is tested."""
        kinds = {LineType.DISCOUNT, LineType.SURCHARGE}
        net = sum((line.amount for line in bill.lines if line.line_type not in kinds), Fraction())
        discounts = -sum((line.amount for line in bill.lines if line.line_type is LineType.DISCOUNT), Fraction())
        surcharges = sum((line.amount for line in bill.lines if line.line_type is LineType.SURCHARGE), Fraction())
        tax = sum((one.amount for one in bill.taxes), Fraction())
        before, paid = (self.balance.before, self.balance.paid) if self.balance else (Fraction(), Fraction())
        return BillTotals(
            lines_net=net,
            allowances=discounts,
            charges=surcharges,
            tax_exclusive=bill.total - tax,
            tax=tax,
            tax_inclusive=bill.total,
            balance_brought_forward=before,
            paid=paid,
            rounding=Fraction(),
            amount_due=bill.total + before - paid,
        )


FAMILY = Account()
"""17.00 by day and 8.50 in the evening; 20.00 monthly; 1.70 less; 19 % of 43.80 are 8.322."""
RICH = Account(
    entries=(
        entry(EntryKind.ONE_OFF, None, "activation"),
        entry(EntryKind.SURCHARGE, "5.00", "late-payment", tax_exempt=True),
        entry(EntryKind.CREDIT, "10.00", "goodwill"),
    ),
    balance=Balance(Fraction("12.34"), Fraction("12.34"), "bills/b-0 and payments"),
)
COMMITTED = Account(plans=(("plans/committed", SINCE),))
GROSS = Account(plans=(("plans/gross", SINCE),))
CHANGED = Account(
    calls=(day(6000), day(6000, 20), evening(600, 21)),
    plans=(("plans/family", SINCE), ("plans/committed", START + timedelta(days=14))),
)
ALL = {"family": FAMILY, "rich": RICH, "committed": COMMITTED, "gross": GROSS, "changed": CHANGED}


def with_line(bill: Bill, code: str, amount: str) -> Bill:
    """Another amount of one charge; nothing else follows."""
    lines = tuple(replace(one, amount=Fraction(amount)) if one.charge_code == code else one for one in bill.lines)
    return replace(bill, lines=lines)


def settled(account: Account, bill: Bill) -> Bill:
    """The bill with total and totals as its lines and taxes make them."""
    included = {"plans/gross"} & {plan for plan, _ in account.plans}
    taxes = Fraction() if included else sum((one.amount for one in bill.taxes), Fraction())
    bill = replace(bill, total=sum((line.amount for line in bill.lines), Fraction()) + taxes)
    return replace(bill, totals=account.totals(bill))


@pytest.mark.parametrize("account", ALL.values(), ids=ALL)
def test_a_right_bill_passes(account: Account) -> None:
    assert account.found(account.right_bill()) == []
    assert account.check(account.right_bill()).verdict is Verdict.PASS


def test_the_rules_of_the_plan_make_what_a_person_would_compute() -> None:
    bill = FAMILY.right_bill()
    assert {line.charge_code: line.amount for line in bill.lines} == {
        "voice.day": Fraction("17.00"),
        "voice.evening": Fraction("8.50"),
        "monthly": Fraction("20.00"),
        "loyalty": Fraction("-1.70"),
    }
    assert bill.taxes == (BillTax("vat", Fraction(19), Fraction("43.80"), Fraction("8.32")),)
    assert bill.total == Fraction("52.12")


def test_entries_of_the_account_stand_on_the_bill_and_taxes_are_on_those_that_are_not_exempt() -> None:
    bill = RICH.right_bill()
    amounts = {line.charge_code: line.amount for line in bill.lines}
    assert (amounts["setup"], amounts["late-payment"], amounts["goodwill"]) == (Fraction("29.99"), 5, -10)
    # 43.80 + 29.99 - 10.00 = 63.79; 19 % of it are 12.1201
    assert bill.taxes == (BillTax("vat", Fraction(19), Fraction("63.79"), Fraction("12.12")),)
    assert bill.total == Fraction("80.91")


def test_taxes_in_prices_are_stated_and_add_nothing() -> None:
    bill = GROSS.right_bill()
    assert bill.total == Fraction("45.50")
    assert bill.taxes == (BillTax("vat", Fraction(19), Fraction("45.50"), Fraction("7.26")),)


def test_the_commitment_comes_before_discounts_and_taxes() -> None:
    bill = COMMITTED.right_bill()
    assert {line.charge_code: line.amount for line in bill.lines if line.charge_code in {"least", "ten-off"}} == {
        "least": Fraction("54.50"),
        "ten-off": Fraction("-10.00"),
    }
    assert bill.total == Fraction("107.10")


def test_one_tax_of_two_plans_is_rounded_once() -> None:
    bill = CHANGED.right_bill()
    [vat] = bill.taxes
    assert vat.base is not None
    assert vat.amount == Fraction(round(vat.base * 19), 100)


WRONG = {
    "a tax at another rate": (
        FAMILY,
        lambda bill: replace(bill, taxes=(replace(bill.taxes[0], percent=Fraction(7), amount=Fraction("3.07")),)),
        {("TAX", "tax:vat", "-5.25"), ("TAX", "tax:vat", "+0.00")},
    ),
    "no tax": (FAMILY, lambda bill: replace(bill, taxes=()), {("TAX", "tax:vat", "-8.32")}),
    "a tax on what is not discounted": (
        FAMILY,
        lambda bill: replace(bill, taxes=(replace(bill.taxes[0], base=Fraction("45.50"), amount=Fraction("8.65")),)),
        {("TAX", "tax:vat", "+0.33"), ("TAX", "tax:vat", "+1.70")},
    ),
    "an unknown tax": (
        FAMILY,
        lambda bill: replace(bill, taxes=(*bill.taxes, BillTax("city", Fraction(1), None, Fraction("0.44")))),
        {("TAX", "tax:city", "+0.44")},
    ),
    "a discount lost": (
        FAMILY,
        lambda bill: replace(bill, lines=tuple(line for line in bill.lines if line.charge_code != "loyalty")),
        {("DISCOUNT", "loyalty", "+1.70")},
    ),
    "a discount too small": (
        FAMILY,
        lambda bill: with_line(bill, "loyalty", "-0.70"),
        {("DISCOUNT", "loyalty", "+1.00")},
    ),
    "a discount that is not due": (
        GROSS,
        lambda bill: replace(
            bill, lines=(*bill.lines, BillLine("x", LineType.DISCOUNT, "loyalty", None, None, Fraction(-2)))
        ),
        {("DISCOUNT", "loyalty", "-2.00")},
    ),
    "a commitment that forgets usage": (
        COMMITTED,
        lambda bill: with_line(bill, "least", "80.00"),
        {("ONE_OFF", "least", "+25.50")},
    ),
    "a credit forgotten": (
        RICH,
        lambda bill: replace(bill, lines=tuple(line for line in bill.lines if line.charge_code != "goodwill")),
        {("CREDIT", "goodwill", "+11.90")},
    ),
    "a credit too small": (RICH, lambda bill: with_line(bill, "goodwill", "-1.00"), {("CREDIT", "goodwill", "+10.71")}),
    "a credit that nobody granted": (
        FAMILY,
        lambda bill: replace(
            bill, lines=(*bill.lines, BillLine("x", LineType.CREDIT, "goodwill", None, None, Fraction(-2)))
        ),
        {("CREDIT", "goodwill", "-2.38")},
    ),
    "an activation twice": (
        RICH,
        lambda bill: replace(
            bill, lines=(*bill.lines, BillLine("x", LineType.ONE_OFF, "setup", None, None, Fraction("29.99")))
        ),
        {("DUPLICATE_LINE", "setup", "+35.69")},
    ),
    "an activation of another amount": (
        RICH,
        lambda bill: with_line(bill, "setup", "39.99"),
        {("ONE_OFF", "setup", "+11.90")},
    ),
    "an activation that nobody ordered": (
        FAMILY,
        lambda bill: replace(
            bill, lines=(*bill.lines, BillLine("x", LineType.ONE_OFF, "setup", None, None, Fraction("29.99")))
        ),
        {("ONE_OFF", "setup", "+35.69")},
    ),
    "a fee for days on which the plan was not held": (
        CHANGED,
        lambda bill: with_line(bill, "monthly", "40.00"),
        {("OVERCHARGE", "monthly", "+0.00")},  # so much less is missing to the commitment
    ),
}


def following(account: Account, bill: Bill, *, code: str) -> Bill:
    """The bill whose discounts and taxes follow from its wrong charges, where the error isn't one of theirs."""
    if code in {"loyalty", "ten-off", "least"} or code.startswith("tax:"):
        return bill
    case = account.case(bill)
    rules = Rerating([case], usage_table([account.usage]), TARIFFS).due(0).rules
    asked: dict[str, Fraction] = {}
    for line in rules.told_apart(bill.lines)[0]:
        asked[line.charge_code] = asked.get(line.charge_code, Fraction()) + line.amount
    made = rules.followers(asked)
    lines = tuple(
        replace(line, amount=made[line.charge_code].amount) if line.charge_code in made else line for line in bill.lines
    )
    taxes = tuple(
        replace(tax, amount=made[f"tax:{tax.tax_id}"].amount, base=made[f"tax:{tax.tax_id}"].base) for tax in bill.taxes
    )
    return replace(bill, lines=lines, taxes=taxes)


def wrong_bill(name: str) -> tuple[Account, Bill, set[tuple[str, str, str]]]:
    account, change, expected = WRONG[name]
    bill = following(account, change(account.right_bill()), code=next(iter(expected))[1])
    return account, settled(account, bill), expected


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_once_with_what_follows_from_it(name: str) -> None:
    account, bill, expected = wrong_bill(name)
    assert {one for one in account.found(bill) if one[0] != "ARITHMETIC"} == expected
    assert account.check(bill).verdict is Verdict.HOLD


@pytest.mark.parametrize("name", WRONG)
def test_the_differences_in_the_total_add_up(name: str) -> None:
    account, bill, _ = wrong_bill(name)
    checked = account.check(bill)
    assert sum(one.difference for one in checked.findings if one.in_total) == bill.total - checked.expected_total
    assert checked.expected_total == account.right_bill().total


@pytest.mark.parametrize("name", WRONG)
def test_the_correction_makes_the_bill_pass(name: str) -> None:
    account, bill, _ = wrong_bill(name)
    again = corrected(account, bill)
    assert again.total == account.right_bill().total
    assert account.found(again) == []


def corrected(account: Account, bill: Bill) -> Bill:
    rules = Rerating([account.case(bill)], usage_table([account.usage]), TARIFFS).due(0).rules
    return corrected_bill(bill, account.check(bill).correction, rules.followers())


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("lines_net", "ARITHMETIC"),
        ("allowances", "ARITHMETIC"),
        ("charges", "ARITHMETIC"),
        ("tax_exclusive", "ARITHMETIC"),
        ("tax", "ARITHMETIC"),
        ("tax_inclusive", "ARITHMETIC"),
        ("amount_due", "ARITHMETIC"),
        ("balance_brought_forward", "BALANCE"),
        ("paid", "BALANCE"),
    ],
)
def test_a_total_that_does_not_follow_is_found_where_it_is(name: str, finding: str) -> None:
    bill = RICH.right_bill()
    wrong = replace(bill, totals=replace(bill.totals, **{name: getattr(bill.totals, name) + 1}))
    found = RICH.found(wrong)
    assert (finding, f"totals.{name}", "+1.00") in found
    assert RICH.found(corrected(RICH, wrong)) == []


def test_totals_that_are_not_stated_are_not_compared() -> None:
    assert RICH.found(replace(RICH.right_bill(), totals=BillTotals())) == []


def test_an_included_tax_that_is_stated_wrongly_changes_nothing_that_is_asked() -> None:
    bill = GROSS.right_bill()
    wrong = replace(bill, taxes=(replace(bill.taxes[0], amount=Fraction("8.65")),), totals=BillTotals())
    [finding] = GROSS.check(wrong).findings
    assert (finding.finding_class, finding.difference, finding.in_total) == ("TAX", Fraction("1.39"), False)
    assert GROSS.check(wrong).expected_total == wrong.total


def test_a_wrong_line_is_told_with_its_discount_and_tax() -> None:
    bill = following(FAMILY, with_line(FAMILY.right_bill(), "voice.day", "27.00"), code="voice.day")
    [finding] = FAMILY.check(settled(FAMILY, bill)).findings
    # ten more by day: one less by the discount, 19 % of nine more
    assert (finding.billed - finding.expected, finding.follow_on) == (10, Fraction("0.71"))
    assert finding.explanation.endswith("discounts and taxes follow from it")


amounts = st.integers(-5_000, 5_000).filter(bool).map(lambda cents: Fraction(cents, 100))


@settings(deadline=None)
@given(st.sampled_from(sorted(ALL)), st.integers(0, 20), amounts, st.booleans())
def test_whatever_amount_is_wrong_is_found_adds_up_and_is_corrected(
    name: str, place: int, gap: Fraction, follow: bool
) -> None:
    account = ALL[name]
    bill = account.right_bill()
    number = place % (len(bill.lines) + len(bill.taxes))
    if number < len(bill.lines):
        line = bill.lines[number]
        changed = replace(line, amount=line.amount + gap)
        wrong = replace(bill, lines=tuple(changed if one is line else one for one in bill.lines))
        wrong = following(account, wrong, code=line.charge_code) if follow else wrong
    else:
        tax = bill.taxes[number - len(bill.lines)]
        moved = replace(tax, amount=tax.amount + gap)
        wrong = replace(bill, taxes=tuple(moved if one is tax else one for one in bill.taxes))
    wrong = settled(account, wrong)
    checked = account.check(wrong)
    assert checked.verdict is Verdict.HOLD
    assert sum(one.difference for one in checked.findings if one.in_total) == wrong.total - checked.expected_total
    assert account.found(corrected(account, wrong)) == []
