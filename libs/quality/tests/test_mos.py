"""Do opinions follow from ratings, and ratings from opinions, as G.107 Annex B has it?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality import good_or_better, mos_of, poor_or_worse, r_of

# G.107 Annex B, Table B.1.
PUBLISHED = [(90, 4.34, 97, 0), (80, 4.03, 89, 1), (70, 3.60, 73, 6), (60, 3.10, 50, 17), (50, 2.58, 27, 38)]


@pytest.mark.parametrize(("r", "mos", "good", "poor"), PUBLISHED)
def test_table_b_1_is_met(r, mos, good, poor):
    assert mos_of(r) == pytest.approx(mos, abs=0.0101)
    assert good_or_better(r) == pytest.approx(good, abs=0.6)
    assert poor_or_worse(r) == pytest.approx(poor, abs=0.6)


def test_opinions_stay_between_1_and_4_5():
    assert list(mos_of(np.array([-50.0, 0.0, 3.0, 100.0, 129.0]))) == [1.0, 1.0, 1.0, 4.5, 4.5]


@given(st.floats(6.6, 100))
def test_ratings_are_found_again_from_opinions(r):
    assert r_of(mos_of(r)) == pytest.approx(r, abs=1e-3)


@given(st.floats(-20, 140), st.floats(0, 20))
def test_a_better_rating_is_never_a_worse_opinion(r, more):
    assert mos_of(r + more) >= mos_of(r) - 1e-12
    assert good_or_better(r + more) >= good_or_better(r)
    assert poor_or_worse(r + more) <= poor_or_worse(r)


def test_opinions_that_no_connection_gets_have_no_rating():
    with pytest.raises(ValueError, match=r"mos: expected 1 to 4.5 points, got 4.6"):
        r_of(np.array([4.0, 4.6]))
