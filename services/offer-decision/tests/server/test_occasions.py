"""What others tell of, read exactly."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from offer_events import bill_held, customers_affected, money, signal_raised, stamp
from offer_samples import ADA, CYCLE_END, CYCLE_START, NOW

from cxmesh.usage.v1.events_pb2 import SignalRaised
from offer_decision.domain.amounts import Amount
from offer_decision.domain.campaigns import TriggerKind
from offer_decision.server.amounts import amount_of
from offer_decision.server.occasions import of_fault, of_held_bill, of_signal


def test_a_signal_is_an_occasion_to_warn():
    (found,) = of_signal(signal_raised(ADA, percent=100))

    assert found.trigger.kind is TriggerKind.SPEND_THRESHOLD
    assert (found.trigger.resource, found.trigger.customer) == ("signals/s-1", ADA)
    assert (found.trigger.subscription, found.trigger.event_time) == ("subscriptions/ada-mobile", NOW)
    assert found.threshold_percent == 100
    assert found.usage_time == CYCLE_START
    assert found.parameters == {"spent": "USD 68.20", "limit": "USD 85.00", "percent": "100"}
    assert found.expire_time == CYCLE_END


def test_the_cycle_ends_on_its_last_day():
    (found,) = of_signal(signal_raised(ADA))

    assert found.days["cycle_end"] < CYCLE_END
    assert CYCLE_END - found.days["cycle_end"] < timedelta(seconds=1)


def test_a_signal_without_a_threshold_is_none():
    assert list(of_signal(SignalRaised())) == []


@pytest.mark.parametrize(("billed", "expected"), [(60, 47), (47, 60)])
def test_a_held_bill_tells_by_how_much_it_is_wrong_whichever_way(billed: int, expected: int):
    (found,) = of_held_bill(bill_held(ADA, billed_total=money(billed), expected_total=money(expected)))

    assert found.parameters["difference"] == "USD 13.00"
    assert found.usage_time == CYCLE_START
    assert found.expire_time == NOW + timedelta(days=30)


def test_a_held_bill_without_a_customer_is_no_occasion():
    assert list(of_held_bill(bill_held(""))) == []


def test_a_fault_is_an_occasion_for_each_customer():
    found = list(of_fault(customers_affected("customers/a", "customers/b")))

    assert [one.trigger.customer for one in found] == ["customers/a", "customers/b"]
    assert {one.trigger.resource for one in found} == {"breaches/b-1"}
    assert len({one.trigger.decision_id for one in found}) == 2
    assert found[0].moments == {"since": NOW}
    assert found[0].parameters == {"service": "IPTV"}
    assert list(of_fault(customers_affected())) == []


@pytest.mark.parametrize(
    ("units", "nanos", "micros"),
    [(68, 203_333_333, 68_203_333), (0, 500, 0), (0, 1_500, 2), (0, 501, 1), (-1, -500_000_000, -1_500_000)],
)
def test_an_amount_is_taken_to_the_nearest_micro_unit(units: int, nanos: int, micros: int):
    assert amount_of(money(units, nanos)) == Amount(micros, "USD")


@given(units=st.integers(-(10**12), 10**12), nanos=st.integers(0, 10**9 - 1))
def test_no_amount_is_off_by_more_than_half_a_micro_unit(units: int, nanos: int):
    signed = nanos if units >= 0 else -nanos
    exact = units * 10**9 + signed

    assert abs(amount_of(money(units, signed)).micros * 1000 - exact) <= 500


@pytest.mark.parametrize("currency", ["", "usd", "XXX", "EURO"])
def test_an_amount_in_no_currency_is_refused(currency: str):
    with pytest.raises(ValueError, match=f"got an amount in '{currency}', expected a currency code of ISO 4217"):
        amount_of(money(1, currency=currency))


def test_moments_are_kept_to_the_microsecond():
    moment = NOW + timedelta(microseconds=123_456)
    (found,) = of_signal(signal_raised(ADA, event_time=stamp(moment)))

    assert found.trigger.event_time == moment
