"""Is a bill checked under a tariff that charges a percentage of records' own prices?"""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np
from billing_samples import POLICY, SINCE, TARIFFS, Account, day, evening, tariff_document, usage_line, usage_table

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.checking import Checked, check
from billing_accuracy.domain.findings import Verdict
from billing_accuracy.domain.prices import beyond_check, charges_values
from billing_accuracy.domain.usage_table import UsageTable
from rating import Cycle, load_tariff

SHARE = tariff_document("share", percentage="25")
ACCOUNT = Account(
    calls=(day(600), day(60, 1), evening(120, 2)),
    plans=(("plans/share", SINCE),),
    tariffs={**TARIFFS, "plans/share": load_tariff(SHARE)},
)
VALUES = {0: (4_990_000, "USD"), 2: (10_000_000, "USD")}
RIGHT = ACCOUNT.bill(usage_line("voice.day", "3.12", 2, 660), usage_line("voice.evening", "2.67", 1, 120))
"""By day eleven minutes at 0.17 and a quarter of 4.99; in the evening two at 0.085 and a quarter of 10."""


def table(values: Mapping[int, tuple[int, str]]) -> UsageTable:
    stored = usage_table([ACCOUNT])
    rows = [values.get(row, (0, "")) for row in range(len(stored.columns))]
    columns = replace(stored.columns, value_micros=np.array([micros for micros, _ in rows], np.int64))
    return replace(stored, columns=columns, value_currencies=np.array([currency for _, currency in rows]))


def checked(bill: Bill, values: Mapping[int, tuple[int, str]] = VALUES) -> Checked:
    return check([ACCOUNT.case(bill)], table(values), ACCOUNT.tariffs, POLICY)[0]


def found(bill: Bill, values: Mapping[int, tuple[int, str]] = VALUES) -> list[tuple[str, str, str]]:
    return [
        (one.finding_class.value, one.charge_code, f"{float(one.difference):+.2f}")
        for one in checked(bill, values).findings
    ]


def test_a_bill_with_the_percentage_of_each_value_passes() -> None:
    result = checked(RIGHT)
    assert (result.verdict, result.findings, result.expected_total) == (Verdict.PASS, (), Fraction("5.79"))


def test_a_bill_with_too_much_of_a_value_is_found() -> None:
    wrong = ACCOUNT.bill(usage_line("voice.day", "6.86", 2, 660), usage_line("voice.evening", "2.67", 1, 120))
    assert found(wrong) == [("OVERCHARGE", "voice.day", "+3.74")]


def test_a_bill_without_the_values_is_found() -> None:
    wrong = ACCOUNT.bill(usage_line("voice.day", "1.87", 2, 660), usage_line("voice.evening", "0.17", 1, 120))
    assert sum(one.difference for one in checked(wrong).findings) == Fraction("-3.75")
    assert checked(wrong).verdict is Verdict.HOLD


def test_a_value_in_another_currency_has_no_price_and_spoils_no_other_record() -> None:
    stored = table(VALUES | {2: (10_000_000, "EUR")})
    columns = stored.columns_for(ACCOUNT.tariffs["plans/share"], np.arange(3))
    assert columns.value_micros is not None
    assert columns.value_micros.tolist() == [4_990_000, 0, -1]
    by_day = ACCOUNT.bill(usage_line("voice.day", "3.12", 2, 660))
    assert found(by_day, VALUES | {2: (10_000_000, "EUR")}) == [("MISSING_USAGE", "", "+0.00")]


def test_without_values_there_are_none() -> None:
    assert table(VALUES).without_values().columns_for(ACCOUNT.tariffs["plans/share"], np.arange(3)).value_micros is None


def test_a_percentage_is_within_what_can_be_checked() -> None:
    tariff = ACCOUNT.tariffs["plans/share"]
    assert beyond_check(tariff, Cycle(ACCOUNT.start, ACCOUNT.end)) is None
    assert charges_values(tariff)
    assert not charges_values(TARIFFS["plans/standard"])
