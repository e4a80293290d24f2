"""Are amounts and quantities said as people say them?"""

from fractions import Fraction

import pytest

from billing_accuracy.domain import words


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("45.07", "USD", "45.07 USD"),
        ("45.0712", "EUR", "45.0712 EUR"),
        ("300", "JPY", "300 JPY"),
        ("1", "KWD", "1.000 KWD"),
    ],
)
def test_money_has_the_decimals_of_its_currency_and_never_loses_any(amount: str, currency: str, said: str) -> None:
    assert words.money(Fraction(amount), currency) == said


@pytest.mark.parametrize(
    ("service", "count", "said"),
    [
        ("voice", 11844, "197.4 minutes"),
        ("voice", 0, "0.0 minutes"),
        ("voice", 61, "61 seconds"),
        ("data", 1_500_000, "1.5 MB"),
        ("sms", 1, "1 message"),
        ("iptv", 3, "3 events"),
    ],
)
def test_a_quantity_is_in_the_unit_that_people_use(service: str, count: int, said: str) -> None:
    assert words.quantity(service, count) == said


@pytest.mark.parametrize(
    ("service", "price", "said"),
    [
        ("voice", Fraction(17, 6000), "0.17 USD a minute"),
        ("data", Fraction(1, 10**8), "0.01 USD a MB"),
        ("sms", Fraction("0.09"), "0.09 USD each"),
    ],
)
def test_a_price_is_of_that_unit(service: str, price: Fraction, said: str) -> None:
    assert words.price(service, price, "USD") == said


def test_many_names_are_counted() -> None:
    assert words.names(["a"]) == "a"
    assert words.names(["a", "b", "c"]) == "a, b and c"
    assert words.names([str(number) for number in range(100)]) == "0, 1, 2, 3, 4 and 95 more"
