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
        row = generator.record(r)
        rows.append(UsageRecord(**{**row, "service": Service(row["service"]), "start": r.choice(STARTS)}))
    usage, owner = UsageColumns.from_records(rows), np.array([r.choice([0, 2]) for _ in rows])
    costs = compare_plans(usage, plans, [MARCH, APRIL], owner)
    for p, of in enumerate(plans):
        for s in (0, 2):
            mine = usage.rows(owner == s) if (owner == s).any() else UsageColumns.from_records([])
            failed = len(rate_lines(mine, of).failed)
            assert costs.unrated[s, p] == failed if s <= owner.max() else True
            expected = Fraction(0)
            for cycle in (MARCH, APRIL):
                inside = (mine.start >= cycle.start.timestamp()) & (mine.start < cycle.end.timestamp())
                expected += make_bill(of, cycle, rate_lines(mine.rows(inside), of).of()).total
            if s <= owner.max():
                assert costs.cost(p, s) == (None if failed else expected)


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
