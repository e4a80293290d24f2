"""Do bills and comparisons of plans come to what their lines and recurring charges say?"""

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random

import numpy as np
import pytest
import rating_generator as generator
from hypothesis import given, settings
from hypothesis import strategies as st

from rating import (
    Cycle,
    DocumentError,
    Ledger,
    NotComparable,
    RatingError,
    RoundingDifference,
    Service,
    Tariff,
    Unrated,
    UsageColumns,
    UsageRecord,
    compare_plans,
    load_tariff,
    make_bill,
    open_account,
    rate_lines,
    recurring_amounts,
)

MARCH = Cycle(datetime(2026, 3, 1, 5, tzinfo=UTC), datetime(2026, 4, 1, 4, tzinfo=UTC))
APRIL = Cycle(MARCH.end, datetime(2026, 5, 1, 4, tzinfo=UTC))


def calls(minutes: str, hour: int = 17) -> UsageColumns:
    """Calls of so many minutes in all, at an hour of UTC."""
    seconds = int(Fraction(minutes) * 60)
    parts = [min(600, seconds - low) for low in range(0, seconds, 600)]
    start = [datetime(2026, 3, 2 + i % 20, hour, tzinfo=UTC) for i in range(len(parts))]
    return UsageColumns.of(service=Service.VOICE, start=start, quantity=parts, destination="12125550100")


def test_a_line_is_rounded_once_on_the_cycle_total(classic: Tariff) -> None:
    (line,) = rate_lines(calls("265.1"), classic).of()
    assert (line.name, line.exact, line.amount) == ("day", Fraction("45.067"), Fraction("45.07"))
    assert line.quantity == 15_906
    assert line.explain().endswith("45.067 rounded half_up to 2 decimals = 45.07")


def test_a_tie_that_the_bill_rounded_down_is_recognised(classic: Tariff) -> None:
    (tie,) = rate_lines(calls("147.0", hour=7), classic).of()  # 02:00 or 03:00 in New York
    assert tie.name == "night"
    assert tie.exact == Fraction("6.615")
    assert tie.is_tie
    assert tie.compare(Fraction("6.62")) is RoundingDifference.AS_DECLARED
    assert tie.compare(Fraction("6.61")) is RoundingDifference.TIE_ROUNDED_OTHER_WAY
    assert tie.compare(Fraction("6.60")) is RoundingDifference.NOT_ROUNDING


def test_a_bill_adds_lines_and_recurring_charges(classic: Tariff) -> None:
    lines = rate_lines(calls("265.1"), classic).of()
    bill = make_bill(classic, MARCH, lines)
    assert bill.total == Fraction("65.07")
    assert [(r.name, r.amount) for r in bill.recurring] == [("Monthly fee", 20)]


def test_recurring_charges_are_prorated_by_civil_days(classic: Tariff) -> None:
    held = Cycle(datetime(2026, 3, 22, 15, tzinfo=UTC), MARCH.end)
    (fee,) = recurring_amounts(classic, MARCH, held)
    assert (fee.days, fee.cycle_days) == (10, 31)
    assert fee.exact == Fraction(200, 31)
    assert fee.amount == Fraction("6.45")


def test_a_cycle_that_is_none_is_refused(classic: Tariff) -> None:
    with pytest.raises(RatingError, match="end"):
        Cycle(MARCH.end, MARCH.start)
    with pytest.raises(RatingError, match="start"):
        Cycle(datetime(2026, 1, 1), MARCH.end)  # noqa: DTZ001  # a naive time is what is refused
    with pytest.raises(RatingError, match="held"):
        recurring_amounts(classic, MARCH, APRIL)
    with pytest.raises(Unrated, match="2024"):
        recurring_amounts(classic, Cycle(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC)))


def plan(text: str, plan_id: str, price: str, fee: str) -> Tariff:
    return load_tariff(text.replace("classic", plan_id).replace("0.17", price).replace("20.00", fee))


def test_the_cheapest_plan_depends_on_usage(classic_text: str, classic: Tariff) -> None:
    plans = [classic, plan(classic_text, "talk", "0.01", "50.00")]
    light, heavy = calls("10"), calls("600")
    usage = UsageColumns.of(
        service=Service.VOICE,
        start=np.concatenate([light.start, heavy.start]),
        quantity=np.concatenate([light.quantity, heavy.quantity]),
        destination="12125550100",
    )
    owner = np.array([0] * len(light) + [2] * len(heavy))
    costs = compare_plans(usage, plans, [MARCH], owner, subscribers=4)
    assert [costs.cost(0, s) for s in range(4)] == [Fraction("21.70"), 20, 122, 20]
    assert [costs.cost(1, s) for s in range(4)] == [Fraction("50.10"), 50, 56, 50]
    assert costs.best().tolist() == [0, 0, 1, 0]
    assert costs.ranking(2) == (1, 0)


@settings(max_examples=40)
@given(st.integers(0, 2**64).map(Random))
def test_comparing_equals_billing_each_cycle(r: Random) -> None:
    plans = [
        load_tariff(json.dumps(generator.document(r) | {"currency": "EUR"})).as_of(r.choice(MOMENTS)) for _ in "ab"
    ]
    rows = []
    for _ in range(15):
        row = generator.rich_record(r) | {"start": r.choice(STARTS)}
        rows.append(UsageRecord(**{**row, "service": Service(row["service"])}))
    usage, owner = UsageColumns.from_records(rows), np.array([r.choice([0, 2]) for _ in rows])
    costs = compare_plans(usage, plans, [MARCH, APRIL], owner, subscribers=3)
    for p, of in enumerate(plans):
        for subscriber in range(3):
            total, failed = billed(of, usage.rows(np.flatnonzero(owner == subscriber)))
            assert costs.unrated[subscriber, p] == failed
            assert costs.cost(p, subscriber) == (None if failed else total)


def billed(of: Tariff, usage: UsageColumns) -> tuple[Fraction, int]:
    """What a subscriber's bills of both cycles come to, and how many records have no price."""
    total, failed, previous = Fraction(0), 0, None
    for cycle in (MARCH, APRIL):
        inside = np.flatnonzero((usage.start >= cycle.start.timestamp()) & (usage.start < cycle.end.timestamp()))
        ledger = Ledger.of(of, [open_account(of, cycle, previous=previous)])
        lines = rate_lines(usage.rows(inside), of, ledger=ledger)
        previous = lines.ledger.account(0) if lines.ledger else None
        failed += len(lines.failed)
        total += make_bill(of, cycle, lines.of()).total
    return total, failed


RULES = """
    one_offs: [{id: activation, name: Activation, amount: "9.90"}]
    commitment: {name: Least use, amount: "60", lines: [day, night]}
    discounts:
      - {id: loyal, name: Loyalty, percent: "10", lines: [day]}
      - {id: voucher, name: Voucher, amount: "50", lines: [recurring, one_off, day]}
    taxes:
      - {id: vat, name: VAT, percent: "20"}
      - {id: levy, name: Levy, percent: "5", included: true, lines: [day]}
"""


def test_rules_work_on_the_bill_one_after_another(classic_text: str) -> None:
    of = load_tariff(classic_text + RULES)
    bill = make_bill(of, MARCH, rate_lines(calls("265.1"), of).of(), one_offs=["activation"])
    assert bill.commitment is not None
    assert (bill.commitment.line, bill.commitment.amount) == ("commitment", Fraction("14.93"))  # 60 less 45.07
    assert [(item.line, item.name, item.amount) for item in bill.discounts] == [
        ("day", "Loyalty", Fraction("-4.51")),
        ("day", "Voucher", Fraction("-40.56")),  # all that is left of it
        ("recurring", "Voucher", Fraction("-9.44")),
    ]
    # 20 recurring less 9.44, 9.90 for the activation, 14.93 to the least amount.
    assert [(tax.name, tax.base, tax.amount) for tax in bill.taxes] == [
        ("VAT", Fraction("35.39"), Fraction("7.08")),
        ("Levy", 0, 0),
    ]
    assert bill.total == Fraction("42.47")
    without = make_bill(of, MARCH, rate_lines(calls("265.1"), of).of())
    assert compare_plans(calls("265.1"), [of], [MARCH]).cost(0) == without.total
    with pytest.raises(RatingError, match="one_offs"):
        make_bill(of, MARCH, (), one_offs=["deactivation"])


def test_an_included_tax_is_stated_and_not_added(classic_text: str) -> None:
    of = load_tariff(classic_text + '    taxes: [{id: vat, name: VAT, percent: "20", included: true}]\n')
    bill = make_bill(of, MARCH, ())
    assert (bill.total, bill.taxes[0].amount) == (20, Fraction("3.33"))


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ('discounts: [{id: a, name: A, percent: "101"}]', "discounts[0].percent"),
        ('discounts: [{id: a, name: A, percent: "1", amount: "1"}]', "discounts[0]"),
        ('discounts: [{id: a, name: A, percent: "1", lines: [moon]}]', "discounts[0].lines[0]"),
        ('taxes: [{id: a, name: A, percent: "1"}, {id: a, name: A, percent: "1"}]', "taxes[1].id"),
        ('commitment: {name: A, amount: "1", lines: [moon]}', "commitment.lines[0]"),
    ],
)
def test_rules_that_fit_no_bill_are_refused(classic_text: str, rule: str, path: str) -> None:
    with pytest.raises(DocumentError) as refused:
        load_tariff(f"{classic_text}    {rule}\n")
    assert f"versions[0].{path}" in [problem.path for problem in refused.value.problems]


MOMENTS = [datetime(2026, 3, 20, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)]
STARTS = [MARCH.start + timedelta(hours=h) for h in range(0, 61 * 24 - 2, 5)]


def test_a_plan_without_a_price_for_the_usage_is_not_recommended(classic: Tariff, classic_text: str) -> None:
    narrow = load_tariff(
        classic_text.replace("      - {id: international, default: true}\n", "").replace(
            '      - {line: international, service: voice, zone: international, price: "0.27", per: minute}\n', ""
        )
    )
    usage = UsageColumns.of(service=Service.VOICE, start=[MARCH.start], quantity=[60], destination="44123")
    costs = compare_plans(usage, [narrow, classic], [MARCH])
    assert costs.unrated.tolist() == [[1, 0]]
    assert costs.cost(0) is None
    assert costs.ranking() == (1,)
    assert costs.best().tolist() == [1]
    assert compare_plans(usage, [narrow], [MARCH]).best().tolist() == [-1]


def test_what_has_no_common_measure_is_not_compared(classic: Tariff, classic_text: str) -> None:
    euro = load_tariff(classic_text.replace("USD", "EUR"))
    usage = calls("1")
    with pytest.raises(NotComparable, match="currency"):
        compare_plans(usage, [classic, euro], [MARCH])
    with pytest.raises(NotComparable, match="currency"):
        compare_plans(usage, [], [MARCH])
    with pytest.raises(NotComparable, match="cycles"):
        compare_plans(usage, [classic], [APRIL])
    with pytest.raises(NotComparable, match="cycles"):
        compare_plans(usage, [classic], [])
    with pytest.raises(NotComparable, match="cycles"):
        compare_plans(usage, [classic], [APRIL, MARCH])
    with pytest.raises(NotComparable, match="subscriber"):
        compare_plans(usage, [classic], [MARCH], np.array([7]), subscribers=3)


def test_the_past_is_priced_as_of_today(classic_text: str) -> None:
    later = classic_text.replace('- from: "2024-01-01"', '- from: "2026-04-15"')
    of = load_tariff(later)
    assert len(rate_lines(calls("10"), of).failed) == 1
    assert rate_lines(calls("10"), of.as_of(datetime(2026, 5, 1, tzinfo=UTC))).of()[0].amount == Fraction("1.70")
    with pytest.raises(Unrated, match="2026-04-15"):
        of.as_of(datetime(2026, 4, 1, tzinfo=UTC))
