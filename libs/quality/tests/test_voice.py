"""Does a call's quality follow from what a network reports of it?"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality import CODECS, Call, buffer_depth, codec_named, late_share, rate_call

codecs = st.sampled_from(list(CODECS.values()))
calls = st.builds(
    Call, codecs, st.floats(0, 400), st.none(), st.floats(0, 100), st.floats(0, 30), st.floats(1, 8),
    st.one_of(st.none(), st.floats(0, 200)),
)  # fmt: skip


def test_a_good_line_is_good_and_a_bad_one_is_not():
    codec = codec_named("PCMA")
    assert rate_call(Call(codec, 30, None, 2, 0.1)).mos > 4.2
    assert rate_call(Call(codec, 150, None, 40, 5)).mos < 3.6
    assert rate_call(Call(codec_named("G729"), 250, None, 60, 8)).mos < 2.5


def test_delay_is_that_of_network_buffer_and_codec():
    found = rate_call(Call(codec_named("G.729A"), network_delay_ms=50, jitter_ms=10))
    assert found.mouth_to_ear_ms == pytest.approx(50 + 40 + (3 * 10 + 5))


def test_a_delay_that_was_measured_from_mouth_to_ear_is_taken_as_it_is():
    found = rate_call(Call(codec_named("G.729A"), network_delay_ms=50, jitter_ms=10, mouth_to_ear_ms=200.0))
    assert found.mouth_to_ear_ms == 200
    assert found.loss_percent > 0


def test_an_adaptive_buffer_grows_with_jitter_within_its_bounds():
    assert list(buffer_depth(np.array([0.0, 1.0, 10.0, 500.0]))) == [20.0, 20.0, 40.0, 200.0]


def test_a_fixed_buffer_that_is_too_short_loses_what_comes_late():
    codec = codec_named("PCMA")
    short, enough = (rate_call(Call(codec, 30, None, 30, 0, buffer_ms=depth)) for depth in (20, 120))
    assert short.loss_percent == pytest.approx(100 * 0.5 * np.exp(-1))
    assert enough.loss_percent < 0.2
    assert short.mos < enough.mos - 1


def test_no_jitter_means_nothing_late_even_without_a_buffer():
    assert late_share(0.0, 0.0) == 0.0
    assert rate_call(Call(codec_named("PCMA"), buffer_ms=0)).loss_percent == 0.0


def test_jitters_model_is_that_of_laplace_variables():
    transit = np.random.default_rng(7).laplace(0, 20, 400_000)
    jitter = np.abs(np.diff(transit)).mean()
    for depth in (10, 40, 80):
        assert late_share(jitter, depth) == pytest.approx((transit > depth).mean(), abs=0.003)


@given(calls, st.sampled_from(["network_delay_ms", "loss_percent"]), st.floats(0.1, 50))
def test_more_delay_and_more_loss_never_help(call, field, more):
    worse = replace(call, **{field: getattr(call, field) + more})
    assert rate_call(worse).r <= rate_call(call).r + 1e-9


@given(calls, st.floats(0.1, 50))
def test_more_jitter_never_helps(call, more):
    assert rate_call(replace(call, jitter_ms=call.jitter_ms + more)).r <= rate_call(call).r + 1e-9


@given(st.lists(st.tuples(st.floats(0, 400), st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=9), codecs)
def test_a_column_of_calls_is_rated_like_each_of_them(measured, codec):
    delay, jitter, loss = (np.array(each) for each in zip(*measured, strict=True))
    together = rate_call(Call(codec, delay, None, jitter, loss)).mos
    single = [rate_call(Call(codec, one, None, *others)).mos for one, *others in measured]
    assert list(together) == pytest.approx([float(each) for each in single])


def test_codecs_are_known_by_the_names_that_rtp_has_for_them():
    assert codec_named(" amr ") is CODECS["AMR-12.2"]
    assert codec_named("PCMU") is CODECS["G.711-PLC"]


@pytest.mark.parametrize("name", ["AMR-WB", "EVS", "opus", "iLBC", ""])
def test_codecs_without_published_narrowband_values_are_refused(name):
    with pytest.raises(ValueError, match=f"codec: expected one of .*, got '{name}'"):
        codec_named(name)


def test_what_is_out_of_range_is_named():
    with pytest.raises(ValueError, match="jitter_ms: expected 0 to"):
        rate_call(Call(codec_named("PCMA"), jitter_ms=-1))
    with pytest.raises(ValueError, match=r"loss_percent: expected 0 to 100 percent, got 101"):
        rate_call(Call(codec_named("PCMA"), loss_percent=101))
