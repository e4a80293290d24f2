"""Do plans that carry accounts from cycle to cycle cost the same in columns as bill after bill, one by one?"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random

import numpy as np
import pytest
import rating_generator as generator
from hypothesis import given, settings
from hypothesis import strategies as st

from rating import (
    Account,
    Bucket,
    Counter,
    Cycle,
    Ledger,
    RatingError,
    Service,
    Tariff,
    UsageColumns,
    UsageRecord,
    bill_totals,
    compare_plans,
    draws_of,
    load_tariff,
    make_bill,
    open_account,
    rate_batch,
    rate_for,
    rate_lines,
    shared_draws_of,
)

RANDOMS = st.integers(0, 2**64).map(Random)
CYCLES = [
    Cycle(datetime(2026, month, 1, tzinfo=UTC), datetime(2026, month + 1, 1, tzinfo=UTC)) for month in (1, 2, 3, 4)
]
SUBSCRIBERS = 3


def document(r: Random) -> str:
    """Calls and texts with allowances that roll over, in two versions."""
    versions = []
    for start in ("2020-01-01", "2026-02-15"):
        allowances = [
            {
                "id": name,
                "name": name,
                "unit": "second",
                "amount": str(r.choice([60, 100, 250, 1000])),
                "covers": [{"line": line, "factor": r.choice(["1", "2", "0.5"])} for line in covered],
                "priority": r.randint(0, 1),
                "rollover_cycles": r.randint(0, 3),
                **({"price": "0.001"} if r.random() < 0.3 else {}),
                **({"block": {"size": "50", "price": "1.00", "at_most": 2}} if r.random() < 0.3 else {}),
            }
            for name, covered in (("a", ["near"]), ("b", ["near", "far"]))
        ]
        money = {
            "id": "m", "name": "m", "unit": "money", "amount": "3.00", "covers": [{"line": "far"}, {"line": "sms"}],
            "rollover_cycles": r.randint(0, 2),
        }  # fmt: skip
        rates = [
            {"line": "near", "service": "voice", "zone": "near", "price": "0.30", "per": "minute", "increment": 7},
            {"line": "far", "service": "voice", "price": "1.10", "per": "minute"},
            {"line": "sms", "service": "sms", "price": "0.09", "per": "message"},
        ]
        versions.append(
            {
                "from": start,
                "zones": [{"id": "near", "prefixes": ["1"]}],
                "rates": rates,
                "allowances": [*allowances, money],
                "recurring": [{"name": "fee", "amount": "2.50"}],
            }
        )
    head = {"format": "cxmesh-tariff/1", "id": "roll", "name": "roll", "currency": "USD", "time_zone": "UTC"}
    rounding = {"line": {"method": "half_up", "decimals": 2}}
    return json.dumps({**head, "rounding": rounding, "versions": versions})


def records(r: Random, count: int) -> list[UsageRecord]:
    found = []
    for _ in range(count):
        start = CYCLES[0].start + timedelta(
            seconds=r.randrange(int((CYCLES[-1].end - CYCLES[0].start).total_seconds()))
        )
        service = r.choice([Service.VOICE, Service.VOICE, Service.SMS])
        quantity = r.randint(0, 300) if service is Service.VOICE else r.randint(0, 9)
        found.append(UsageRecord(service, start, quantity, r.choice(["123", "43"])))
    return sorted(found, key=lambda record: record.start)


def one_by_one(tariff: Tariff, rows: Sequence[UsageRecord]) -> tuple[Fraction, Mapping[str, Fraction]]:
    """What one subscriber's bills come to, and what of each allowance was used."""
    total, used = Fraction(0), dict[str, Fraction]()
    account: Account | None = None
    for cycle in CYCLES:
        account = open_account(tariff, cycle, previous=account)
        lines: dict[str, Fraction] = {}
        for row in (row for row in rows if cycle.start <= row.start < cycle.end):
            found = rate_for(row, tariff, account)
            account = found.account
            for charge in found.rating.charges:
                lines[charge.line] = lines.get(charge.line, Fraction(0)) + charge.amount
        rounding = tariff.line_rounding
        assert rounding is not None
        total += sum((rounding.apply(amount) for amount in lines.values()), Fraction(5, 2))
        for bucket in account.buckets:
            used[bucket.allowance] = used.get(bucket.allowance, Fraction(0)) + bucket.used
    return total, used


@settings(max_examples=40, deadline=None)
@given(RANDOMS)
def test_what_rolls_over_costs_the_same_for_thousands_as_for_one(r: Random) -> None:
    tariff = load_tariff(document(r))
    rows = [records(r, r.randint(0, 25)) for _ in range(SUBSCRIBERS)]
    owner = np.repeat(np.arange(SUBSCRIBERS), [len(mine) for mine in rows])
    columns = UsageColumns.from_records([record for mine in rows for record in mine])
    compared = compare_plans(columns, [tariff], CYCLES, owner, SUBSCRIBERS)
    for number, mine in enumerate(rows):
        total, used = one_by_one(tariff, mine)
        assert compared.cost(0, number) == total
        told = {use.allowance.id: Fraction(int(use.used[number]), use.scale) for use in compared.uses[0]}
        assert {name: amount for name, amount in told.items() if amount} == {
            name: amount for name, amount in used.items() if amount
        }


def test_what_was_granted_counts_what_rolled_over_once() -> None:
    r = Random(3)
    tariff = load_tariff(document(r))
    compared = compare_plans(UsageColumns.from_records([]), [tariff], CYCLES, subscribers=1)
    for use in compared.uses[0]:
        per_cycle = [
            allowance.amount
            for cycle in CYCLES
            for allowance in (tariff.version_at(cycle.start) or tariff.versions[0]).allowances
            if allowance.id == use.allowance.id
        ]
        assert Fraction(int(use.amount[0]), use.scale) == sum(per_cycle)
        assert not use.used.any()


@settings(max_examples=40, deadline=None)
@given(RANDOMS)
def test_draws_are_what_buckets_lose(r: Random) -> None:
    tariff = load_tariff(document(r))
    rows = records(r, 20)
    opened = open_account(tariff, CYCLES[0])
    batch = rate_batch(UsageColumns.from_records(rows), tariff, Ledger.of(tariff, [opened]))
    assert batch.ledger is not None
    taken: dict[str, Fraction] = {}
    for draws in draws_of(batch):
        starts = [rows[record].start for record in draws.record.tolist()]
        assert starts == sorted(starts)
        taken[draws.allowance.id] = Fraction(int(draws.taken.sum()), draws.scale)
    for bucket in batch.ledger.account(0).buckets:
        drawn = taken.get(bucket.allowance, Fraction(0))
        # The unit during which a bucket runs out is covered whole: it may take up to its factor, 2, more than is left.
        assert bucket.used <= drawn < bucket.used + 2


@settings(max_examples=40, deadline=None)
@given(RANDOMS)
def test_draws_on_what_is_shared_are_what_the_shared_buckets_lose_together(r: Random) -> None:
    tariff = load_tariff(document(r))
    rows = sorted(records(r, 20), key=lambda row: row.start)
    own = open_account(tariff, CYCLES[0])
    shared = Account(tuple(replace(bucket, owner="family") for bucket in own.buckets))
    account = np.array([r.randrange(3) for _ in rows], np.int64)
    batch = rate_batch(UsageColumns.from_records(rows), tariff, Ledger.of(tariff, [shared, shared, own]), account)
    assert batch.ledger is not None
    taken: dict[str, Fraction] = {}
    for draws in shared_draws_of(batch):
        assert set(account[draws.record].tolist()) <= {0, 1}
        taken[draws.allowance.id] = Fraction(int(draws.taken.sum()), draws.scale)
    for bucket in batch.ledger.account(0).buckets:
        drawn = taken.get(bucket.allowance, Fraction(0))
        assert bucket.used <= drawn < bucket.used + 2


def test_nothing_is_drawn_without_accounts() -> None:
    plain = load_tariff(json.dumps(generator.document(Random(1))))
    assert list(draws_of(rate_batch(UsageColumns.from_records([]), plain))) == []
    assert list(shared_draws_of(rate_batch(UsageColumns.from_records([]), plain))) == []


@settings(max_examples=40, deadline=None)
@given(RANDOMS)
def test_bills_from_their_lines_alone_equal_bills(r: Random) -> None:
    values = json.loads(document(r))
    lines = ["near", "far", "sms"]
    for version in values["versions"]:
        version.pop("allowances")
        version.update(generator.bill_rules(r, lines))
    values["rounding"]["bill"] = {"method": "half_even", "decimals": 1}
    tariff = load_tariff(json.dumps(values))
    cycle = CYCLES[0]
    held = Cycle(cycle.start + timedelta(days=r.randint(0, 20)), cycle.end)
    exact, bills = [], []
    for _ in range(3):
        columns = UsageColumns.from_records([row for row in records(r, 20) if row.start < cycle.end])
        batch = rate_batch(columns, tariff)
        amounts = [0] * len(batch.lines)
        for line, amount in zip(batch.line.tolist(), batch.amount.tolist(), strict=True):
            amounts[line] += amount
        exact.append(amounts)
        bills.append(make_bill(tariff, cycle, rate_lines(columns, tariff).of(), held))
    found = bill_totals(tariff, cycle, np.array(exact, object), held)
    assert [Fraction(int(total), found.scale) for total in found.totals] == [bill.total for bill in bills]
    usage = [sum((line.amount for line in bill.lines), Fraction(0)) for bill in bills]
    assert [Fraction(int(amount), found.scale) for amount in found.usage] == usage


def test_bills_with_other_lines_are_refused() -> None:
    tariff = load_tariff(document(Random(1)))
    with pytest.raises(RatingError, match="3, one for each line"):
        bill_totals(tariff, CYCLES[0], np.zeros((2, 2), object))


def test_accounts_that_have_gathered_something_can_be_repeated() -> None:
    values = json.loads(document(Random(5)))
    for version in values["versions"]:
        version["rates"][2] = {"line": "sms", "service": "sms", "price": "0.09", "per": "message", "free_records": 2}
    tariff = load_tariff(json.dumps(values))
    account = Account((), {"sms": Counter(3, 1)})
    text = UsageRecord(Service.SMS, CYCLES[0].start, 1)
    columns = UsageColumns.from_records([text] * 4)
    numbers = np.array([0, 0, 1, 1])
    batch = rate_batch(columns, tariff, Ledger.repeated(tariff, [account], 2), numbers)
    assert [bool(amount) for amount in batch.record_amounts] == [False, True, False, True]
    alone = rate_batch(columns, tariff, Ledger.of(tariff, [account, account]), numbers)
    assert batch.record_amounts.tolist() == alone.record_amounts.tolist()


def test_accounts_that_share_cannot_be_repeated() -> None:
    tariff = load_tariff(document(Random(5)))
    shared = Bucket("a", Fraction(1), CYCLES[0].start, CYCLES[0].end, owner="family")
    with pytest.raises(RatingError, match="accounts with buckets of their own"):
        Ledger.repeated(tariff, [Account((shared,))], 2)
