"""Do calls, films and answers come onto one scale, by the standards' own figures?"""

import pytest

from value_network_sla.domain.satisfaction.scale import (
    CallMeasurement,
    GivenMos,
    StreamMeasurement,
    SurveyScale,
    score_of_answer,
    score_of_mos,
)


def test_a_call_is_rated_by_the_e_model() -> None:
    good = CallMeasurement("PCMA", network_delay_ms=20, jitter_ms=2, loss_percent=0, burst_ratio=1).mos()
    lossy = CallMeasurement("PCMA", network_delay_ms=150, jitter_ms=40, loss_percent=5, burst_ratio=1).mos()
    assert good == pytest.approx(4.39, abs=0.02)
    assert lossy == pytest.approx(2.74, abs=0.01)


def test_a_film_is_rated_by_start_up_and_stalls() -> None:
    film = StreamMeasurement(600, startup_seconds=4, stalls=3, stalled_seconds=20, changes=0, encoding_mos=None)
    assert film.mos() == pytest.approx(3.25, abs=0.01)


@pytest.mark.parametrize(("mos", "score"), [(1.0, 0.0), (3.0, 50.0), (5.0, 100.0)])
def test_opinion_scores_come_onto_a_hundred(mos: float, score: float) -> None:
    assert score_of_mos(GivenMos(mos).mos()) == score


@pytest.mark.parametrize("mos", [0.99, 5.01, float("nan")])
def test_what_is_no_opinion_score_is_refused(mos: float) -> None:
    with pytest.raises(ValueError, match="mos: expected 1 to 5 points, got"):
        GivenMos(mos).mos()


@pytest.mark.parametrize(
    ("scale", "answer", "score"),
    [
        (SurveyScale.NPS, 0, 0.0),
        (SurveyScale.NPS, 10, 100.0),
        (SurveyScale.CSAT, 1, 0.0),
        (SurveyScale.CSAT, 4, 75.0),
        (SurveyScale.CES, 7, 100.0),
    ],
)
def test_answers_come_onto_a_hundred(scale: SurveyScale, answer: int, score: float) -> None:
    assert score_of_answer(scale, answer) == score


@pytest.mark.parametrize(
    ("scale", "answer"), [(SurveyScale.NPS, 11), (SurveyScale.NPS, -1), (SurveyScale.CSAT, 0), (SurveyScale.CES, 8)]
)
def test_what_is_not_on_the_scale_is_refused(scale: SurveyScale, answer: int) -> None:
    with pytest.raises(ValueError, match="answer: expected"):
        score_of_answer(scale, answer)
