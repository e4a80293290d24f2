"""Does the E-model give what ITU-T published, and does it move the way that calls do?"""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality import Connection, absolute_delay_impairment, burst_ratio, equipment_impairment, rate_connection

WITHIN_TABLE_2 = {
    "send_loudness_db": (0, 18),
    "receive_loudness_db": (-5, 14),
    "sidetone_masking_db": (10, 20),
    "d_send": (-3, 3),
    "d_receive": (-3, 3),
    "talker_echo_loudness_db": (5, 65),
    "weighted_echo_loss_db": (5, 110),
    "echo_delay_ms": (0, 500),
    "round_trip_ms": (0, 1000),
    "absolute_delay_ms": (0, 500),
    "quantizing_units": (1, 14),
    "equipment_impairment": (0, 40),
    "loss_robustness": (4.3, 40),
    "loss_percent": (0, 20),
    "burst_ratio": (1, 8),
    "circuit_noise_dbm0p": (-80, -40),
    "room_noise_send_db": (35, 85),
    "room_noise_receive_db": (35, 85),
    "advantage": (0, 20),
}
connections = st.builds(Connection, **{field: st.floats(*bounds) for field, bounds in WITHIN_TABLE_2.items()})


def test_the_defaults_of_table_2_give_the_published_93_2():
    rating = rate_connection(Connection())
    assert rating.r == pytest.approx(93.2, abs=0.01)
    assert rating.mos == pytest.approx(4.41, abs=0.001)
    assert rating.basic == pytest.approx(94.77, abs=0.01)  # Ro
    assert rating.simultaneous == pytest.approx(1.41, abs=0.01)  # Is


# G.113 (02/2001), Table I.2: Ie for random loss of 0, 1, 2, 3, 4, 8 and 16 percent, as measured, in whole points.
@pytest.mark.parametrize(
    ("ie", "bpl", "published"),
    [(11, 19.0, (11, 15, 19, 23, 26, 36, 49)), (15, 16.1, (15, 19, 24, 27, 32, 41, 55))],
    ids=["G.729A+VAD", "G.723.1+VAD 6.3"],
)
def test_loss_costs_what_g_113_measured(ie, bpl, published):
    found = equipment_impairment(ie, bpl, np.array([0, 1, 2, 3, 4, 8, 16]))
    assert found == pytest.approx(published, abs=1.2)


def test_g_711_with_concealment_at_2_percent_loses_the_published_7():
    assert equipment_impairment(0, 25.1, 2) == pytest.approx(7.0, abs=0.05)


# By hand from formula 7-27: X = 0.585, 1 and 2.
@pytest.mark.parametrize(("milliseconds", "impairment"), [(0, 0), (100, 0), (150, 0.16), (200, 3.04), (400, 24.07)])
def test_delay_alone_costs_what_formula_7_27_says(milliseconds, impairment):
    assert absolute_delay_impairment(milliseconds) == pytest.approx(impairment, abs=0.01)


@pytest.mark.parametrize(
    ("milliseconds", "r"),
    # Curve of G.107 for T = Ta = Tr/2 at TELR 65, as Cole and Rosenbluth (2001) fitted it with two straight lines.
    [(delay, 93.2 - 0.024 * delay - 0.11 * max(0.0, delay - 177.3)) for delay in (50, 100, 150, 200, 250, 300)],
)
def test_delay_with_its_echo_follows_the_known_fit(milliseconds, r):
    found = rate_connection(
        Connection(echo_delay_ms=milliseconds, round_trip_ms=2 * milliseconds, absolute_delay_ms=milliseconds)
    )
    assert found.r == pytest.approx(r, abs=1.6)


def test_delay_below_150_ms_hardly_matters_and_400_ms_are_poor():
    at = np.array([0.0, 150.0, 400.0])
    r = rate_connection(Connection(echo_delay_ms=at, round_trip_ms=2 * at, absolute_delay_ms=at)).r
    assert r[0] - r[1] < 5
    assert r[2] < 65


def test_whoever_cares_less_for_delay_is_less_bothered():
    assert absolute_delay_impairment(300, 0.4, 120) < absolute_delay_impairment(300)


def test_echo_that_is_not_cancelled_ruins_a_call_with_delay():
    kept = rate_connection(Connection(echo_delay_ms=100.0, absolute_delay_ms=100.0, talker_echo_loudness_db=30.0))
    assert kept.r < 50


@given(connections)
def test_every_connection_has_a_rating_and_a_column_of_one_has_the_same(connection):
    single = rate_connection(connection)
    assert np.isfinite(single.r)
    assert 1.0 <= single.mos <= 4.5
    columns = Connection(**{each.name: np.array([getattr(connection, each.name)]) for each in fields(Connection)})
    assert rate_connection(columns).r == pytest.approx([float(single.r)], rel=1e-12)


@given(connections, st.sampled_from(["absolute_delay_ms", "equipment_impairment", "loss_percent"]), st.floats(0.1, 9))
def test_more_delay_impairment_or_loss_never_helps(connection, field, more):
    worse = replace(connection, **{field: getattr(connection, field) + more})
    assert rate_connection(worse).r <= rate_connection(connection).r + 1e-9


@given(connections, st.floats(0.1, 9))
def test_a_robust_codec_and_an_advantage_never_hurt(connection, more):
    r = rate_connection(connection).r
    assert rate_connection(replace(connection, loss_robustness=connection.loss_robustness + more)).r >= r - 1e-9
    assert rate_connection(replace(connection, advantage=min(connection.advantage + more, 20.0))).r >= r - 1e-9


def test_equipment_never_takes_more_than_all():
    assert equipment_impairment(10, 4.3, 30, 8) == 95.0


def test_bursts_hurt_more_than_single_losses():
    found = equipment_impairment(0, 25.1, 5, np.array([1.0, 2.0, 4.0]))
    assert list(found) == sorted(found)
    assert found[2] > found[0] + 1


def test_independent_losses_have_burst_ratio_1_and_lasting_ones_more():
    assert burst_ratio(0.05, 0.95) == pytest.approx(1.0)
    assert burst_ratio(0.01, 0.24) == pytest.approx(4.0)
    with pytest.raises(ValueError, match="arrival_after_loss"):
        burst_ratio(0.0, 0.0)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("loss_percent", -0.1, "loss_percent: expected 0 to 100 percent, got -0.1"),
        ("loss_percent", float("nan"), "loss_percent: expected 0 to 100 percent, got nan"),
        ("absolute_delay_ms", np.array([5.0, -1.0]), "absolute_delay_ms: expected 0 to 60000 ms, got -1"),
        ("burst_ratio", 0.5, "burst_ratio: expected 1 to 1000"),
    ],
)
def test_what_is_out_of_range_is_named(field, value, expected):
    with pytest.raises(ValueError, match=expected):
        rate_connection(replace(Connection(), **{field: value}))
