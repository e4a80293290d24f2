"""Do whole bills of families, cycle after cycle, equal rational arithmetic, whatever the tariff?"""

import json
import os
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import rating_bill_oracle as oracle
import rating_generator as generator
from hypothesis import given, settings
from hypothesis import strategies as st
from rating_oracle import NoPriceError, walk

from rating import (
    Account,
    Cycle,
    Ledger,
    Service,
    Tariff,
    UsageColumns,
    UsageRecord,
    load_tariff,
    make_bill,
    open_account,
    rate_lines,
)

RANDOMS = st.integers(0, 2**64).map(Random)
FAMILY = 3
"""Accounts that share what is shared."""


def random_tariff(r: Random) -> tuple[dict[str, Any], Tariff]:
    """A document, with another one to fall back on now and then."""
    document = generator.rich_document(r)
    tariff = load_tariff(json.dumps(document))
    if r.random() < 0.4:
        left_out = r.choice([["voice"], ["sms", "data"], ["mms", "content", "iptv"]])
        for version in document["versions"]:
            version["rates"] = [rate for rate in version["rates"] if rate["service"] not in left_out]
        tariff = load_tariff(json.dumps(without_unknown_lines(document)))
        same = {key: document[key] for key in ("currency", "time_zone")}
        rest = generator.rich_document(r) | same | {"id": "rest"}
        tariff = tariff.with_fallback(load_tariff(json.dumps(rest)))
        document = document | {"fallback_document": rest}
    return document, tariff


def without_unknown_lines(document: dict[str, Any]) -> dict[str, Any]:
    """The document without the rules and allowances that name lines which it no longer has."""
    for version in document["versions"]:
        known = {generator.line_of(rate) for rate in version["rates"]} | {"recurring"}
        for allowance in version["allowances"]:
            allowance["covers"] = [cover for cover in allowance["covers"] if cover["line"] in known]
        version["allowances"] = [allowance for allowance in version["allowances"] if allowance["covers"]]
        rules = [*version["discounts"], *version["taxes"], *filter(None, [version.get("commitment")])]
        for rule in rules:
            if "lines" in rule:
                rule["lines"] = [line for line in rule["lines"] if line in known] or ["recurring"]
    return document


def cycles(r: Random, document: dict[str, Any]) -> list[Cycle]:
    """Three months on end in the tariff's zone, from any day."""
    zone, moment = ZoneInfo(document["time_zone"]), r.choice(generator.MOMENTS)
    first, day = moment - timedelta(days=r.randint(0, 60)), r.randint(1, 28)
    starts = [
        datetime(first.year + (first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1, day, tzinfo=zone)
        for n in range(4)
    ]
    return [Cycle(start, end) for start, end in pairwise(starts)]


def held_part(r: Random, cycle: Cycle, *, is_first: bool) -> Cycle:
    """Who comes to the plan within the first cycle holds a part of it."""
    if not is_first or r.random() < 0.5:
        return cycle
    return Cycle(cycle.start + (cycle.end - cycle.start) * r.random(), cycle.end)


def usage(r: Random, held: Cycle, document: dict[str, Any]) -> list[dict[str, Any]]:
    """Records that have a price, in order of events."""
    seconds = int((held.end - held.start).total_seconds())
    rows = [generator.rich_record(r) for _ in range(5)]
    for row in rows:
        row["start"] = (held.start + timedelta(seconds=r.randrange(seconds))).replace(microsecond=0)
    rows = [row for row in rows if row["start"] >= held.start and is_priced(document, row)]
    return sorted(rows, key=lambda row: row["start"].timestamp())


def is_priced(document: dict[str, Any], row: dict[str, Any]) -> bool:
    try:
        return bool(list(walk(document, row)))
    except NoPriceError:
        return False


def check(r: Random) -> int:
    """Compare the family's bills of three cycles; how many there were."""
    document, tariff = random_tariff(r)
    accounts: list[Account | None] = [None] * FAMILY
    theirs: list[list[oracle.Bucket]] = [[] for _ in range(FAMILY)]
    bills = 0
    for number, cycle in enumerate(cycles(r, document)):
        held = held_part(r, cycle, is_first=number == 0)
        if tariff.version_at(held.start) is None:
            continue
        shared: dict[str, list[oracle.Bucket]] = {}
        stretch, whole = (held.start, held.end), (cycle.start, cycle.end)
        theirs = [
            oracle.in_order_of_use(
                document,
                oracle.rolled_over(mine, stretch, shared) + oracle.opened(document, whole, stretch, shared),
            )
            for mine in theirs
        ]
        opened = [open_account(tariff, cycle, held, previous, "family") for previous in accounts]
        rows = usage(r, held, document)
        numbers = [r.randrange(FAMILY) for _ in rows]
        expected = cycle_lines(document, theirs, rows, numbers)
        columns = UsageColumns.from_records(UsageRecord(**{**row, "service": Service(row["service"])}) for row in rows)
        found = rate_lines(columns, tariff, np.array(numbers, np.int64), Ledger.of(tariff, opened))
        accounts = [found.ledger.account(n) if found.ledger else None for n in range(FAMILY)]
        for account in range(FAMILY):
            lines = found.of(account)
            assert {line.name: line.amount for line in lines} == expected[account]
            acts = r.choices(["activation", "visit"], k=r.randint(0, 2))
            items = [(line.name, expected[account][line.name]) for line in lines]
            bill = make_bill(tariff, cycle, lines, held, acts)
            assert bill.total == oracle.total(document, whole, stretch, items, acts)
            bills += 1
    return bills


def cycle_lines(
    document: dict[str, Any], buckets: list[list[oracle.Bucket]], rows: list[dict[str, Any]], numbers: list[int]
) -> list[dict[str, Fraction]]:
    """The lines of each account; records draw on what is shared in order of events, whoever's they are."""
    accounts = [oracle.Account(mine) for mine in buckets]
    exact: list[dict[str, Fraction]] = [{} for _ in buckets]
    for row, number in zip(rows, numbers, strict=True):
        for line, amount in oracle.settle_by_line(document, row, accounts[number]):
            exact[number][line] = exact[number].get(line, Fraction(0)) + amount
    return [{line: oracle.round_line(document, amount) for line, amount in mine.items()} for mine in exact]


@settings(max_examples=30)
@given(RANDOMS)
def test_bills_equal_the_oracle(r: Random) -> None:
    check(r)


TARIFFS = int(os.environ.get("RATING_TARIFFS", "25"))
"""How many random tariffs to try; more on a machine that is given the time."""


def test_random_tariffs_with_bills_show_no_difference() -> None:
    bills = sum(check(Random(seed)) for seed in range(TARIFFS))  # repeatable
    assert bills > 5 * TARIFFS
