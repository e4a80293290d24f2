"""Is the most granted that what is left pays for, exactly?"""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from charging_world import ALLOWANCES, charged_tariff
from hypothesis import given
from hypothesis import strategies as st

from rating import Account, Cycle, Service, Unrated, load_tariff, open_account, rate_for
from usage_correlation.domain.charging.quotas import Planned, Pricing, affordable

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)
PLAIN = load_tariff(charged_tariff("plain"))
INCLUDING = load_tariff(charged_tariff("including", ALLOWANCES))
MARCH = Cycle(datetime(2026, 3, 1, 5, tzinfo=UTC), datetime(2026, 4, 1, 4, tzinfo=UTC))


def planned(quantity: int, service: Service = Service.DATA, destination: str = "", network: str = "") -> Planned:
    return Planned(service, NOON, quantity, destination, network)


def pricing(*, included: bool = False) -> Pricing:
    return Pricing(INCLUDING, open_account(INCLUDING, MARCH)) if included else Pricing(PLAIN, Account())


@given(st.integers(1, 10**9), st.integers(0, 500), st.booleans())
def test_the_grant_is_paid_for_and_one_unit_more_is_not(wanted: int, cents: int, included: bool) -> None:
    priced, left = pricing(included=included), Fraction(cents, 100)
    granted = affordable(priced, planned(wanted), left)
    assert 0 <= granted <= wanted
    assert rate_for(planned(granted).of(granted), priced.tariff, priced.account).rating.amount <= left
    if granted < wanted:
        more = rate_for(planned(wanted).of(granted + 1), priced.tariff, priced.account).rating.amount
        assert more > left


@given(st.lists(st.integers(1, 30_000_000), max_size=5), st.integers(1, 10**8), st.integers(0, 300))
def test_what_is_held_and_granted_costs_no_more_than_there_is(held: list[int], wanted: int, cents: int) -> None:
    there_is = Fraction(cents, 100)
    others = [planned(each) for each in held]
    after, cost = pricing(included=True).after(others)
    granted = affordable(after, planned(wanted), max(there_is - cost, Fraction(0)))
    everything, whole = pricing(included=True).after([*others, *([planned(granted)] if granted else [])])
    assert whole <= max(there_is, cost)
    assert everything.tariff is INCLUDING


def test_without_a_limit_all_is_granted() -> None:
    assert affordable(pricing(), planned(2**50), None) == 2**50


def test_what_costs_nothing_is_granted_when_nothing_is_left() -> None:
    assert affordable(pricing(included=True), planned(30_000_000), Fraction(0)) == 20_000_000
    assert affordable(pricing(), planned(600, Service.VOICE, "incoming"), Fraction(0)) == 600


def test_without_a_price_there_is_no_answer() -> None:
    with pytest.raises(Unrated):
        affordable(pricing(), planned(1, network="44010"), Fraction(1))


def test_what_is_held_and_has_no_price_any_more_holds_back_nobody() -> None:
    _, cost = pricing().after([planned(1, network="44010"), planned(1_000_000)])
    assert cost == Fraction(1, 10)
