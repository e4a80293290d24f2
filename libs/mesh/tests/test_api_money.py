"""Amounts on the wire are the amounts that are kept."""

import pytest
from google.type.money_pb2 import Money
from hypothesis import given
from hypothesis import strategies as st

from mesh.api import from_money, to_money
from mesh.rpc import RpcError

MOST_UNITS = (2**63 - 1) // 10**6
"""More whole units than these are no 64 bits of micro-units."""


@given(micros=st.integers(-MOST_UNITS * 10**6 + 1, MOST_UNITS * 10**6 - 1))
def test_an_amount_comes_back_as_it_went(micros: int):
    money = to_money(micros, "EUR")

    assert from_money(money, "amount") == micros
    assert Money.FromString(money.SerializeToString()) == money
    assert money.units * money.nanos >= 0
    assert abs(money.nanos) < 10**9


@given(units=st.integers(-(2**63), 2**63 - 1), nanos=st.integers(-(2**31), 2**31 - 1))
def test_what_is_taken_is_said_the_same_way_again_and_fits_into_64_bits(units: int, nanos: int):
    money = Money(currency_code="EUR", units=units, nanos=nanos)
    try:
        micros = from_money(money, "amount")
    except RpcError:
        return
    assert to_money(micros, "EUR") == money
    assert -(2**63) <= micros < 2**63


@pytest.mark.parametrize(
    ("micros", "units", "nanos"),
    [(0, 0, 0), (1, 0, 1000), (-1, 0, -1000), (68_200_000, 68, 200_000_000), (-1_750_000, -1, -750_000_000)],
)
def test_units_and_nanos_have_the_same_sign(micros: int, units: int, nanos: int):
    assert to_money(micros, "USD") == Money(currency_code="USD", units=units, nanos=nanos)


@pytest.mark.parametrize(
    ("units", "nanos", "field", "expected"),
    [
        (0, 10**9, "price.nanos", "between"),
        (0, -(10**9), "price.nanos", "between"),
        (1, -1000, "price.nanos", "same sign"),
        (-1, 1000, "price.nanos", "same sign"),
        (0, 1, "price.nanos", "micro-units"),
        (0, -999, "price.nanos", "micro-units"),
        (MOST_UNITS, 0, "price.units", "less than"),
        (-MOST_UNITS, 0, "price.units", "less than"),
        (2**63 - 1, 999_999_000, "price.units", "less than"),
    ],
)
def test_what_is_no_amount_that_can_be_kept_is_refused(units: int, nanos: int, field: str, expected: str):
    with pytest.raises(RpcError) as caught:
        from_money(Money(currency_code="EUR", units=units, nanos=nanos), "price")

    (violation,) = caught.value.field_violations
    assert caught.value.status.name == "INVALID_ARGUMENT"
    assert violation.field == field
    assert f"{units} units, {nanos} nanos" in violation.description
    assert expected in violation.description
