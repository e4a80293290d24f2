"""Does a subscriber use more and more, or less and less, and how sure is that?

A straight line through the weeks that are known, with a prior that habits change by a seventh or so in a month
(Bayesian linear regression): a few noisy weeks say little, and then the prior's doubt widens the futures instead.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from usage_correlation.domain.forecast.rhythm import Rhythm

_WEEK: Final = 7
_MONTH_DAYS: Final = 30
_SLOPE_DEVIATION: Final = 0.15
"""Of the change in a month, before anything is known."""
_NOISE: Final = 0.3
"""Deviation of a week from the mean before anything is known, as if two weeks had shown it."""
_NOISE_WEEKS: Final = 2
_LEAST: Final = 0.2
_MOST: Final = 3.0
"""Nobody's usage is taken to fall or rise further than by these factors."""


@dataclass(frozen=True, slots=True)
class Trend:
    """How much usage changes in a day, as a share of the mean day known."""

    mean: float
    deviation: float
    centre: float
    """How many days ago the mean day known lies, weighted as the days are."""

    def factors(self, days_ahead: float, count: int, chance: np.random.Generator) -> NDArray[np.float64]:
        """By future, how much more is used so many days ahead than on the mean day known."""
        slopes = chance.normal(self.mean, self.deviation, count)
        return np.clip(1 + slopes * (self.centre + days_ahead), _LEAST, _MOST)


def trend_of(rhythm: Rhythm) -> Trend:
    """The trend of the whole days known."""
    weight = rhythm.weight[:-1] / rhythm.weight[:-1].sum()
    age = len(weight) - np.arange(len(weight))
    weeks = len(weight) // _WEEK
    shown = _use_by_day(rhythm)[len(weight) - weeks * _WEEK :].reshape(weeks, _WEEK).mean(axis=1)
    centre = float((weight * age).sum())
    prior = (_SLOPE_DEVIATION / _MONTH_DAYS) ** 2
    at = (np.arange(weeks) - (weeks - 1) / 2) * _WEEK
    squares = float((at**2).sum())
    rough = float((at * shown).sum()) / squares
    rest = shown - shown.mean() - rough * at
    noise = (float((rest**2).sum()) + _NOISE_WEEKS * _NOISE**2) / (max(weeks - 2, 0) + _NOISE_WEEKS)
    precision = squares / noise + 1 / prior
    return Trend(float((at * shown).sum()) / noise / precision, precision**-0.5, centre)


def _use_by_day(rhythm: Rhythm) -> NDArray[np.float64]:
    """Whole days as multiples of the mean day, every service that is used counting the same."""
    whole = rhythm.whole_days
    records = int(rhythm.row_of_day[whole])
    day = np.repeat(np.arange(whole), np.diff(rhythm.row_of_day[: whole + 1]))
    service, quantity = rhythm.columns.service[:records], rhythm.columns.quantity[:records].astype(np.float64)
    used = np.zeros(whole)
    kinds = [kind for kind in np.unique(service) if quantity[service == kind].sum() > 0]
    for kind in kinds:
        amount = np.bincount(day[service == kind], quantity[service == kind], whole)
        used += amount / amount.mean() / len(kinds)
    return used
