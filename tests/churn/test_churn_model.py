"""Is the shipped churn model what its script makes of the data, and as good as it says?"""

import json

import numpy as np
import pytest

from tools.train_churn import DATA, FOLDS, MODEL, auc, cross_validated, read_subscribers, train
from usage_correlation.domain.insights.churn import model_from

if not DATA.exists():
    pytest.skip(f"{DATA.name} is not here, which the model was trained on", allow_module_level=True)

SHIPPED = json.loads(MODEL.read_text())
SUBSCRIBERS = read_subscribers(DATA)


def test_the_area_under_the_curve_is_what_the_model_says() -> None:
    said = cross_validated(SUBSCRIBERS, seed=0)
    found = auc(SUBSCRIBERS.left, said)
    assert SHIPPED["validation"]["auc_least"] - 0.001 <= found <= SHIPPED["validation"]["auc_most"] + 0.001
    assert found == pytest.approx(SHIPPED["validation"]["auc"], abs=0.005)
    # Plain gradient boosting reaches .924 on the same columns and the others of the file.
    assert found > 0.915


def test_probabilities_are_calibrated() -> None:
    said = cross_validated(SUBSCRIBERS, seed=1)
    assert said.mean() == pytest.approx(SUBSCRIBERS.left.mean(), abs=0.01)
    assert ((said - SUBSCRIBERS.left) ** 2).mean() == pytest.approx(SHIPPED["validation"]["brier"], abs=0.003)
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 1.0)):
        chosen = (said >= low) & (said < high)
        assert said[chosen].mean() == pytest.approx(SUBSCRIBERS.left[chosen].mean(), abs=0.06)


def test_the_shipped_document_is_what_the_script_makes() -> None:
    made = train(SUBSCRIBERS)
    shipped = {key: SHIPPED[key] for key in made}
    assert shipped["terms"] == [
        {**term, "mean": pytest.approx(term["mean"]), "weight": pytest.approx(term["weight"], rel=1e-3, abs=1e-4)}
        for term in made["terms"]
    ]
    assert shipped["intercept"] == pytest.approx(made["intercept"], rel=1e-4)
    assert SHIPPED["validation"]["subscribers"] == len(SUBSCRIBERS.left)


def test_shuffled_outcomes_can_not_be_predicted() -> None:
    """What leaks would show here: nothing that tells the outcome itself is among the features."""
    random = np.random.default_rng(3)
    shuffled = type(SUBSCRIBERS)(SUBSCRIBERS.features, random.permutation(SUBSCRIBERS.left))
    assert auc(shuffled.left, cross_validated(shuffled, seed=0)) == pytest.approx(0.5, abs=0.05)


def test_a_subscriber_is_never_scored_by_a_model_that_was_trained_on_them() -> None:
    assert FOLDS == 5
    half = SUBSCRIBERS.rows(np.arange(len(SUBSCRIBERS.left)) % 2 == 0)
    fitted = model_from(train(half)).probabilities(half.features)
    assert auc(half.left, fitted) > auc(half.left, cross_validated(half, seed=0))


def test_auc_counts_pairs_and_half_of_ties() -> None:
    assert auc(np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.1, 0.5, 0.5])) == pytest.approx(0.875)
