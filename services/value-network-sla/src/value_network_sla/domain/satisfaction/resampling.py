"""How sure is a mean over sessions, when sessions of one customer are alike?

Whole customers are drawn anew, with replacement (the cluster bootstrap; Davison and Hinkley, Bootstrap Methods and
their Application, 1997, section 3.8), and the figure is worked out of each draw. Its 95 % interval runs from the 2.5 %
to the 97.5 % quantile of these. Only sums by customer enter, so a draw costs a product of matrices, however many
sessions there are; beyond MOST_GROUPS customers, groups of customers are drawn instead, which changes the width little.

Draws are seeded: the same sessions give the same interval, whatever order they come in.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]

DRAWS: Final = 2_000
MOST_GROUPS: Final = 2_000
LEAST_CUSTOMERS: Final = 20
"""Below, intervals from resampling are too narrow to be told."""
_LOW, _HIGH = 0.025, 0.975
_SEED: Final = 0x5A715FAC


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


def groups_of(customers: Groups) -> tuple[Groups, int]:
    """The group of each row, its customer or one of MOST_GROUPS that the customer falls into; how many customers."""
    known, places = np.unique(customers, return_inverse=True)
    return (places % MOST_GROUPS).astype(np.int64), len(known)


@lru_cache(maxsize=2)  # up to 32 MB; every figure of a service with many customers is drawn with the same weights
def draw_weights(groups: int) -> Floats:
    """How often each group comes in each draw, (DRAWS, groups); not to be written to."""
    generator = np.random.default_rng(_SEED)
    weights = generator.multinomial(groups, np.full(groups, 1.0 / groups), size=DRAWS).astype(np.float64)
    weights.flags.writeable = False
    return weights


def sums_by_group(values: Floats, groups: Groups) -> Floats:
    """Columns of `values` (rows, columns) summed by group, (groups, columns)."""
    return np.column_stack([np.bincount(groups, weights=column) for column in values.T])


def interval(value: float, draws: Floats) -> Estimate:
    """The estimate for a figure with its values in the draws; draws in which it can't be worked out are NaN."""
    known = draws[~np.isnan(draws)]
    if known.size == 0:
        return Estimate(value, value, value)
    low, high = np.quantile(known, (_LOW, _HIGH))
    return Estimate(value, float(low), float(high))


def mean(values: Floats, customers: Groups, least: int) -> Estimate | None:
    """The mean of the values of rows; None when there are fewer than `least` rows or LEAST_CUSTOMERS customers."""
    groups, known = groups_of(customers)
    if len(values) < least or known < LEAST_CUSTOMERS:
        return None
    sums = sums_by_group(np.column_stack((values, np.ones(len(values)))), groups)
    totals = draw_weights(len(sums)) @ sums
    with np.errstate(invalid="ignore", divide="ignore"):
        draws = totals[:, 0] / totals[:, 1]
    whole = sums.sum(axis=0)
    return interval(float(whole[0] / whole[1]), draws)
