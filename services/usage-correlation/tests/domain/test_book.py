"""Do accounts end the same however their records are cut into batches, and is it known from when on a change counts?"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usage_samples import subscriber, usage_batch

from rating import Tariff, load_tariff
from usage_correlation.domain.accounts import CycleAccount
from usage_correlation.domain.amounts import NOTHING
from usage_correlation.domain.bill_cycles import BillCalendar
from usage_correlation.domain.book import Book, MeteredRows, Metering, rate_in_order
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.placement import Account
from usage_correlation.domain.rerating import BookingKind, Figures, rerate
from usage_correlation.domain.subscribers import PlanPeriod, Subscriber, first_difference
from usage_correlation.domain.tariff_changes import first_difference as tariffs_differ
from usage_correlation.domain.totals import ChargeName, line_totals
from usage_correlation.domain.usage import UsageBatch

DOCUMENT = """
format: cxmesh-tariff/1
id: {id}
name: {id}
currency: USD
time_zone: America/New_York
versions:
  - from: "2020-01-01"
    rates:
      - {{service: voice, line: calls, price: "{price}", per: minute}}
    allowances:
      - id: minutes
        name: Minutes
        unit: minute
        amount: "10"
        covers: [{{line: calls}}]
        rollover_cycles: 1
  - from: "2026-04-01"
    rates:
      - {{service: voice, line: calls, price: "{later}", per: minute}}
"""
START = datetime(2026, 1, 5, tzinfo=UTC)
CHANGE = datetime(2026, 2, 10, 12, tzinfo=UTC)


def tariff(plan: str, price: str = "0.10", later: str = "0.20") -> Tariff:
    return load_tariff(DOCUMENT.format(id=plan, price=price, later=later))


TARIFFS = {"a": tariff("a"), "b": tariff("b", "0.30")}
HOLDER = subscriber(
    "s-1",
    plan_periods=(PlanPeriod("a", to_micros(START), to_micros(CHANGE)), PlanPeriod("b", to_micros(CHANGE), None)),
    activate_micros=to_micros(START),
)
calls = st.lists(
    st.tuples(
        st.just("s-1"),
        st.timedeltas(timedelta(0), timedelta(days=80)).map(lambda after: START + after),
        st.integers(0, 1200),
    ),
    min_size=1,
    max_size=20,
    unique_by=lambda each: each[1],
)


def metered(batch: UsageBatch, holder: Subscriber = HOLDER) -> MeteredRows:
    calendar, accounts, index = BillCalendar(), list[Account](), dict[int, int]()
    account_of = []
    for start in batch.starts:
        cycle = calendar.cycle_at(start, holder.subscription.bill_cycle_day, holder.subscription.zone)
        if cycle.start_micros not in index:
            index[cycle.start_micros] = len(accounts)
            accounts.append(Account(holder, cycle))
        account_of.append(index[cycle.start_micros])
    return MeteredRows(batch, range(len(batch)), account_of, accounts)


def book(before: Book | None = None) -> Book:
    cycles: dict[tuple[int, int], CycleAccount] = dict(before.cycles) if before else {}
    return Book(Metering(TARIFFS, {}, BillCalendar()), cycles, {})


def spent(book_: Book, rows: Sequence[tuple[str, datetime, int]]) -> Fraction:
    usages = rate_in_order(book_, metered(usage_batch(*rows)))
    totals = [line_totals(usage) for usage in usages]
    return sum((Fraction(amount, each.scale) for each in totals for amount in each.amounts), Fraction(0))


@settings(deadline=None, max_examples=60)
@given(calls, st.data())
def test_batches_in_order_end_as_one_batch_does(rows: list[tuple[str, datetime, int]], data: st.DataObject) -> None:
    ordered = sorted(rows, key=lambda each: each[1])
    cut = data.draw(st.integers(0, len(ordered)))
    at_once, in_parts = book(), book()
    total = spent(at_once, ordered)
    parts = spent(in_parts, ordered[:cut]) if cut else Fraction(0)
    in_parts = book(in_parts)  # as it is read again
    parts += spent(in_parts, ordered[cut:]) if cut < len(ordered) else Fraction(0)
    assert parts == total
    assert in_parts.cycles == at_once.cycles


@settings(deadline=None, max_examples=60)
@given(calls, st.randoms(use_true_random=False))
def test_the_order_of_rows_in_a_batch_does_not_matter(rows: list[tuple[str, datetime, int]], chance: object) -> None:
    mixed = list(rows)
    chance.shuffle(mixed)  # type: ignore[attr-defined]  # a random.Random, which hypothesis doesn't say
    one, other = book(), book()
    assert spent(one, rows) == spent(other, mixed)
    assert one.cycles == other.cycles


def test_what_stands_right_is_not_booked_again() -> None:
    batch = usage_batch(("s-1", START, 1200), ("s-1", START + timedelta(hours=1), 60))
    first = rerate(book(), metered(batch), {}, TARIFFS, metered_only=True)
    (change,) = first.changes
    assert (change.record_count, change.amount.fraction) == (2, Fraction("1.1"))
    standing = {(change.account, change.charge): Figures(2, 1260, change.amount)}
    assert rerate(book(), metered(batch), standing, TARIFFS, metered_only=True).bookings == ()
    wrong = {(0, ChargeName("a", "calls", "USD")): Figures(1, 60, NOTHING)}
    again = rerate(book(), metered(batch), wrong, TARIFFS, metered_only=True)
    assert [each.kind for each in again.bookings] == [BookingKind.REVERSAL, BookingKind.CHARGE]
    assert again.bookings[0].figures.quantity == -60


@pytest.mark.parametrize(
    ("other", "moment"),
    [
        ((("a", 0, 10), ("b", 10, None)), None),
        ((("a", 0, 7), ("b", 7, None)), 7),
        ((("a", 0, 12), ("b", 12, None)), 10),
        ((("a", 0, 10), ("b", 10, 20)), 20),
        ((("b", 0, None),), 0),
    ],
)
def test_the_first_moment_at_which_plans_differ_is_found(
    other: Sequence[tuple[str, int, int | None]], moment: int | None
) -> None:
    one = subscriber("s-1", plan_periods=(PlanPeriod("a", 0, 10), PlanPeriod("b", 10, None)), activate_micros=0)
    two = subscriber("s-1", plan_periods=tuple(PlanPeriod(*each) for each in other), activate_micros=0)
    assert first_difference(one.subscription, two.subscription) == moment
    assert first_difference(two.subscription, one.subscription) == moment


def test_an_activation_moved_is_a_difference() -> None:
    periods = (PlanPeriod("a", 0, None),)
    one, two = (subscriber("s-1", plan_periods=periods, activate_micros=at).subscription for at in (0, 5))
    assert first_difference(one, two) == 0


def test_the_first_moment_at_which_tariffs_differ_is_found() -> None:
    assert tariffs_differ(tariff("a"), tariff("a")) is None
    since = tariff("a").versions[1].active_from
    assert tariffs_differ(tariff("a"), tariff("a", later="0.30")) == since
    assert tariffs_differ(tariff("a"), tariff("a", price="0.30")) == tariff("a").versions[0].active_from
