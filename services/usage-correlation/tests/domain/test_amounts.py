"""Is money kept without losing a digit?"""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from usage_correlation.domain.amounts import Amount, nearest_nanos

amounts = st.builds(Amount, st.integers(), st.integers(1, 10**30))


@given(amounts, amounts)
def test_sums_are_exact_whatever_the_scales(left: Amount, right: Amount) -> None:
    assert (left + right).fraction == left.fraction + right.fraction


@given(amounts, amounts)
def test_one_scale_is_kept(left: Amount, right: Amount) -> None:
    same = Amount(right.numerator, left.scale)
    assert (left + same).scale == left.scale


def test_what_is_shown_is_the_nearest_billionth() -> None:
    assert nearest_nanos(Fraction(17, 6000)) == 2_833_333
    assert nearest_nanos(Fraction(1, 2_000_000_000)) == 0
    assert nearest_nanos(Fraction(3, 2_000_000_000)) == 2
