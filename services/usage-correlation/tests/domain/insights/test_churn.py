"""Does the churn model say what its document says, with reasons that a person can read?"""

import json
from importlib import resources
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_correlation.domain.insights.churn import FEATURES, ModelError, model_from

SHIPPED = json.loads((resources.files("usage_correlation.domain.insights") / "churn_model.json").read_text())
ORDINARY = {
    "day_minutes": 180, "evening_minutes": 200, "night_minutes": 200, "international_minutes": 10,
    "international_calls": 4, "spend_ratio": 1, "care_contacts": 1, "international_option": 0, "voicemail_option": 0,
}  # fmt: skip
"""The file's averages, in round figures."""


def features(**changes: float) -> dict[str, Any]:  # Any: arrays
    return {name: np.array([changes.get(name, ORDINARY[name])]) for name in FEATURES}


def probability(**changes: float) -> float:
    return float(model_from(SHIPPED).probabilities(features(**changes))[0])


def test_an_ordinary_subscriber_is_unlikely_to_leave():
    assert probability(care_contacts=1, international_option=0, voicemail_option=0) < 0.1


def test_who_calls_care_again_and_again_and_spends_little_is_likely_to():
    model = model_from(SHIPPED)
    unhappy = features(care_contacts=5, spend_ratio=0.6, day_minutes=120, international_option=0, voicemail_option=0)
    assert model.probabilities(unhappy)[0] > 0.8
    strongest = model.reasons(unhappy, 0)[0]
    assert strongest.theme == "care"
    assert strongest.features["care_contacts"] == 5


def test_who_spends_far_more_than_others_without_the_option_for_it_is_likely_to():
    model = model_from(SHIPPED)
    heavy = features(care_contacts=1, spend_ratio=1.45, day_minutes=300, international_option=0, voicemail_option=0)
    assert model.probabilities(heavy)[0] > 0.8
    assert model.reasons(heavy, 0)[0].theme == "spend"


def test_nobody_gets_reasons_that_speak_against_leaving():
    model = model_from(SHIPPED)
    assert all(reason.weight > 0 for reason in model.reasons(features(), 0))


def test_a_feature_that_is_not_known_says_nothing():
    known, unknown = (
        probability(international_option=0),
        probability(international_option=0, international_minutes=float("nan"), international_calls=float("nan")),
    )
    assert 0 < unknown < 1
    assert abs(unknown - known) < 0.1


@given(st.lists(st.floats(0, 2000), min_size=9, max_size=9), st.floats(0.01, 0.5))
def test_another_base_rate_shifts_everybody_and_changes_no_order(values, base_rate):
    model = model_from(SHIPPED)
    two = {name: np.array([value, value / 2]) for name, value in zip(FEATURES, values, strict=True)}
    here, there = model.probabilities(two), model.at_base_rate(base_rate).probabilities(two)
    assert (np.sign(np.round(here[0] - here[1], 9)) == np.sign(np.round(there[0] - there[1], 9))) or np.ptp(
        there
    ) < 1e-6
    assert ((there >= 0) & (there <= 1)).all()
    if base_rate < SHIPPED["base_rate"]:
        assert (there <= here).all()


def test_the_document_says_how_good_it_is_and_what_it_was_trained_on():
    model = model_from(SHIPPED)
    assert model.auc == SHIPPED["validation"]["auc"]
    assert model.auc > 0.9
    assert "mlc_churn" in model.source


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"format": "other/1"}, r"format: expected cxmesh-churn/1, got 'other/1'"),
        ({"base_rate": 1.0}, r"base_rate: expected a share between 0 and 1, got 1.0"),
        (
            {"terms": [{"reason": "x", "factors": [{"feature": "shoe_size"}], "mean": 0, "weight": 1}]},
            r"terms\[0\].factors\[0\].feature: expected one of day_minutes, .*, got 'shoe_size'",
        ),
        (
            {"terms": [{"reason": "x", "factors": [{"feature": "care_contacts", "over": 4}], "mean": 0, "weight": 1}]},
            r"terms\[0\].factors\[0\]: expected at most one of above, below, at_least, at_most, got \['over'\]",
        ),
    ],
)
def test_a_document_that_can_not_be_used_is_refused_with_its_place(change, expected):
    with pytest.raises(ModelError, match=expected):
        model_from({**SHIPPED, **change})
    with pytest.raises(ModelError, match="expected a field 'intercept'"):
        model_from({key: value for key, value in SHIPPED.items() if key != "intercept"})
