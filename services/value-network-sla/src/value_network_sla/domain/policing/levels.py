"""When did the level of a series change, from what to what?

The series is cut into buckets (a day, say), and each bucket stands for itself by a quantile of its measurements: the
median tells of speed, the 95th percentile of latency that customers notice. Buckets with too few measurements are left
out, so gaps make nothing but later dates. What one bucket has beyond three deviations of its neighbours' median is cut
off, so that a bad day is no level.

The buckets are then cut into stretches of one level each, so that

    sum of squared deviations from the levels + penalty * number of changes

is as small as it can be (optimal partitioning: Jackson et al., "An algorithm for optimal partitioning of data on an
interval", 2005). The penalty is `penalty_factor` * log(n) * the variance of n buckets that lean on each other: with
autocorrelation r between neighbours it takes (1 + r) / (1 - r) times the evidence. Variance and autocorrelation come
from the median absolute differences over one and two buckets, which a change of level hardly moves (Chakar et al., "A
robust approach for estimating change-points in the mean of an AR(1) process", 2017). A factor of 2 would be the
criterion of Schwarz for the level and the date of a change; 3 is the default, for days are not normally distributed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from value_network_sla.domain.policing.series import Seconds, Series, Values
from value_network_sla.domain.policing.windows import EPOCH

MOST_BUCKETS: Final = 5_000
_NORMAL_MAD: Final = 1.4826
"""Standard deviation of a normal variable to its median absolute deviation."""
_NEIGHBOURS: Final = 7
"""Buckets of the running median: it keeps steps that last for four buckets."""
_CUT_AT: Final = 3.0
_MOST_CORRELATED: Final = 0.95


@dataclass(frozen=True, slots=True)
class LevelTerms:
    """How levels are looked for."""

    bucket: timedelta = timedelta(days=1)
    quantile: float = 0.5
    least_samples: int = 8
    """Of a bucket; with fewer it is left out."""
    least_buckets: int = 7
    """Of a level."""
    penalty_factor: float = 3.0
    least_change: float = 0.1
    """Of the level before; smaller changes are not told of."""


@dataclass(frozen=True, slots=True)
class Level:
    """A stretch of one level."""

    start: datetime
    end: datetime
    """Exclusive."""
    value: float
    """Median of its buckets."""
    buckets: int


@dataclass(frozen=True, slots=True)
class LevelChange:
    """The end of one level and the start of another."""

    earliest: datetime
    """End of the last bucket that surely belongs to the level before."""
    time: datetime
    """Start of the new level."""
    before: float
    after: float
    deviations: float
    """Size of the change in standard deviations of a bucket."""


@dataclass(frozen=True, slots=True)
class Levels:
    """What was found."""

    levels: Sequence[Level]
    changes: Sequence[LevelChange]
    penalty: float
    """In squared units of the metric: what another change had to save."""
    deviation: float
    """Standard deviation of a bucket around its level."""
    autocorrelation: float
    buckets: int
    """Looked at."""


class TooManyBuckets(ValueError):  # noqa: N818 - says what is wrong
    """The series is longer than so many buckets."""

    def __init__(self, buckets: int) -> None:
        super().__init__(f"{buckets:,} buckets; expected at most {MOST_BUCKETS:,}: take longer ones or a shorter time")
        self.buckets = buckets


def find_levels(series: Series, terms: LevelTerms) -> Levels:
    """The levels of the measurements that count; raises TooManyBuckets."""
    starts, values = _buckets(series.sound, terms)
    if len(values) < 2 * terms.least_buckets:
        whole = [_level(starts, values, 0, len(values), terms)] if len(values) else []
        return Levels(whole, (), 0.0, 0.0, 0.0, len(values))
    smooth = _cut_off(values)
    deviation, correlation = _noise(smooth)
    inflation = (1 + correlation) / (1 - correlation)
    penalty = terms.penalty_factor * math.log(len(values)) * deviation**2 * inflation
    cuts = _merge_small(_partition(smooth, penalty, terms.least_buckets), values, terms.least_change)
    edges = [0, *cuts, len(values)]
    levels = [_level(starts, values, *edge, terms) for edge in pairwise(edges)]
    changes = [
        _change(starts, cut, levels[number], levels[number + 1], deviation, terms) for number, cut in enumerate(cuts)
    ]
    return Levels(levels, changes, penalty, deviation, correlation, len(values))


def _buckets(series: Series, terms: LevelTerms) -> tuple[Seconds, Values]:
    """Starts and quantiles of the buckets with enough measurements."""
    width = int(terms.bucket.total_seconds())
    if not len(series.times):
        return np.empty(0, np.int64), np.empty(0)
    numbers = series.times // width
    found, first = np.unique(numbers, return_index=True)
    if len(found) > MOST_BUCKETS:
        raise TooManyBuckets(len(found))
    parts = np.split(series.values, first[1:])
    enough = [index for index, part in enumerate(parts) if len(part) >= terms.least_samples]
    quantiles = [float(np.quantile(parts[index], terms.quantile)) for index in enough]
    return found[enough] * width, np.array(quantiles)


def _cut_off(values: Values) -> Values:
    """Values no further from the running median than three deviations."""
    half = _NEIGHBOURS // 2
    padded = np.pad(values, half, mode="reflect")
    middle = np.median(np.lib.stride_tricks.sliding_window_view(padded, _NEIGHBOURS), axis=1)
    spread = _NORMAL_MAD * float(np.median(np.abs(values - middle)))
    return np.clip(values, middle - _CUT_AT * spread, middle + _CUT_AT * spread)


def _noise(values: Values) -> tuple[float, float]:
    """Standard deviation of a bucket around its level, and the correlation of neighbours."""
    near, far = (_NORMAL_MAD * float(np.median(np.abs(values[lag:] - values[:-lag]))) for lag in (1, 2))
    if near == 0.0:
        return float(np.finfo(np.float64).eps * max(1.0, float(np.abs(values).max()))), 0.0
    correlation = min(max((far / near) ** 2 - 1.0, 0.0), _MOST_CORRELATED)
    return near / math.sqrt(2.0 * (1.0 - correlation)), correlation


def _partition(values: Values, penalty: float, least: int) -> list[int]:
    """Where the levels of the cheapest partition begin, the first one left out."""
    centred = values - values.mean()  # small numbers keep the differences of large sums exact
    sums, squares = (np.concatenate([[0.0], np.cumsum(each)]) for each in (centred, centred**2))
    count = len(values)
    best = np.full(count + 1, np.inf)
    best[0] = -penalty
    came_from = np.zeros(count + 1, dtype=np.int64)
    for end in range(least, count + 1):
        begins: NDArray[np.int64] = np.arange(0, end - least + 1)
        lengths = end - begins
        costs = squares[end] - squares[begins] - (sums[end] - sums[begins]) ** 2 / lengths
        totals = best[begins] + costs + penalty
        choice = int(np.argmin(totals))
        best[end], came_from[end] = totals[choice], choice
    cuts: list[int] = []
    end = int(came_from[count])
    while end > 0:
        cuts.append(end)
        end = int(came_from[end])
    return cuts[::-1]


def _merge_small(cuts: list[int], values: Values, least_change: float) -> list[int]:
    """Without the changes that are too small to tell of, the smallest left out first."""
    kept = list(cuts)
    while kept:
        edges = [0, *kept, len(values)]
        middles = [float(np.median(values[a:b])) for a, b in pairwise(edges)]
        sizes = [abs(b - a) / max(abs(a), 1e-12) for a, b in pairwise(middles)]
        smallest = min(range(len(kept)), key=sizes.__getitem__)
        if sizes[smallest] >= least_change:
            break
        del kept[smallest]
    return kept


def _level(starts: Seconds, values: Values, begin: int, end: int, terms: LevelTerms) -> Level:
    finish = _moment(starts[end - 1]) + terms.bucket
    return Level(_moment(starts[begin]), finish, float(np.median(values[begin:end])), end - begin)


def _change(starts: Seconds, cut: int, before: Level, after: Level, deviation: float, terms: LevelTerms) -> LevelChange:
    size = abs(after.value - before.value) / deviation
    return LevelChange(_moment(starts[cut - 1]) + terms.bucket, _moment(starts[cut]), before.value, after.value, size)


def _moment(seconds: np.int64) -> datetime:
    return EPOCH + timedelta(seconds=int(seconds))
