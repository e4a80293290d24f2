"""Do late, corrected and withdrawn records lead to books that agree, without a booking being edited?"""

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
    Booking,
    BookingKind,
    Cycle,
    Ledger,
    RatingError,
    Service,
    Tariff,
    UsageColumns,
    UsageRecord,
    book,
    load_tariff,
    open_account,
    rate_batch,
    rerate,
)

TARIFF = """
format: cxmesh-tariff/1
id: bundle
name: Bundle
currency: EUR
time_zone: Europe/Vienna
versions:
  - from: "2026-01-01"
    rates: [{service: voice, line: calls, price: "0.01", per: second}]
    allowances: [{id: minutes, name: Minutes, unit: second, amount: "100", covers: [{line: calls}]}]
"""
MAY = Cycle(datetime(2026, 4, 30, 22, tzinfo=UTC), datetime(2026, 5, 31, 22, tzinfo=UTC))
NOON = datetime(2026, 5, 5, 10, tzinfo=UTC)


def call(hour: int, seconds: int) -> UsageRecord:
    return UsageRecord(Service.VOICE, NOON + timedelta(hours=hour), seconds)


@pytest.fixture
def bundle() -> Tariff:
    return load_tariff(TARIFF)


def books(of: Tariff, records: dict[str, UsageRecord]) -> tuple[Booking, ...]:
    rated = rate_batch(UsageColumns.from_records(records.values()), of, Ledger.of(of, [open_account(of, MAY)]))
    return book(rated, list(records))


def again(of: Tariff, records: dict[str, UsageRecord], booked: tuple[Booking, ...]) -> tuple[Booking, ...]:
    ledger = Ledger.of(of, [open_account(of, MAY)])
    return rerate(UsageColumns.from_records(records.values()), list(records), of, booked, ledger).bookings


def owed(booked: tuple[Booking, ...]) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for booking in booked:
        found[booking.record_id] = found.get(booking.record_id, Fraction(0)) + booking.amount
    return found


FIRST = {"a": call(0, 60), "c": call(2, 60), "d": call(3, 10)}


def test_a_late_record_changes_what_comes_after_it(bundle: Tariff) -> None:
    booked = books(bundle, FIRST)
    assert owed(booked) == {"a": 0, "c": Fraction("0.2"), "d": Fraction("0.1")}
    entries = again(bundle, FIRST | {"b": call(1, 30)}, booked)
    assert [(e.record_id, e.kind, e.amount) for e in entries] == [
        ("b", BookingKind.CHARGE, 0),
        ("c", BookingKind.REVERSAL, Fraction("-0.2")),
        ("c", BookingKind.CHARGE, Fraction("0.5")),
    ]
    assert again(bundle, FIRST | {"b": call(1, 30)}, booked + entries) == ()


def test_a_corrected_and_a_withdrawn_record(bundle: Tariff) -> None:
    booked = books(bundle, FIRST)
    entries = again(bundle, {"a": call(0, 80), "c": FIRST["c"]}, booked)
    assert [(e.record_id, e.kind, e.quantity, e.amount) for e in entries] == [
        ("a", BookingKind.REVERSAL, -60, 0),
        ("a", BookingKind.CHARGE, 80, 0),
        ("c", BookingKind.REVERSAL, -60, Fraction("-0.2")),
        ("c", BookingKind.CHARGE, 60, Fraction("0.4")),
        ("d", BookingKind.REVERSAL, -10, Fraction("-0.1")),
    ]
    assert again(bundle, {"a": call(0, 80), "c": FIRST["c"]}, booked + entries) == ()
    back = again(bundle, FIRST, booked + entries)
    assert owed(booked + entries + back) == owed(booked)


def test_another_plan_takes_everything_to_its_own_lines(bundle: Tariff) -> None:
    other = load_tariff(TARIFF.replace("calls", "talk").replace("0.01", "0.02"))
    booked = books(bundle, FIRST)
    entries = again(other, FIRST, booked)
    assert {e.line for e in entries if e.kind is BookingKind.REVERSAL} == {"calls"}
    assert owed(booked + entries) == {"a": 0, "c": Fraction("0.4"), "d": Fraction("0.2")}


def test_a_record_without_a_price_leaves_the_books(bundle: Tariff) -> None:
    booked = books(bundle, FIRST)
    abroad = FIRST | {"c": UsageRecord(Service.VOICE, FIRST["c"].start, 60, visited_network="26201")}
    ledger = Ledger.of(bundle, [open_account(bundle, MAY)])
    found = rerate(UsageColumns.from_records(abroad.values()), list(abroad), bundle, booked, ledger)
    assert found.rated.failed.tolist() == [1]
    assert found.unchanged == 1
    assert [(e.record_id, e.amount) for e in found.bookings] == [
        ("c", Fraction("-0.2")),
        ("d", Fraction("-0.1")),
        ("d", 0),
    ]


def test_ids_must_tell_records_apart(bundle: Tariff) -> None:
    columns = UsageColumns.from_records([call(0, 1), call(1, 1)])
    ledger = Ledger.of(bundle, [open_account(bundle, MAY)])
    for ids in (["a"], ["a", "a"]):
        with pytest.raises(RatingError, match="record_ids"):
            rerate(columns, ids, bundle, (), ledger)


@settings(max_examples=40)
@given(st.integers(0, 2**64).map(Random))
def test_the_books_always_end_at_the_new_rating(r: Random) -> None:
    of = load_tariff(json.dumps(generator.rich_document(r)))
    known = {str(number): generator.rich_record(r) for number in range(12)}
    booked: tuple[Booking, ...] = ()
    for _ in range(4):
        now = {record_id: known[record_id] for record_id in r.sample(sorted(known), r.randint(1, 12))}
        known[r.choice(sorted(known))] = generator.rich_record(r)
        rows = [UsageRecord(**{**row, "service": Service(row["service"])}) for row in now.values()]
        columns, accounts = UsageColumns.from_records(rows), [open_account(of, MAY), open_account(of, MAY)]
        numbers = np.array([int(record_id) % 2 for record_id in now])
        found = rerate(columns, list(now), of, booked, Ledger.of(of, accounts), numbers)
        booked += found.bookings
        scale = found.rated.scale
        amounts = {i: Fraction(int(a), scale) for i, a in zip(now, found.rated.record_amounts, strict=True)}
        assert {i: a for i, a in owed(booked).items() if a} == {i: a for i, a in amounts.items() if a}
        assert rerate(columns, list(now), of, booked, Ledger.of(of, accounts), numbers).bookings == ()
