"""Is rounding what the tariff declares, for one amount and for arrays of them?"""

from fractions import Fraction

import numpy as np
import pytest
import rating_oracle as oracle
from hypothesis import given
from hypothesis import strategies as st

from rating import (
    Rounding,
    RoundingDifference,
    RoundingMethod,
    classify_rounding,
    format_amount,
    from_micros,
    nearest_micros,
    parse_amount,
    to_micros,
)
from rating.amounts import add, multiply, round_to, running_totals, sum_by
from rating.money import round_steps

METHODS = st.sampled_from(RoundingMethod)
INTS = st.integers(-(2**80), 2**80)
HALF_UP = Rounding(RoundingMethod.HALF_UP, 2)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("up", ["0.02", "0.02", "0.02", "0.01", "-0.02"]),
        ("down", ["0.01", "0.01", "0.01", "0.01", "-0.01"]),
        ("half_up", ["0.02", "0.01", "0.02", "0.01", "-0.02"]),
        ("half_down", ["0.01", "0.01", "0.02", "0.01", "-0.01"]),
        ("half_even", ["0.02", "0.01", "0.02", "0.01", "-0.02"]),
    ],
)
def test_methods_round_as_named(method: str, expected: list[str]) -> None:
    amounts = ["0.015", "0.0149", "0.0151", "0.01", "-0.015"]
    rounding = Rounding(RoundingMethod(method), 2)
    assert [rounding.apply(Fraction(amount)) for amount in amounts] == [Fraction(amount) for amount in expected]


@given(st.fractions(), METHODS, st.integers(0, 9))
def test_rounding_equals_the_oracle(amount: Fraction, method: RoundingMethod, decimals: int) -> None:
    expected = oracle.round_exactly(amount, {"method": method, "decimals": decimals})
    assert Rounding(method, decimals).apply(amount) == expected


@given(st.lists(INTS | st.integers(-50, 50)), st.sampled_from([1, 2, 4, 10, 1000]), METHODS)
def test_rounding_an_array_equals_rounding_each(values: list[int], step: int, method: RoundingMethod) -> None:
    found = round_to(np.array(values, object), step, method)
    assert list(found) == [round_steps(value, step, method) * step for value in values]


@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1)), st.sampled_from([2, 10**6]), METHODS)
def test_rounding_near_the_end_of_64_bits_stays_exact(values: list[int], step: int, method: RoundingMethod) -> None:
    found = round_to(np.array(values, np.int64), step, method)
    assert [int(value) for value in found] == [round_steps(value, step, method) * step for value in values]


@given(st.lists(st.tuples(st.integers(0, 2**60), st.integers(0, 2**60))))
def test_products_and_sums_never_overflow(pairs: list[tuple[int, int]]) -> None:
    left, right = (np.array([pair[i] for pair in pairs], np.int64) for i in (0, 1))
    assert [int(v) for v in multiply(left, right)] == [a * b for a, b in pairs]
    assert [int(v) for v in add(multiply(left, right), left)] == [a * b + a for a, b in pairs]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-(2**62), 2**62) | st.integers(-9, 9)), min_size=1))
def test_sums_by_key_are_exact(rows: list[tuple[int, int]]) -> None:
    keys = np.array([key for key, _ in rows])
    found = sum_by(keys, np.array([value for _, value in rows], np.int64), 5)
    assert [int(total) for total in found] == [
        sum(value for key, value in rows if key == wanted) for wanted in range(5)
    ]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2**62)), min_size=1))
def test_running_totals_start_anew(rows: list[tuple[bool, int]]) -> None:
    first = np.array([True, *(start for start, _ in rows[1:])])
    found = running_totals(np.array([value for _, value in rows], np.int64), first)
    total, expected = 0, []
    for start, (_, value) in zip(first, rows, strict=True):
        total = value if start else total + value
        expected.append(total)
    assert [int(value) for value in found] == expected


@pytest.mark.parametrize(
    ("billed", "difference"),
    [
        ("0.02", RoundingDifference.AS_DECLARED),
        ("0.01", RoundingDifference.TIE_ROUNDED_OTHER_WAY),
        ("0.03", RoundingDifference.NOT_ROUNDING),
        ("0.015", RoundingDifference.NOT_ROUNDING),
    ],
)
def test_a_tie_rounded_the_other_way_is_recognised(billed: str, difference: RoundingDifference) -> None:
    assert classify_rounding(Fraction("0.015"), Fraction(billed), HALF_UP) is difference


def test_another_rounding_method_is_recognised() -> None:
    exact = Fraction("0.014")
    assert classify_rounding(exact, Fraction("0.02"), HALF_UP) is RoundingDifference.OTHER_NEIGHBOUR
    assert not HALF_UP.is_tie(exact)
    assert not HALF_UP.is_tie(Fraction("0.01"))


@pytest.mark.parametrize("text", ["", "1e3", "1.", ".5", "0x1", "1,5", "nan", "1 ", "+1", "9" * 16, "\u0661"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="decimal amount"):
        parse_amount(text)


@given(st.integers(-(10**12), 10**12))
def test_micros_go_there_and_back(micros: int) -> None:
    assert to_micros(from_micros(micros)) == nearest_micros(from_micros(micros)) == micros


def test_micros_refuse_to_round_silently() -> None:
    with pytest.raises(ValueError, match="whole number of micro-units"):
        to_micros(Fraction(17, 6000))
    assert nearest_micros(Fraction(17, 6000)) == 2833


@given(st.decimals(-(10**9), 10**9, places=5))
def test_formatting_loses_nothing(amount: object) -> None:
    assert Fraction(format_amount(Fraction(str(amount)), 2)) == Fraction(str(amount))


def test_formatting_reads_as_people_write() -> None:
    amounts = ["45.067", "1", "-0.5", "0.1234567"]
    assert [format_amount(Fraction(a), 2) for a in amounts] == ["45.067", "1.00", "-0.50", "0.1234567"]
    assert format_amount(Fraction(5), 0) == "5"
    assert format_amount(Fraction(1, 3), 2) == "1/3"
