"""Do accounts pay what unit-by-unit arithmetic says, one by one and in a batch?"""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
import rating_account_oracle as oracle
import rating_generator as generator
from hypothesis import given, settings
from hypothesis import strategies as st
from rating_oracle import NoPriceError

from rating import (
    Account,
    Bucket,
    Ledger,
    RatingError,
    Service,
    Tariff,
    UsageColumns,
    UsageRecord,
    load_tariff,
    rate_batch,
    rate_for,
    rate_lines,
)
from rating.tables import tables_of

RANDOMS = st.integers(0, 2**64).map(Random)


def usage(record: dict[str, Any]) -> UsageRecord:
    return UsageRecord(**{**record, "service": Service(record["service"])})


def bucket(r: Random, allowance: str, owner: str) -> Bucket:
    since = r.choice([datetime(2025, 1, 1, tzinfo=UTC), *generator.MOMENTS]) - timedelta(days=r.randint(0, 90))
    until = since + timedelta(days=r.randint(1, 1500))
    if allowance == "m":
        return Bucket(allowance, Fraction(r.randint(0, 4_000_000), 10**6), since, until, owner=owner)
    amount = Fraction(r.choice([r.randint(0, 400), 30, 90, 1000]))
    used = amount * r.choice([0, 0, Fraction(1, 2), 1])
    return Bucket(allowance, amount, since, until, used, r.randint(0, 2), owner)


def accounts(r: Random, count: int) -> list[Account]:
    family = [bucket(r, allowance, "family") for allowance in ("a", "a", "m")]
    found = []
    for _ in range(count):
        mine = [bucket(r, r.choice("abcmx"), "") for _ in range(r.randint(0, 4))]
        found.append(Account(tuple(mine + (r.sample(family, r.randint(0, 3)) if r.random() < 0.7 else []))))
    return found


def identity(bucket: Bucket) -> tuple[object, ...]:
    return (bucket.allowance, bucket.owner, bucket.valid_from, bucket.valid_until, bucket.rollover_cycles)


def shared_with(account: Account, changed: Account) -> Account:
    """The account with the shared buckets as another one left them."""
    now = {identity(b): b for b in changed.buckets if b.owner}
    return replace(account, buckets=tuple(now.get(identity(b), b) for b in account.buckets))


def rate_one_by_one(
    tariff: Tariff, rows: list[dict[str, Any]], numbers: list[int], before: list[Account]
) -> tuple[dict[int, object], list[Account]]:
    after, ratings = list(before), dict[int, object]()
    for row in sorted(range(len(rows)), key=lambda row: (int(rows[row]["start"].timestamp()), row)):
        try:
            found = rate_for(usage(rows[row]), tariff, after[numbers[row]])
        except RatingError as error:
            ratings[row] = error
            continue
        ratings[row] = found.rating
        after[numbers[row]] = found.account
        after = [shared_with(account, found.account) for account in after]
    return ratings, after


@settings(max_examples=40)
@given(RANDOMS)
def test_a_batch_equals_one_by_one_in_order_of_events(r: Random) -> None:
    tariff = load_tariff(json.dumps(generator.rich_document(r)))
    rows = [generator.rich_record(r) for _ in range(14)]
    before = accounts(r, 3)
    numbers = [r.randrange(3) for _ in rows]
    ratings, after = rate_one_by_one(tariff, rows, numbers, before)
    columns = UsageColumns.from_records(map(usage, rows))
    batch = rate_batch(columns, tariff, Ledger.of(tariff, before), np.array(numbers))
    for row, rating in ratings.items():
        if isinstance(rating, RatingError):
            assert str(batch.error(row)) == str(rating)
        else:
            assert batch.rating(row) == rating
            assert all(charge.recompute() == charge.exact for charge in rating.charges)
            assert rating.explain()
    if not tables_of(tariff).keeps_accounts:
        assert batch.ledger is None
        return
    order = tables_of(tariff).allowances.in_order_of_use
    for number, account in enumerate(after):
        found = batch.ledger.account(number)
        assert order(found.buckets) == order(account.buckets)
        assert found.counters == account.counters
    assert batch.ledger.accounts() == [batch.ledger.account(number) for number in range(len(after))]
    lines = rate_lines(columns, tariff, np.array(numbers), Ledger.of(tariff, before))
    for number in range(3):
        charged = [int(batch.amount[i]) for i in range(len(batch.amount)) if numbers[batch.pieces.record[i]] == number]
        assert sum((line.exact for line in lines.of(number)), Fraction(0)) == Fraction(sum(charged), batch.scale)


@settings(max_examples=40)
@given(RANDOMS)
def test_batches_one_after_another_equal_one_batch(r: Random) -> None:
    tariff = load_tariff(json.dumps(generator.rich_document(r)))
    if not tables_of(tariff).keeps_accounts:
        return
    rows = sorted((generator.rich_record(r) for _ in range(12)), key=lambda row: row["start"])
    before, numbers = accounts(r, 2), np.array([r.randrange(2) for _ in rows])
    columns = UsageColumns.from_records(map(usage, rows))
    whole = rate_batch(columns, tariff, Ledger.of(tariff, before), numbers)
    first = rate_batch(columns.rows(slice(0, 5)), tariff, Ledger.of(tariff, before), numbers[:5])
    second = rate_batch(columns.rows(slice(5, 12)), tariff, first.ledger, numbers[5:])
    assert [int(a) for a in whole.record_amounts] == [int(a) for a in (*first.record_amounts, *second.record_amounts)]
    assert [second.ledger.account(n) for n in range(2)] == [whole.ledger.account(n) for n in range(2)]


def oracle_account(tariff: Tariff, account: Account) -> oracle.Account:
    held = tables_of(tariff).allowances.in_order_of_use(account.buckets)
    found = [oracle.Bucket(b.allowance, b.amount, b.valid_from, b.valid_until, b.used) for b in held]
    return oracle.Account(found)


def check_against_the_oracle(r: Random) -> int:
    document = generator.rich_document(r)
    tariff = load_tariff(json.dumps(document))
    account = Account(tuple(bucket(r, allowance, "") for allowance in r.sample("aabcm", r.randint(0, 4))))
    known = {a["id"] for version in document["versions"] for a in version["allowances"]}
    account = Account(tuple(b for b in account.buckets if b.allowance in known))
    theirs = oracle_account(tariff, account)
    rows = sorted((generator.rich_record(r) for _ in range(8)), key=lambda row: row["start"])
    priced = 0
    for row in rows:
        try:
            list(oracle.oracle.walk(document, row))
        except NoPriceError:
            with pytest.raises(RatingError):
                rate_for(usage(row), tariff, account)
            continue
        found = rate_for(usage(row), tariff, account)
        account = found.account
        assert found.rating.amount == oracle.settle(document, row, theirs)
        priced += 1
    held = tables_of(tariff).allowances.in_order_of_use(account.buckets)
    assert [b.used for b in held] == [b.used for b in theirs.buckets]
    assert {line: c.units for line, c in account.counters.items() if c.units} == {
        line: units for line, units in theirs.units.items() if units
    }
    return priced


@settings(max_examples=40)
@given(RANDOMS)
def test_one_by_one_equals_the_oracle(r: Random) -> None:
    check_against_the_oracle(r)


TARIFFS = int(os.environ.get("RATING_TARIFFS", "60"))
"""How many random tariffs to try; more on a machine that is given the time."""


def test_random_tariffs_with_accounts_show_no_difference() -> None:
    priced = sum(check_against_the_oracle(Random(seed)) for seed in range(TARIFFS))  # repeatable
    assert priced > 3 * TARIFFS
