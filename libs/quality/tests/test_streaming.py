"""Does a stream's quality follow from its start, its stalls and its changes?"""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality import Session, rate_session

sessions = st.builds(
    lambda played, startup, stalls, length, changes, spread, encoding: Session(
        played, startup, float(stalls), stalls * length, float(changes), spread, encoding
    ),
    st.floats(1, 10_000), st.floats(0, 60), st.integers(0, 30), st.floats(0, 30), st.integers(0, 60), st.floats(0, 4),
    st.floats(1, 5),
)  # fmt: skip


def test_a_session_without_trouble_is_worth_what_its_encoding_is():
    assert rate_session(Session(600, encoding_mos=4.2)).mos == pytest.approx(4.2)
    assert rate_session(Session(600, encoding_mos=5.0)).score == pytest.approx(100.0)


def test_a_session_that_never_started_is_the_worst():
    found = rate_session(Session(0, startup_seconds=30))
    assert (found.mos, found.score, found.rebuffering_ratio) == (1.0, 0.0, 0.0)


def test_stalls_cost_what_formula_29_says():
    # Two stalls of 6 s over 120 s: each second weighs c_ref7 + (1 - c_ref7) * 10/ln 2/120 * (1 - 2^-12) on average.
    weight = 0.48412879 + (1 - 0.48412879) * 10 / math.log(2) / 120 * (1 - 2**-12)
    si = math.exp(-2 / 9.35158684 - 6 * weight / 120 / 0.91890815 - 0.5 / 11.0567558)
    assert rate_session(Session(120, 0, 2, 6, encoding_mos=5)).mos == pytest.approx(1 + 4 * si)


def test_the_start_costs_what_the_laboratory_found():
    # 5 - 0.963 log10(t + 5.381): 4.296 at once, 3.857 after ten seconds.
    assert rate_session(Session(60, 10, encoding_mos=5)).mos == pytest.approx(
        1 + 4 * (3.857 - 1) / (4.296 - 1), abs=0.01
    )


def test_waiting_before_is_better_than_waiting_within():
    before, within = rate_session(Session(60, 8)), rate_session(Session(60, 0, 2, 8))
    assert before.mos > within.mos


def test_the_rebuffering_ratio_is_the_share_of_time_spent_waiting():
    assert rate_session(Session(90, 5, 3, 10)).rebuffering_ratio == pytest.approx(0.1)


@given(sessions, st.sampled_from(["startup_seconds", "changes", "spread_mos"]), st.floats(0.1, 4))
def test_more_trouble_never_helps(session, field, more):
    value = min(getattr(session, field) + more, 4.0) if field == "spread_mos" else getattr(session, field) + more
    assert rate_session(replace(session, **{field: max(value, getattr(session, field))})).mos <= (
        rate_session(session).mos + 1e-9
    )


@given(sessions, st.integers(1, 10), st.floats(0, 30))
def test_more_and_longer_stalls_never_help(session, more, longer):
    worse = replace(session, stalls=session.stalls + more, stalled_seconds=session.stalled_seconds + longer)
    assert rate_session(worse).mos <= rate_session(session).mos + 1e-9


@given(st.lists(sessions, min_size=1, max_size=9))
def test_a_column_of_sessions_is_rated_like_each_of_them(several):
    names = Session.__dataclass_fields__
    together = rate_session(Session(**{name: np.array([getattr(each, name) for each in several]) for name in names}))
    assert list(together.mos) == pytest.approx([float(rate_session(each).mos) for each in several])
    assert ((together.mos >= 1) & (together.mos <= 5)).all()


def test_what_makes_no_sense_is_named():
    with pytest.raises(ValueError, match="stalls: expected at least 1 where stalled_seconds is above 0, got 0"):
        rate_session(Session(60, 0, 0, 5))
    with pytest.raises(ValueError, match=r"encoding_mos: expected 1 to 5 points, got 6"):
        rate_session(Session(60, encoding_mos=6))
