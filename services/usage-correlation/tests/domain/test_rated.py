"""What does a batch come to, exactly?"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from usage_samples import ABROAD, DOMESTIC, MARCH_2, subscriber, tariff_document, usage_batch
from value_samples import share

from rating import SERVICE_CODES, Service, Tariff, UsageRecord, load_tariff, rate
from usage_correlation.domain.bill_cycles import BillCalendar
from usage_correlation.domain.moments import MICROS, from_micros, to_micros
from usage_correlation.domain.placement import NOWHERE, Placement, Placer
from usage_correlation.domain.rated import PlanUsage, RecordCost, kept_rows, rate_by_plan, record_costs
from usage_correlation.domain.refusals import Reason, Refusal
from usage_correlation.domain.subscribers import PlanPeriod
from usage_correlation.domain.totals import latest_of, line_totals, spend_totals
from usage_correlation.domain.usage import UsageBatch
from usage_correlation.domain.values import Value

CHANGE = datetime(2026, 3, 8, tzinfo=UTC)
TARIFFS: dict[str, Tariff | Refusal] = {
    # A minute for 1/7 of a dollar would be no decimal; prices over 60 make the scales differ all the same.
    "old": load_tariff(tariff_document("old", day="0.17")),
    "new": load_tariff(tariff_document("new", day="0.000000013")),
}
PERIODS = (PlanPeriod("old", 0, to_micros(CHANGE)), PlanPeriod("new", to_micros(CHANGE), None))
NOW = to_micros(datetime(2026, 4, 1, tzinfo=UTC))


def rated(batch: UsageBatch) -> tuple[Placement, list[PlanUsage]]:
    subscribers = {name: subscriber(name, plan_periods=PERIODS) for name in batch.subscriptions}
    placement = Placer(BillCalendar(), NOW, timedelta(0)).place(batch, subscribers)
    return placement, rate_by_plan(batch, placement, TARIFFS).usages


calls = st.tuples(
    st.just("s-1"),
    st.timedeltas(timedelta(0), timedelta(days=28)).map(lambda after: MARCH_2 + after),
    st.integers(0, 7200),
)


def cost(batch: UsageBatch, row: int) -> Fraction:
    """The record-by-record path of the rater, as an oracle."""
    start = from_micros(batch.starts[row] // MICROS * MICROS)
    record = UsageRecord(Service.VOICE, start, batch.quantities[row], batch.destinations[row])
    tariff = TARIFFS["old" if batch.starts[row] < to_micros(CHANGE) else "new"]
    assert isinstance(tariff, Tariff)
    return rate(record, tariff).exact


@settings(deadline=None)
@given(st.lists(calls, min_size=1, max_size=30))
def test_spending_is_the_exact_sum_of_the_records_whatever_the_plans(rows: list[tuple[str, datetime, int]]) -> None:
    batch = usage_batch(*rows)
    placement, usages = rated(batch)
    starts = np.array(batch.starts, np.int64)
    (totals,) = spend_totals([line_totals(usage) for usage in usages], latest_of(usages, starts))
    assert len(placement.accounts) == len(totals.amounts) == 1
    assert Fraction(totals.amounts[0], totals.scales[0]) == sum(cost(batch, row) for row in range(len(rows)))
    assert totals.latest.tolist() == [max(batch.starts)]


@settings(deadline=None)
@given(st.lists(st.none() | st.builds(Value, st.integers(0, 10**15 - 1), st.sampled_from(["USD", "EUR"])), min_size=1))
def test_values_are_rated_as_each_would_be_alone_and_those_in_another_currency_refused(
    values: list[Value | None],
) -> None:
    tariff = load_tariff(share("share", "12.5"))
    batch = usage_batch(*(("s-1", MARCH_2, 1) for _ in values))
    services = [SERVICE_CODES[Service.CONTENT]] * len(values)
    batch = replace(batch, services=services, values=values if any(values) else [])
    placement = Placer(BillCalendar(), NOW, timedelta(0)).place(batch, {"s-1": subscriber("s-1", "share")})
    (usage,) = rate_by_plan(batch, placement, {"share": tariff}).usages
    refused = [row for row, value in enumerate(values) if value and value.currency == "EUR"]
    assert {row: (each.reason, each.field) for row, each in placement.refusals.items()} == dict.fromkeys(
        refused, (Reason.NOT_RATEABLE, "value")
    )
    costs = {each.row: each.cost for each in record_costs([usage], [0]).get(0, [])} if len(usage.rows) else {}
    assert costs == {
        row: rate(UsageRecord(Service.CONTENT, MARCH_2, 1, value_micros=value.micros if value else 0), tariff).exact
        for row, value in enumerate(values)
        if row not in refused
    }


@settings(deadline=None)
@given(st.lists(calls, min_size=1, max_size=30), st.data())
def test_lines_without_some_records_are_the_lines_of_the_others(
    rows: list[tuple[str, datetime, int]], data: st.DataObject
) -> None:
    batch = usage_batch(*rows)
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    _, usages = rated(batch)
    totals = [line_totals(usage.only(kept)) for usage in usages]
    amount = sum(Fraction(amount, each.scale) for each in totals for amount in each.amounts)
    assert amount == sum(cost(batch, row) for row in range(len(rows)) if kept[row])
    assert sum(sum(each.quantities) for each in totals) == sum(
        quantity for quantity, mine in zip(batch.quantities, kept, strict=True) if mine
    )


def test_single_records_cost_what_the_rater_says() -> None:
    batch = usage_batch(("s-1", MARCH_2, 60), ("s-2", MARCH_2, 60), ("s-1", MARCH_2, 30))
    _, usages = rated(batch)
    day, half = RecordCost(0, Fraction("0.17"), "USD"), RecordCost(2, Fraction("0.085"), "USD")
    assert record_costs(usages, [0]) == {0: [day, half]}
    assert record_costs(usages, [1, 0]) == {0: [day, half], 1: [RecordCost(1, Fraction("0.17"), "USD")]}


def test_costs_come_by_start_also_over_two_plans() -> None:
    starts = (CHANGE, MARCH_2, CHANGE + timedelta(days=1), MARCH_2 + timedelta(hours=1))
    _, usages = rated(usage_batch(*(("s-1", start, 60) for start in starts)))
    assert [cost.row for cost in record_costs(usages, [0])[0]] == [1, 3, 0, 2]


def test_lines_are_counted_by_band_and_destination() -> None:
    batch = usage_batch(("s-1", MARCH_2, 60), ("s-1", MARCH_2 + timedelta(hours=9), 60))
    batch.destinations[1] = ABROAD
    _, usages = rated(batch)
    totals = line_totals(usages[0])
    codes = [totals.charges[each].code for each in totals.charge_of]
    assert sorted(zip(codes, totals.record_counts.tolist(), totals.quantities, strict=True)) == [
        ("voice.day", 1, 60),
        ("voice.international", 1, 60),
    ]


def test_a_record_without_a_price_is_refused_without_telling_its_destination() -> None:
    batch = usage_batch(("s-1", MARCH_2, 60), ("s-1", MARCH_2, 60), destination=DOMESTIC)
    batch.services[0] = SERVICE_CODES[Service.DATA]
    placement, _ = rated(batch)
    assert placement.refusals == {
        0: Refusal(Reason.NOT_RATEABLE, "usage_type", "plans/old has no rate for data to its destination")
    }
    assert kept_rows(placement) == [1]


def test_a_network_without_a_price_is_named() -> None:
    batch = usage_batch(("s-1", MARCH_2, 60))
    batch.visited_networks[0] = "26201"
    placement, _ = rated(batch)
    assert placement.refusals[0].description.endswith("from network 26201")


def test_a_call_longer_than_a_year_is_no_call() -> None:
    placement, _ = rated(usage_batch(("s-1", MARCH_2, 367 * 86_400)))
    assert (placement.refusals[0].reason, placement.refusals[0].field) == (Reason.INVALID_RECORD, "quantity")


def test_usage_before_the_tariffs_first_version_has_no_price() -> None:
    placement, _ = rated(usage_batch(("s-1", datetime(2019, 12, 31, tzinfo=UTC), 60)))
    assert placement.refusals[0].reason is Reason.RECORD_BEFORE_ACTIVATION
    batch = usage_batch(("s-1", datetime(2019, 12, 31, tzinfo=UTC), 60))
    early = {"s-1": subscriber(plan_periods=PERIODS, activate_micros=0)}
    placement = Placer(BillCalendar(), NOW, timedelta(0)).place(batch, early)
    rate_by_plan(batch, placement, TARIFFS)
    assert (placement.refusals[0].reason, placement.refusals[0].field) == (Reason.NOT_RATEABLE, "start_time")


def test_a_plan_that_cannot_be_read_refuses_its_records_alone() -> None:
    batch = usage_batch(("s-1", MARCH_2, 60), ("s-1", CHANGE, 60))
    subscribers = {"s-1": subscriber(plan_periods=PERIODS)}
    placement = Placer(BillCalendar(), NOW, timedelta(0)).place(batch, subscribers)
    why = Refusal(Reason.NOT_RATEABLE, "subscription", "the tariff of plans/new can't be read")
    usages = rate_by_plan(batch, placement, TARIFFS | {"new": why}).usages
    assert (placement.refusals, placement.account_of) == ({1: why}, [0, NOWHERE])
    assert [usage.plan for usage in usages] == ["old"]
