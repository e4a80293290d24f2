"""Is every part of an income exact, and is nothing lost?"""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apportioning.revenue import Basis, RevenueKind, RevenueTerms, Tier, provider_keeps, share

_DAY = 86_400


def _basis(income: int = 0, visits: int = 0, held: int = 30 * _DAY) -> Basis:
    return Basis(income, visits, held, 30 * _DAY)


@pytest.mark.parametrize(
    ("terms", "basis", "expected"),
    [
        (RevenueTerms(RevenueKind.FIXED, "EUR", amount=10_000), _basis(), 10_000),
        (RevenueTerms(RevenueKind.FIXED, "EUR", amount=10_000), _basis(held=10 * _DAY), 3_333),
        (RevenueTerms(RevenueKind.PERCENTAGE, "EUR", ppm=125_000), _basis(income=1_000), 125),
        (RevenueTerms(RevenueKind.PERCENTAGE, "EUR", ppm=125_000), _basis(income=1_004), 126),
        (RevenueTerms(RevenueKind.PERCENTAGE, "EUR", ppm=125_000), _basis(income=1_012), 126),
        (RevenueTerms(RevenueKind.USAGE, "EUR", amount=1_250_000), _basis(visits=1_000), 1_250),
        (RevenueTerms(RevenueKind.USAGE, "EUR", amount=2_000_000, included_visits=990), _basis(visits=1_000), 20),
        (RevenueTerms(RevenueKind.USAGE, "EUR", amount=2_000_000, included_visits=2_000), _basis(visits=1_000), 0),
    ],
)
def test_a_share_is_rounded_once_half_to_even(terms: RevenueTerms, basis: Basis, expected: int) -> None:
    assert share(terms, basis) == expected


def test_each_slice_of_the_income_has_its_own_percentage() -> None:
    tiers = (Tier(0, 500_000), Tier(10_000, 400_000), Tier(50_000, 250_000))
    terms = RevenueTerms(RevenueKind.TIERED, "EUR", tiers=tiers)
    assert [share(terms, _basis(income=income)) for income in (0, 10_000, 20_000, 100_000)] == [
        0,
        5_000,
        9_000,
        5_000 + 16_000 + 12_500,
    ]


@given(st.integers(0, 10**12), st.lists(st.integers(0, 300_000), min_size=1, max_size=5))
def test_partners_and_provider_share_the_whole(income: int, ppms: list[int]) -> None:
    shares = {
        f"p{number}": share(RevenueTerms(RevenueKind.PERCENTAGE, "EUR", ppm=ppm), _basis(income=income))
        for number, ppm in enumerate(ppms)
    }
    assert sum(shares.values()) + provider_keeps(income, shares) == income
    exact = Fraction(income * (1_000_000 - sum(ppms)), 1_000_000)
    assert abs(provider_keeps(income, shares) - exact) <= Fraction(len(ppms), 2)
