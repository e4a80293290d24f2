"""What do counters come to, as a bill would show them?"""

from fractions import Fraction

from usage_samples import tariff_document

from rating import load_tariff
from usage_correlation.domain.amounts import Amount
from usage_correlation.domain.summaries import Counter, RatedLine, rated_lines
from usage_correlation.domain.totals import ChargeName

TARIFFS = {plan: load_tariff(tariff_document(plan)) for plan in ("old", "new")}


def counter(code: str, seconds: int, price: str, plan: str = "old", currency: str = "USD") -> Counter:
    amount = Fraction(price) * seconds / 60
    return Counter(ChargeName(plan, code, currency), 1, seconds, Amount(amount.numerator, amount.denominator))


def test_a_line_is_rounded_on_its_total() -> None:
    (line,) = rated_lines([counter("voice.day", 15_906, "0.17")], TARIFFS, "USD")
    assert line == RatedLine("voice.day", 1, 15_906, Fraction("45.07"))


def test_lines_come_by_their_code() -> None:
    lines = rated_lines([counter("b", 60, "1"), counter("a", 60, "1")], TARIFFS, "USD")
    assert [line.charge_code for line in lines] == ["a", "b"]


def test_two_plans_of_a_cycle_are_rounded_each_and_added() -> None:
    half_a_cent = counter("voice.day", 60, "0.005")
    lines = rated_lines([half_a_cent, counter("voice.day", 60, "0.005", plan="new")], TARIFFS, "USD")
    assert lines == (RatedLine("voice.day", 2, 120, Fraction("0.02")),)


def test_another_currency_is_another_bill() -> None:
    assert rated_lines([counter("voice.day", 60, "1", currency="EUR")], TARIFFS, "USD") == ()
