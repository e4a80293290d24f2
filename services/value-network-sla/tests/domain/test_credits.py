"""Is exactly that given back which the terms say, and never more than the cap?"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from value_network_sla.domain.credits import (
    Attained,
    Credit,
    CreditTerms,
    CreditTier,
    cap_credits,
    earned_credit,
    may_claim,
    period_cap,
)
from value_network_sla.domain.money import Money

CENT = 10_000
FEE = Money(1_000_000_000, "EUR")  # 1,000 euro
TIERS = (
    CreditTier(Fraction("0.999"), Fraction(1, 10)),
    CreditTier(Fraction("0.99"), Fraction(1, 4)),
    CreditTier(Fraction("0.9"), None, Money(900_000_000, "EUR")),
)
TERMS = CreditTerms(FEE, TIERS, claim_window=timedelta(days=30), minimum_sample=100)


def earned(ratio: str | None, events: int = 1000) -> int | None:
    """In whole euro."""
    credit = earned_credit(TERMS, Attained(None if ratio is None else Fraction(ratio), events))
    return None if credit is None else credit.amount.micros // 1_000_000


@pytest.mark.parametrize(
    ("ratio", "euro"),
    [
        ("1", None),
        ("0.999", None),
        ("0.998999999999", 100),
        ("0.99", 100),
        ("0.9899", 250),
        ("0.9", 250),
        ("0.8", 900),
        ("0", 900),
    ],
)
def test_the_deepest_tier_reached_holds_alone(ratio: str, euro: int | None) -> None:
    assert earned(ratio) == euro


def test_without_data_or_with_too_little_there_is_none() -> None:
    assert earned(None) is None
    assert earned("0.5", events=99) is None
    assert earned("0.5", events=100) == 900


def test_a_share_of_the_fee_is_rounded_half_up_to_what_can_be_paid() -> None:
    for fee, cents in ((Money(10 * CENT, "EUR"), 1), (Money(4 * CENT, "EUR"), 0), (Money(5 * CENT, "EUR"), 1)):
        credit = earned_credit(CreditTerms(fee, TIERS[:1]), Attained(Fraction(0), 1))
        assert credit is not None
        assert credit.amount == Money(cents * CENT, "EUR")


def test_terms_without_a_fee_can_give_no_share_of_it() -> None:
    with pytest.raises(ValueError, match="the terms have no fee"):
        earned_credit(CreditTerms(None, TIERS[:1]), Attained(Fraction(0), 1))


def credits_of(cents: Sequence[int]) -> list[Credit]:
    return [Credit(Money(each * CENT, "EUR"), Money(each * CENT, "EUR"), TIERS[0]) for each in cents]


@given(cents=st.lists(st.integers(1, 10**7), max_size=8), cap=st.integers(0, 10**7))
def test_capped_credits_sum_to_the_cap_and_none_grows(cents: list[int], cap: int) -> None:
    terms = CreditTerms(FEE, TIERS, cap_amount=Money(cap * CENT, "EUR"))
    capped = cap_credits(terms, credits_of(cents))
    assert sum(each.amount.micros for each in capped) == min(cap, sum(cents)) * CENT
    assert all(each.amount.payable and each.amount.micros <= each.earned.micros for each in capped)


def test_the_lower_of_two_caps_holds_and_a_share_of_the_fee_is_rounded_down() -> None:
    by_share = CreditTerms(Money(33 * CENT, "EUR"), TIERS, cap_fee_share=Fraction(1, 2))
    assert period_cap(by_share) == Money(16 * CENT, "EUR")
    both = CreditTerms(FEE, TIERS, cap_fee_share=Fraction(1, 2), cap_amount=Money(CENT, "EUR"))
    assert period_cap(both) == Money(CENT, "EUR")
    assert period_cap(TERMS) is None


def test_what_is_cut_off_can_be_told() -> None:
    [cut] = cap_credits(CreditTerms(FEE, TIERS, cap_amount=Money(CENT, "EUR")), credits_of([5]))
    [whole] = cap_credits(TERMS, credits_of([5]))
    assert cut.capped
    assert not whole.capped


def test_a_claim_is_in_time_until_the_last_moment_of_the_claim_window() -> None:
    end = datetime(2026, 4, 1, tzinfo=UTC)
    assert may_claim(TERMS, end, end + timedelta(days=30))
    assert not may_claim(TERMS, end, end + timedelta(days=30, seconds=1))
    assert not may_claim(TERMS, end, end - timedelta(seconds=1))
    assert may_claim(CreditTerms(FEE, TIERS), end, end + timedelta(days=999))


def test_terms_know_their_currency() -> None:
    assert TERMS.currency == "EUR"
    assert CreditTerms(None).currency is None
