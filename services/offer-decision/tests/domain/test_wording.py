"""How amounts and times read in a message."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offer_decision.domain.amounts import CURRENCIES, Amount, smallest_coin
from offer_decision.domain.wording import amount_text, day_text, moment_text


@pytest.mark.parametrize(
    ("micros", "currency", "text"),
    [
        (68_200_000, "USD", "USD 68.20"),
        (0, "USD", "USD 0.00"),
        (5_000, "USD", "USD 0.01"),
        (4_999, "USD", "USD 0.00"),
        (-1_255_000, "USD", "USD -1.26"),
        (1_234_567_890_000, "EUR", "EUR 1234567.89"),
        (1_500_000, "JPY", "JPY 2"),
        (1_234_500, "KWD", "KWD 1.235"),
    ],
)
def test_an_amount_is_said_to_the_smallest_coin(micros: int, currency: str, text: str):
    assert amount_text(Amount(micros, currency)) == text


@given(coins=st.integers(-(10**9), 10**9), currency=st.sampled_from(sorted(CURRENCIES)))
def test_what_has_no_fraction_of_a_coin_is_said_exactly(coins: int, currency: str):
    micros = coins * smallest_coin(currency)
    code, number = amount_text(Amount(micros, currency)).split(" ")
    digits = number.replace(".", "")

    assert code == currency
    assert int(digits) == coins


def test_days_and_times_are_those_of_the_customer():
    moment = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)

    assert day_text(moment, "America/New_York") == "2026-02-28"
    assert day_text(moment, "Pacific/Auckland") == "2026-03-01"
    assert moment_text(moment, "America/New_York") == "2026-02-28 21:30"
    assert moment_text(moment, "Asia/Kathmandu") == "2026-03-01 08:15"
