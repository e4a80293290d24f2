"""Do a cycle's records add up, and cost the same alone as in a pool?"""

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rating import Rating, Service, Tariff, UsageColumns, load_tariff
from usage_correlation.domain.bill_cycles import BillCalendar, BillCycle
from usage_correlation.domain.consumption.history import History
from usage_correlation.domain.consumption.pooled_cycle import Pool, rate_pooled
from usage_correlation.domain.consumption.rated_cycle import RatedCycle, rate_cycle
from usage_correlation.domain.consumption.stretches import complete_cycles, cycles_back, plan_stretches
from usage_correlation.domain.moments import MICROS, to_micros
from usage_correlation.domain.subscribers import PlanPeriod, Subscriber, Subscription

VIENNA = ZoneInfo("Europe/Vienna")
CHANGE = datetime(2026, 3, 12, 7, 30, tzinfo=UTC)
ACTIVATED = datetime(2026, 1, 31, 9, tzinfo=UTC)
# Clocks are turned in March: it has an hour less.
CALLS = st.lists(
    st.tuples(st.integers(0, 31 * 86_400 - 3601), st.integers(0, 900)), max_size=40, unique_by=lambda each: each[0]
)


def tariff(plan: str, minutes: int) -> Tariff:
    """Seventeen cents a minute by the second, after some minutes that are included."""
    talk = {"id": "talk", "name": "Talk", "unit": "minute", "amount": str(minutes), "covers": [{"line": "voice"}]}
    version = {
        "from": "2020-01-01",
        "rates": [{"line": "voice", "service": "voice", "price": "0.17", "per": "minute", "connection_fee": "0.05"}],
        "allowances": [{**talk, "proration": "by_day"}],
    }
    head = {"format": "cxmesh-tariff/1", "id": plan, "name": plan, "currency": "EUR", "time_zone": "Europe/Vienna"}
    return load_tariff(json.dumps({**head, "versions": [version]}))


TARIFFS = {"first": tariff("first", 20), "second": tariff("second", 5)}


def subscriber(day: int = 1) -> Subscriber:
    """On one plan until 12 March 2026, on another since."""
    change, start = to_micros(CHANGE), to_micros(ACTIVATED)
    periods = (PlanPeriod("first", start, change), PlanPeriod("second", change, None))
    return Subscriber(Subscription("s-1", "c-1", periods, day, VIENNA, start), 1, 1, ())


def march() -> BillCycle:
    return BillCalendar().cycle_at(to_micros(CHANGE), 1, VIENNA)


def history(calls: list[tuple[int, int]]) -> History:
    start = march().start_micros
    rows = sorted(calls)
    columns = UsageColumns.of(
        service=Service.VOICE,
        start=np.array([start // MICROS + offset for offset, _ in rows], np.int64),
        quantity=[seconds for _, seconds in rows],
    )
    return History(columns, columns.start * MICROS, [("msc", f"r-{number:03d}") for number in range(len(rows))])


def ratings(rated: RatedCycle) -> list[tuple[str, Rating]]:
    found = [rated.of_row(row) for row in range(len(rated.history))]
    return [(each[0].stretch.plan, each[1]) for each in found if each is not None and isinstance(each[1], Rating)]


@settings(max_examples=60, deadline=None)
@given(CALLS)
def test_records_add_up_to_what_is_spent_and_to_lines(calls: list[tuple[int, int]]) -> None:
    known = history(calls)
    rated = rate_cycle(known, march(), plan_stretches(subscriber().subscription, march()), TARIFFS)
    found = ratings(rated)
    assert len(found) == len(known) == sum(part.count for part in rated.stretches)
    assert sum((each.amount for _, each in found), Fraction(0)) == rated.spent("EUR")
    lines = sum((amount for part in rated.stretches for amount in part.line_amounts().values()), Fraction(0))
    assert lines == rated.spent("EUR")
    assert [plan for plan, _ in found] == [
        "first" if start < to_micros(CHANGE) else "second" for start in known.start_micros.tolist()
    ]


@settings(max_examples=40, deadline=None)
@given(CALLS)
def test_a_pool_of_one_costs_what_one_costs_alone(calls: list[tuple[int, int]]) -> None:
    one, known = subscriber(), history(calls)
    stretches = plan_stretches(one.subscription, march())
    alone = rate_cycle(known, march(), stretches, TARIFFS)
    pooled = rate_pooled(Pool(one, [one], {"s-1": known}, TARIFFS), march(), stretches)
    assert ratings(pooled) == ratings(alone)
    assert [part.account for part in pooled.stretches] == [part.account for part in alone.stretches]


def test_a_plan_that_is_held_for_a_part_has_a_part_of_its_allowance() -> None:
    rated = rate_cycle(history([]), march(), plan_stretches(subscriber().subscription, march()), TARIFFS)
    first, second = (part.account.buckets[0].amount for part in rated.stretches)
    # 12 and 20 of 31 days, the day of the change in both, rounded up to seconds.
    assert (first, second) == (-(-1200 * 12 // 31), -(-300 * 20 // 31))


def test_cycles_before_the_activation_are_none() -> None:
    one = subscriber().subscription
    assert len(cycles_back(one, march(), 12)) == 3  # January, in which it was activated, to March
    now = to_micros(CHANGE + timedelta(days=30))
    assert [cycle.start.isoformat() for cycle in complete_cycles(one, now, 12)] == [
        "2026-01-31T23:00:00+00:00",
        "2026-02-28T23:00:00+00:00",
    ]


def test_cycles_that_begin_on_the_31st_begin_on_the_last_day_of_shorter_months() -> None:
    one = subscriber(31).subscription
    now = to_micros(datetime(2026, 5, 15, tzinfo=UTC))
    days = [cycle.start.astimezone(VIENNA).day for cycle in complete_cycles(one, now, 3)]
    assert days == [28, 31]  # from 28 February to 30 March, to 29 April; the one of the activation was not whole
