"""Are rate decks read exactly and fast, and refused line by line?"""

from datetime import UTC, datetime
from fractions import Fraction
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating import (
    DocumentError,
    Service,
    Step,
    UsageColumns,
    UsageRecord,
    load_deck,
    load_tariff,
    rate,
    rate_batch,
)

HEAD = """
format: cxmesh-tariff/1
id: world
name: World
currency: EUR
time_zone: UTC
versions:
  - from: "2026-01-01"
    deck: world
"""
NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
DECK = """prefix,zone,price,per,increment,first_increment,connection_fee
44,United Kingdom,0.012,minute,1,60,
447,"United Kingdom, mobile",0.15,minute,60,,0.05
4478,"United Kingdom, mobile",0.15,minute,60,,0.05
+33,France,0.02,second,,,
"""


def problems(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(DocumentError) as refused:
        load_deck(text.splitlines())
    return [(problem.line, problem.column, problem.value) for problem in refused.value.problems]


def test_a_deck_becomes_zones_and_rates() -> None:
    deck = load_deck(DECK.splitlines())
    assert [(zone.id, zone.prefixes) for zone in deck.zones] == [
        ("United Kingdom", ("44",)),
        ("United Kingdom, mobile", ("447", "4478")),
        ("France", ("33",)),
    ]
    assert deck.rates[0].steps == (Step(0, 60, Fraction("0.0002")), Step(60, 1, Fraction("0.0002")))
    assert deck.rates[1].connection_fee == Fraction("0.05")
    for delimiter in ";\t":
        text = DECK.replace(",", delimiter).replace(f"Kingdom{delimiter} m", "Kingdom, m")
        assert load_deck(text.splitlines()) == deck


def test_a_tariff_rates_by_its_deck() -> None:
    of = load_tariff(
        HEAD + "    rates: [{service: sms, zone: France, flat: '0.09'}]\n", {"world": load_deck(DECK.splitlines())}
    )
    calls = [UsageRecord(Service.VOICE, NOON, 61, number) for number in ("+442071234567", "+447811234567", "+33123456")]
    assert [rate(call, of).amount for call in calls] == [Fraction("0.0122"), Fraction("0.35"), Fraction("1.22")]
    batch = rate_batch(UsageColumns.from_records(calls), of)
    assert [batch.rating(row) for row in range(3)] == [rate(call, of) for call in calls]
    assert rate(UsageRecord(Service.SMS, NOON, 1, "33"), of).amount == Fraction("0.09")


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("447,", "44x,", (3, 1, "44x")),
        ("0.15,minute,60,,0.05\n+33", "0.16,minute,60,,0.05\n+33", (4, 3, "0.16 minute 60 0.05")),
        ("0.02,second", "1e2,second", (5, 3, "1e2")),
        ("0.02,second", "-1,second", (5, 3, "-1")),
        ("0.02,second", "0.02,byte", (5, 4, "byte")),
        ("0.02,second", "0.02,second,0", (5, 1, "8 columns")),
        ("0.02,second,", "0.02,second,0", (5, 5, "0")),
        ("+33,France", "+33,", (5, 2, '""')),
        ("+33,France", "+44,France", (5, 1, "+44")),
        ("prefix,zone", "prefix,zones", (1, 2, "zones")),
        ("prefix,zone,price", "prefix,zone,zone", (1, 2, "zone")),
    ],
)
def test_a_wrong_row_is_refused_at_its_line_and_column(old: str, new: str, found: tuple[int, int, str]) -> None:
    assert found in problems(DECK.replace(old, new))


def test_a_deck_of_nothing_is_refused() -> None:
    assert problems("") == [(1, 1, '""')] * 3  # none of the three columns that it must have
    assert problems("prefix,zone,price\n") == [(1, 1, "no row")]


@given(st.text(alphabet='0123456789,;\t"\n\r+x.\0', max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        deck = load_deck(("prefix,zone,price\n" + text).splitlines())
    except DocumentError:
        return
    assert all(zone.prefixes for zone in deck.zones)


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ("    zones: [{id: France, prefixes: ['1']}]\n", "versions[0].zones[0].id"),
        ("    zones: [{id: other, prefixes: ['447']}]\n", "versions[0].zones[0].prefixes[0]"),
        ("    rates: [{service: voice, zone: France, price: '1', per: second}]\n", "versions[0].rates[0]"),
        ("    rates: [{service: sms, line: voice, flat: '1'}]\n", "versions[0].deck"),
        ("    rates: [{service: sms, zone: Spain, flat: '1'}]\n", "versions[0].rates[0].zone"),
    ],
)
def test_a_deck_that_does_not_fit_its_version_is_refused(more: str, path: str) -> None:
    text = (HEAD + more).replace("id: France", "id: france") if "prefixes: ['1']" in more else HEAD + more
    deck = load_deck(DECK.replace("France", "france").splitlines() if "prefixes: ['1']" in more else DECK.splitlines())
    with pytest.raises(DocumentError) as refused:
        load_tariff(text, {"world": deck})
    assert path in [problem.path for problem in refused.value.problems]


@pytest.mark.parametrize("row", ["33,France,1,minute,,,,,dusk,", "33,France,1,minute,,,,,,moon"])
def test_bands_and_roaming_zones_of_a_deck_must_exist(row: str) -> None:
    deck = load_deck(["prefix,zone,price,per,increment,first_increment,connection_fee,service,band,roaming", row])
    with pytest.raises(DocumentError) as refused:
        load_tariff(HEAD, {"world": deck})
    assert [problem.path for problem in refused.value.problems] == ["versions[0].deck"]
    with pytest.raises(DocumentError, match="one of the decks given"):
        load_tariff(HEAD)


def test_a_hundred_thousand_prefixes_load_in_seconds() -> None:
    rows = [f"{10_000 + i},zone {i % 3000},0.{i % 3000 + 1:04d},minute,1,60," for i in range(90_000)]
    rows += [f"{1_000_000 + i},fine {i},0.5,minute,1,," for i in range(10_000)]
    began = perf_counter()
    of = load_tariff(HEAD, {"world": load_deck([DECK.splitlines()[0], *rows])})
    numbers = np.array(["10000123", "1000000", "99999", "55"])
    batch = rate_batch(
        UsageColumns.of(service=Service.VOICE, start=[NOON] * 4, quantity=[60] * 4, destination=numbers), of
    )
    assert perf_counter() - began < 15
    assert batch.failed.tolist() == [3]
    amounts = [Fraction(int(amount), batch.scale) for amount in batch.record_amounts]
    assert amounts == [Fraction("0.5"), Fraction("0.5"), Fraction("0.3000"), 0]
