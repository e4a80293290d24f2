"""How is the shipped churn model made, and how good is it? `python -m tools.train_churn` prints it; `--write` saves it.

The model is a logistic regression on terms that a person can read: a feature, what of it lies above a knot, whether it
reaches a value, and products of those. Knots are quantiles of the training part, so that nothing of a fold's test part
is known in training. Everything that the model reads can be computed while the mesh runs; what the file has beside that
(state, area code, account length, number of voice messages) is left out. Give `--data` a CSV with your own subscribers
in the file's columns to train a model of your own.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from usage_correlation.domain.insights.churn import FEATURES, Features, model_from, terms_of

Column = NDArray[np.float64]

ROOT: Final = Path(__file__).parents[1]
DATA: Final = ROOT / "libs/cxmesh/src/cxmesh_cli/demo/data/mlc_churn.csv"
MODEL: Final = ROOT / "services/usage-correlation/src/usage_correlation/domain/insights/churn_model.json"

FOLDS: Final = 5
ROUNDS: Final = 5
"""Cross-validations, each with folds of its own."""
RIDGE: Final = 1.0
CALIBRATION_SEED: Final = 100
CALIBRATION_EDGES: Final = (0.0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 1.01)
LEAST_POOL: Final = 25
"""Subscribers in a range of the calibration at least."""
_STEPS: Final = 60
_BANDS: Final = ("day", "eve", "night", "intl")


def quantile(feature: str, share: float, side: str = "above") -> dict[str, Any]:  # Any: JSON
    """A factor whose knot is a quantile of the training part."""
    return {"feature": feature, side: {"quantile": share}}


CARE_4: Final[dict[str, Any]] = {"feature": "care_contacts", "at_least": 4}
FEW_CALLS: Final[dict[str, Any]] = {"feature": "international_calls", "at_most": 2}
OPTION: Final[dict[str, Any]] = {"feature": "international_option"}
MESSAGES: Final[dict[str, Any]] = {"feature": "voicemail_option"}

TERMS: Final[Sequence[tuple[str, Sequence[dict[str, Any]]]]] = (
    ("usage", [{"feature": "day_minutes"}]),
    ("usage", [{"feature": "evening_minutes"}]),
    ("usage", [{"feature": "night_minutes"}]),
    ("spend", [quantile("spend_ratio", 0.5)]),
    ("spend", [quantile("spend_ratio", 0.8)]),
    ("spend", [quantile("spend_ratio", 0.9)]),
    ("spend", [MESSAGES, quantile("spend_ratio", 0.5)]),
    ("spend", [MESSAGES, quantile("spend_ratio", 0.8)]),
    ("care", [{"feature": "care_contacts"}]),
    ("care", [{"feature": "care_contacts", "at_least": 2}]),
    ("care", [CARE_4]),
    ("care", [CARE_4, MESSAGES]),
    ("care", [CARE_4, OPTION]),
    ("care", [CARE_4, quantile("spend_ratio", 0.4, "below")]),
    ("care", [CARE_4, quantile("spend_ratio", 0.65)]),
    ("care", [CARE_4, quantile("day_minutes", 0.35)]),
    ("international", [{"feature": "international_minutes"}]),
    ("international", [{"feature": "international_calls"}]),
    ("international", [FEW_CALLS]),
    ("international", [OPTION]),
    ("international", [OPTION, FEW_CALLS]),
    ("international", [OPTION, quantile("international_minutes", 0.84, "at_least")]),
    ("international", [OPTION, quantile("international_minutes", 0.84)]),
    ("international", [OPTION, quantile("spend_ratio", 0.65)]),
    ("options", [MESSAGES]),
)
"""Reason, and the factors whose product is the term."""


@dataclass(frozen=True, slots=True)
class Subscribers:
    """What is known of each, and whether they left."""

    features: Features
    left: Column

    def rows(self, chosen: NDArray[np.bool_]) -> Subscribers:
        """Some of them."""
        return Subscribers({name: column[chosen] for name, column in self.features.items()}, self.left[chosen])


def read_subscribers(path: Path) -> Subscribers:
    """The subscribers of a file in the columns of mlc_churn."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    def numbers(column: str) -> Column:
        return np.array([float(row[column]) for row in rows])

    def flags(column: str) -> Column:
        return np.array([float(row[column] == "yes") for row in rows])

    spend = sum((numbers(f"total_{band}_charge") for band in _BANDS), np.zeros(len(rows)))
    features = {
        "day_minutes": numbers("total_day_minutes"),
        "evening_minutes": numbers("total_eve_minutes"),
        "night_minutes": numbers("total_night_minutes"),
        "international_minutes": numbers("total_intl_minutes"),
        "international_calls": numbers("total_intl_calls"),
        "spend_ratio": spend / np.median(spend),
        "care_contacts": numbers("number_customer_service_calls"),
        "international_option": flags("international_plan"),
        "voicemail_option": flags("voice_mail_plan"),
    }
    return Subscribers({name: features[name] for name in FEATURES}, flags("churn"))


def train(subscribers: Subscribers, *, calibrated: bool = True) -> dict[str, Any]:  # Any: JSON
    """The model of these subscribers, as a document."""
    terms: list[dict[str, Any]] = [
        {"reason": reason, "factors": [_fixed(each, subscribers) for each in factors]} for reason, factors in TERMS
    ]
    values = terms_of(terms, subscribers.features)
    means, deviations = values.mean(axis=0), values.std(axis=0)
    deviations = np.where(deviations > 0, deviations, 1.0)
    weights = fit((values - means) / deviations, subscribers.left)
    for number, term in enumerate(terms):
        term["mean"] = round(float(means[number]), 6)
        term["weight"] = round(float(weights[number + 1] / deviations[number]), 6)
    return {
        "format": "cxmesh-churn/1",
        "base_rate": round(float(subscribers.left.mean()), 6),
        "intercept": round(float(weights[0]), 6),
        "calibration": calibration(subscribers) if calibrated else [[-0.001, -0.001], [1.001, 1.001]],
        "ranges": {
            name: [round(float(column.min()), 6), round(float(column.max()), 6)]
            for name, column in subscribers.features.items()
        },
        "terms": terms,
    }


def _fixed(factor: Mapping[str, Any], subscribers: Subscribers) -> dict[str, Any]:
    """A factor with its quantiles turned into numbers."""
    column = subscribers.features[factor["feature"]]
    return {
        key: round(float(np.quantile(column, value["quantile"])), 4) if isinstance(value, Mapping) else value
        for key, value in factor.items()
    }


def fit(values: Column, left: Column) -> Column:
    """Intercept and weights by Newton's method, with a ridge on the weights; raises when it doesn't converge."""
    columns = np.column_stack([np.ones(len(values)), values])
    ridge = np.concatenate([[0.0], np.full(values.shape[1], RIDGE)])
    weights = np.zeros(columns.shape[1])
    for _ in range(_STEPS):
        probability = 1.0 / (1.0 + np.exp(-columns @ weights))
        gradient = columns.T @ (probability - left) + ridge * weights
        curvature = (columns * (probability * (1.0 - probability))[:, None]).T @ columns + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-9:  # noqa: PLR2004  # far below the digits that are kept
            return np.asarray(weights)
    raise ArithmeticError(f"no convergence within {_STEPS} steps")


def calibration(subscribers: Subscribers) -> list[list[float]]:
    """Pairs of what a model says of those it wasn't trained on, and how many of them left; both rising.

    Means over ranges of what is said, each with so many subscribers that its mean can be trusted; ranges that would
    fall are joined (pool adjacent violators).
    """
    said, left = cross_validated(subscribers, CALIBRATION_SEED, calibrated=False), subscribers.left
    pools: list[tuple[float, float, int]] = []
    for low, high in pairwise(CALIBRATION_EDGES):
        chosen = (said >= low) & (said < high)
        if chosen.any():
            pools.append((float(said[chosen].sum()), float(left[chosen].sum()), int(chosen.sum())))
        while len(pools) > 1 and _must_join(pools[-2], pools[-1]):
            last = pools.pop()
            pools[-1] = tuple(a + b for a, b in zip(pools[-1], last, strict=True))  # type: ignore[assignment]  # three sums
    means = [(total / count, _share(gone, count)) for total, gone, count in pools]
    lowest, highest = means[0][1], means[-1][1]
    # The ends lie just outside of what can be said, so that nobody falls on one.
    knots = [(-0.001, lowest / 2), *means, (1.001, (1 + highest) / 2)]
    return [[round(each, 6) for each in knot] for knot in knots]


def _share(gone: float, count: int) -> float:
    """With half a subscriber more on either side (Jeffreys), so that nobody is certain to leave or to stay."""
    return (gone + 0.5) / (count + 1)


def _must_join(before: tuple[float, float, int], after: tuple[float, float, int]) -> bool:
    return min(before[2], after[2]) < LEAST_POOL or _share(*after[1:]) <= _share(*before[1:])


def cross_validated(subscribers: Subscribers, seed: int, *, calibrated: bool = True) -> Column:
    """What a model says of each subscriber that was trained on four fifths of the others; folds with equal shares."""
    random = np.random.default_rng(seed)
    fold = np.empty(len(subscribers.left), np.int64)
    for outcome in (0.0, 1.0):
        members = np.flatnonzero(subscribers.left == outcome)
        random.shuffle(members)
        fold[members] = np.arange(len(members)) % FOLDS
    said = np.empty(len(fold))
    for number in range(FOLDS):
        model = model_from(train(subscribers.rows(fold != number), calibrated=calibrated))
        said[fold == number] = model.probabilities(subscribers.rows(fold == number).features)
    return said


def auc(left: Column, said: Column) -> float:
    """How often one who left is ranked above one who stayed (Mann-Whitney); ties count half."""
    _, inverse, counts = np.unique(said, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    positives = left.sum()
    return float((ranks[left == 1].sum() - positives * (positives + 1) / 2.0) / (positives * (len(left) - positives)))


def report(subscribers: Subscribers) -> dict[str, Any]:  # Any: JSON
    """How good the kind of model is, by cross-validation."""
    rounds = [cross_validated(subscribers, seed) for seed in range(ROUNDS)]
    areas = [auc(subscribers.left, said) for said in rounds]
    said, left = np.concatenate(rounds), np.tile(subscribers.left, ROUNDS)
    edges = np.quantile(said, np.linspace(0, 1, 11)[1:-1])
    tenth = np.searchsorted(edges, said)
    calibration = [
        [round(float(said[tenth == each].mean()), 3), round(float(left[tenth == each].mean()), 3)] for each in range(10)
    ]
    flagged = said >= 0.5  # noqa: PLR2004  # the shipped threshold
    return {
        "method": f"{FOLDS}-fold cross-validation, {ROUNDS} times, folds stratified",
        "subscribers": len(subscribers.left),
        "left": int(subscribers.left.sum()),
        "auc": round(float(np.mean(areas)), 3),
        "auc_least": round(min(areas), 3),
        "auc_most": round(max(areas), 3),
        "brier": round(float(((said - left) ** 2).mean()), 4),
        "calibration_by_tenth": calibration,
        "at_half": {
            "precision": round(float(left[flagged].mean()), 3),
            "recall": round(float(flagged[left == 1].mean()), 3),
        },
    }


def main() -> int:
    """Train, validate, print, and save where asked to."""
    parser = argparse.ArgumentParser(prog="python -m tools.train_churn", description="Train the churn model.")
    parser.add_argument("--data", type=Path, default=DATA, help="CSV in the columns of mlc_churn")
    parser.add_argument("--source", default="mlc_churn of the R package modeldata (MIT)", help="said in the model")
    parser.add_argument(
        "--write", type=Path, nargs="?", const=MODEL, help="save the model here, or where it is shipped"
    )
    arguments = parser.parse_args()
    subscribers = read_subscribers(arguments.data)
    document = train(subscribers)
    validation = report(subscribers)
    document = {
        "format": document.pop("format"),
        "source": arguments.source,
        "made_by": "python -m tools.train_churn --write",
        "validation": validation,
        **document,
    }
    model = model_from(document)
    for key, value in validation.items():
        print(f"{key}: {value}")
    print(f"auc on what it was trained on: {auc(subscribers.left, model.probabilities(subscribers.features)):.3f}")
    if arguments.write:
        arguments.write.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        print(f"written to {arguments.write}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
