"""How likely is a subscriber to leave, and why does the model think so?

A logistic regression whose terms can be read: each is a product of factors, a factor is a feature as it is, what of it
lies above or below a knot, or whether it reaches a value. The model is a document, made by tools/train_churn.py, which
also says how good it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
Features = Mapping[str, Column]
"""By name a column with a value a subscriber; NaN where it isn't known."""

FORMAT: Final = "cxmesh-churn/1"
FEATURES: Final = (
    "day_minutes",
    "evening_minutes",
    "night_minutes",
    "international_minutes",
    "international_calls",
    "spend_ratio",
    "care_contacts",
    "international_option",
    "voicemail_option",
)
"""Of one bill cycle: minutes of calls within the country by the customer's clock (day 8 to 17, evening to 22), calls to
other countries, usage charges over those of the typical subscriber; contacts with care; options that the plan has."""
MAX_REASONS: Final = 3
_SURE: Final = 30.0
"""Logarithm of odds beyond which a probability is 0 or 1 for everybody."""
_LEAST: Final = 1e-9
"""Nobody is certain."""
_SIDES: Final = ("above", "below", "at_least", "at_most")


class ModelError(ValueError):
    """A churn model's document can't be used."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a subscriber is likelier to leave than the average one."""

    theme: str
    """usage, spend, care, international or options."""
    weight: float
    """What it adds to the logarithm of the odds."""
    features: Mapping[str, float]
    """The features behind it, as they are."""


@dataclass(frozen=True, slots=True)
class ChurnModel:
    """A model that is ready to be asked."""

    terms: Sequence[Mapping[str, Any]]
    """Any: as the document has them."""
    means: Column
    """Of each term, over those that the model was trained on."""
    weights: Column
    intercept: float
    calibration: tuple[Column, Column]
    """What the terms say, rising, and how many of those left in cross-validation; in between, straight lines."""
    shift: float
    """Added to the logarithm of the odds after that, for another base rate."""
    base_rate: float
    """Share of those it was trained on who left."""
    ranges: Mapping[str, tuple[float, float]]
    """Of each feature in training; what lies beyond counts as the bound, for nobody knows how the curve goes on."""
    auc: float | None
    """By cross-validation; None in a document that doesn't say."""
    source: str
    """What it was trained on."""

    def at_base_rate(self, base_rate: float) -> "ChurnModel":
        """The model for a population of whom another share leaves: the odds are shifted, the order stays.

        Raises ValueError unless 0 < base_rate < 1.
        """
        if not 0 < base_rate < 1:
            raise ValueError(f"base_rate: expected a share between 0 and 1, got {base_rate}")
        shift = log(base_rate / (1 - base_rate)) - log(self.base_rate / (1 - self.base_rate))
        return replace(self, shift=self.shift + shift, base_rate=base_rate)

    def probabilities(self, features: Features) -> Column:
        """For each subscriber the probability to leave, 0 to 1."""
        said = _probability(self.intercept + self._contributions(features).sum(axis=1))
        seen = np.clip(np.interp(said, *self.calibration), _LEAST, 1.0 - _LEAST)
        return _probability(np.log(seen / (1.0 - seen)) + self.shift)

    def reasons(self, features: Features, subscriber: int) -> tuple[Reason, ...]:
        """What speaks most for leaving, strongest first; at most three."""
        one = {name: column[subscriber : subscriber + 1] for name, column in features.items()}
        (contributions,) = self._contributions(one).tolist()
        weights: dict[str, float] = {}
        seen: dict[str, dict[str, float]] = {}
        for term, contribution in zip(self.terms, contributions, strict=True):
            theme = term["reason"]
            weights[theme] = weights.get(theme, 0.0) + contribution
            for factor in term["factors"]:
                value = float(one[factor["feature"]][0])
                if not np.isnan(value):
                    seen.setdefault(theme, {})[factor["feature"]] = value
        strongest = sorted(weights, key=lambda theme: (-weights[theme], theme))
        return tuple(
            Reason(theme, weights[theme], seen.get(theme, {}))
            for theme in strongest[:MAX_REASONS]
            if weights[theme] > 0
        )

    def _contributions(self, features: Features) -> Column:
        """By subscriber and term; a term of a feature that isn't known says nothing."""
        clipped = {name: np.clip(column, *self.ranges[name]) for name, column in features.items()}
        found = (terms_of(self.terms, clipped) - self.means) * self.weights
        contributions: Column = np.where(np.isnan(found), 0.0, found)
        return contributions


def _probability(odds: Column) -> Column:
    """Of a logarithm of odds."""
    probabilities: Column = 1.0 / (1.0 + np.exp(-np.clip(odds, -_SURE, _SURE)))
    return probabilities


def terms_of(terms: Sequence[Mapping[str, Any]], features: Features) -> Column:
    """The terms' values, by subscriber and term; NaN where a feature isn't known. Any: as the document has them."""
    columns = []
    for term in terms:
        product = np.ones(len(next(iter(features.values()))))
        for factor in term["factors"]:
            product = product * _factor(factor, features[factor["feature"]])
        columns.append(product)
    return np.column_stack(columns)


def _factor(factor: Mapping[str, Any], column: Column) -> Column:
    if "above" in factor:
        return np.maximum(column - float(factor["above"]), 0.0)
    if "below" in factor:
        return np.maximum(float(factor["below"]) - column, 0.0)
    if "at_least" in factor:
        return np.where(np.isnan(column), np.nan, column >= factor["at_least"])
    if "at_most" in factor:
        return np.where(np.isnan(column), np.nan, column <= factor["at_most"])
    return column


def model_from(document: Mapping[str, Any]) -> ChurnModel:
    """The model of a document. Raises ModelError that names what is wrong. Any: JSON."""
    if document.get("format") != FORMAT:
        raise ModelError(f"format: expected {FORMAT}, got {document.get('format')!r}")
    try:
        terms = document["terms"]
        for number, term in enumerate(terms):
            _check(f"terms[{number}]", term)
        model = ChurnModel(
            terms=tuple(terms),
            means=np.array([float(term["mean"]) for term in terms]),
            weights=np.array([float(term["weight"]) for term in terms]),
            intercept=float(document["intercept"]),
            calibration=_calibration(document["calibration"]),
            shift=0.0,
            base_rate=float(document["base_rate"]),
            ranges={name: (document["ranges"][name][0], document["ranges"][name][1]) for name in FEATURES},
            auc=document.get("validation", {}).get("auc"),
            source=document.get("source", ""),
        )
    except KeyError as missing:
        raise ModelError(f"expected a field {missing}") from missing
    if not 0 < model.base_rate < 1:
        raise ModelError(f"base_rate: expected a share between 0 and 1, got {model.base_rate}")
    return model


def _calibration(knots: Sequence[Sequence[float]]) -> tuple[Column, Column]:
    said, seen = (np.array([float(knot[side]) for knot in knots]) for side in (0, 1))
    if len(said) < 2 or (np.diff(said) <= 0).any() or (np.diff(seen) <= 0).any():  # noqa: PLR2004  # a line has two ends
        raise ModelError(f"calibration: expected two pairs of numbers or more, both rising, got {knots}")
    return said, seen


def _check(path: str, term: Mapping[str, Any]) -> None:
    for place, factor in enumerate(term["factors"]):
        if factor["feature"] not in FEATURES:
            raise ModelError(
                f"{path}.factors[{place}].feature: expected one of {', '.join(FEATURES)}, got {factor['feature']!r}"
            )
        sides = [key for key in factor if key != "feature"]
        if len(sides) > 1 or any(side not in _SIDES for side in sides):
            raise ModelError(f"{path}.factors[{place}]: expected at most one of {', '.join(_SIDES)}, got {sides}")
