"""Do the record-by-record path, the batch and the lines equal rational arithmetic, whatever the tariff?"""

import json
import os
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
import rating_generator as generator
import rating_oracle as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from rating import RatingError, Service, UsageColumns, UsageRecord, load_tariff, rate, rate_batch, rate_lines

RANDOMS = st.integers(0, 2**64).map(Random)


def usage(record: dict[str, Any]) -> UsageRecord:
    return UsageRecord(**{**record, "service": Service(record["service"])})


def expected(document: dict[str, Any], record: dict[str, Any]) -> Fraction | None:
    try:
        return oracle.cost(document, record)
    except oracle.NoPriceError:
        return None


def check(r: Random, records: int) -> int:
    """Compare everything for one random tariff; how many records had a price."""
    document = generator.document(r)
    tariff = load_tariff(json.dumps(document))
    rows = [generator.record(r) for _ in range(records)]
    batch = rate_batch(UsageColumns.from_records(map(usage, rows)), tariff)
    priced = []
    for number, row in enumerate(rows):
        cost = expected(document, row)
        if cost is None:
            with pytest.raises(RatingError) as refused:
                rate(usage(row), tariff)
            assert str(batch.error(number)) == str(refused.value)
            continue
        rating = rate(usage(row), tariff)
        assert rating.amount == cost
        assert rating == batch.rating(number)
        assert Fraction(int(batch.record_amounts[number]), batch.scale) == cost
        assert all(charge.recompute() == charge.exact for charge in rating.charges)
        priced.append(row)
    if "record" not in document["rounding"] and priced:
        found = rate_lines(UsageColumns.from_records(map(usage, priced)), tariff).of()
        assert {line.name: line.amount for line in found} == oracle.lines(document, priced)
    return len(priced)


@settings(max_examples=40)
@given(RANDOMS)
def test_scalar_batch_and_lines_equal_the_oracle(r: Random) -> None:
    check(r, records=12)


TARIFFS = int(os.environ.get("RATING_TARIFFS", "60"))
"""How many random tariffs to try; more on a machine that is given the time."""


def test_random_tariffs_show_no_difference() -> None:
    priced = sum(check(Random(seed), records=4) for seed in range(TARIFFS))  # repeatable
    assert priced > 1.5 * TARIFFS


@settings(max_examples=40)
@given(RANDOMS)
def test_lines_of_many_bills_equal_the_lines_of_each(r: Random) -> None:
    document = generator.document(r)
    tariff = load_tariff(json.dumps(document))
    rows = [usage(generator.record(r)) for _ in range(20)]
    bills = np.array([r.choice([0, 3, 900_000]) for _ in rows])
    columns = UsageColumns.from_records(rows)
    together = rate_lines(columns, tariff, bills)
    for bill in (0, 3, 900_000):
        assert together.of(bill) == rate_lines(columns.rows(bills == bill), tariff).of()


@settings(max_examples=40)
@given(RANDOMS)
def test_lines_add_up_the_charges_of_the_records(r: Random) -> None:
    tariff = load_tariff(json.dumps(generator.document(r)))
    rows = [usage(generator.record(r)) for _ in range(20)]
    columns = UsageColumns.from_records(rows)
    batch = rate_batch(columns, tariff)
    for line in rate_lines(columns, tariff).of():
        mine = [batch.charge(i) for i in range(len(batch.line)) if batch.lines[batch.line[i]] == line.name]
        records = {
            int(batch.pieces.record[i]) for i in range(len(batch.line)) if batch.lines[batch.line[i]] == line.name
        }
        assert line.exact == sum(charge.amount for charge in mine) == sum(part.amount for part in line.parts)
        assert line.quantity == sum(charge.quantity for charge in mine)
        assert line.units == sum(charge.units for charge in mine)
        assert line.records == len(records)
