"""Which thresholds speak up, once each, and which record made them?"""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usage_samples import subscriber

from usage_correlation.domain.amounts import Amount
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.crossings import Crossing, Spending, crossing_id, crossings, deciding_record, detail_of
from usage_correlation.domain.placement import Account
from usage_correlation.domain.policies import PolicyTerms, SpendPolicy
from usage_correlation.domain.shards import shard_of
from usage_correlation.domain.signals import SignalKind, shard_of_signal, signal_id

NOW = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = SpendPolicy("p", PolicyTerms("", Fraction(50), "EUR", (50, 80, 100)), NOW, NOW)


def percents_at(spent: int, passed: int = 0, currency: str = "EUR") -> list[int]:
    spending = Spending(0, currency, Amount(spent, 1), {"p": passed} if passed else {})
    return [crossing.percent for crossing in crossings(spending, [POLICY])]


def test_below_the_first_threshold_nothing_is_said() -> None:
    assert percents_at(24) == []


def test_the_threshold_that_was_reached_speaks() -> None:
    assert percents_at(25) == [50]


def test_several_at_once_speak_with_one_voice_the_highest() -> None:
    assert percents_at(60) == [100]


def test_what_was_passed_is_not_said_again() -> None:
    assert percents_at(60, passed=100) == []


def test_a_lower_threshold_stays_silent_after_a_higher_one() -> None:
    assert percents_at(30, passed=80) == []


def test_a_higher_threshold_speaks_after_a_lower_one() -> None:
    assert percents_at(45, passed=50) == [80]


def test_spending_in_another_currency_is_not_counted() -> None:
    assert percents_at(60, currency="USD") == []


@given(st.lists(st.integers(0, 30), max_size=30))
def test_however_spending_grows_no_percentage_speaks_twice_and_all_rise(steps: list[int]) -> None:
    spent, passed, said = 0, 0, []
    for step in steps:
        spent += step
        for percent in percents_at(spent, passed):
            said.append(percent)
            passed = percent
    assert said == sorted(set(said))
    assert passed == max((each for each in (50, 80, 100) if spent * 100 >= 50 * each), default=0)


def crossing(spent: int, percent: int) -> Crossing:
    return Crossing(0, "EUR", POLICY, percent, POLICY.threshold(percent), Amount(spent, 1))


def test_the_record_with_which_the_threshold_was_reached_decides() -> None:
    # 30 were spent before; 35, 41, 46 after each.
    records = [(7, Fraction(5)), (3, Fraction(6)), (9, Fraction(5))]
    assert deciding_record(crossing(46, 80), records) == (3, [7])


def test_the_first_record_decides_when_the_threshold_had_been_reached_before() -> None:
    assert deciding_record(crossing(46, 80), [(4, Fraction(1)), (5, Fraction(1))]) == (4, [])


def test_records_that_do_not_add_up_to_the_crossing_are_a_fault() -> None:
    with pytest.raises(AssertionError):
        deciding_record(crossing(30, 80), [(4, Fraction(1))])


def test_where_the_batch_changed_other_records_costs_alone_none_of_it_decides() -> None:
    assert deciding_record(crossing(46, 80), []) == (None, [])


CYCLE = BillCycle(1_772_341_200_000_000, 1_775_016_000_000_000)


def test_a_crossing_has_the_same_id_whenever_it_is_noticed() -> None:
    account = Account(subscriber("s-1"), CYCLE)
    assert crossing_id(crossing(46, 80), account) == crossing_id(crossing(49, 80), account)


@pytest.mark.parametrize(
    ("policy", "percent", "subscription", "start"),
    [("q", 80, "s-1", 0), ("p", 100, "s-1", 0), ("p", 80, "s-2", 0), ("p", 80, "s-1", 1)],
)
def test_any_other_crossing_has_another_id(policy: str, percent: int, subscription: str, start: int) -> None:
    first = signal_id(SignalKind.SPEND_THRESHOLD, "s-1", "p", 80, 0)
    assert signal_id(SignalKind.SPEND_THRESHOLD, subscription, policy, percent, start) != first


def test_a_signal_of_another_kind_has_another_id() -> None:
    assert signal_id(SignalKind.PATTERN, "s-1", "p") != signal_id(SignalKind.SILENCE, "s-1", "p")


def test_a_signals_id_tells_its_shard() -> None:
    assert shard_of_signal(signal_id(SignalKind.PATTERN, "s-1", "p")) == shard_of("s-1")
    assert shard_of_signal("nonsense") is None
    assert shard_of_signal("z" * 32) is None


def test_the_detail_tells_limit_and_spending_in_billionths() -> None:
    third = Crossing(0, "EUR", POLICY, 80, Fraction(40), Amount(125, 3))
    detail = detail_of(third, Account(subscriber("s-1"), CYCLE))
    assert (detail.limit_nanos, detail.spent_nanos, detail.cycle) == (50_000_000_000, 41_666_666_667, CYCLE)
