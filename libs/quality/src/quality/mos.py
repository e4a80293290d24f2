"""What would users say of a transmission rating R, and which R lies behind what they said?

ITU-T G.107 (06/2015), Annex B. These are averages over many users in conversational tests.
"""

import math
from typing import Final

import numpy as np

from quality.numbers import Column, Numbers, column, within

LEAST_MOS: Final = 1.0
MOST_MOS: Final = 4.5
"""No connection is excellent for everybody."""
INVERTIBLE_FROM: Final = 6.5
"""Below this R the formula of Annex B dips under 1 and has no inverse."""

_MIDDLE: Final = 60.0
_SPREAD: Final = 16.0
_POOR_MIDDLE: Final = 45.0


def mos_of(r: Numbers) -> Column:
    """The mean opinion score (MOS-CQE, 1 to 4.5) for a rating R; formula B-4.

    The formula falls slightly below 1 between 0 and 6.5; since no opinion is below 1, neither is the result.
    """
    rating = np.clip(column(r), 0.0, 100.0)
    score = 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6
    return np.clip(score, LEAST_MOS, MOST_MOS)


def r_of(mos: Numbers) -> Column:
    """The rating R, 6.5 to 100, behind a mean opinion score of 1 to 4.5; Appendix I. Raises ValueError for others."""
    score = within("mos", mos, LEAST_MOS, MOST_MOS, "points")
    # The three real roots of the cubic by the cosine method; this is the one between 6.5 and 100.
    real = 18566.0 - 6750.0 * score
    imaginary = 15.0 * np.sqrt(np.maximum(-903522.0 + 1113960.0 * score - 202500.0 * score**2, 0.0))
    angle = np.arctan2(imaginary, real) / 3.0
    rating = 20.0 / 3.0 * (8.0 - math.sqrt(226.0) * np.cos(angle + math.pi / 3.0))
    return np.clip(rating, INVERTIBLE_FROM, 100.0)


def good_or_better(r: Numbers) -> Column:
    """Percent of users who call it good or excellent; formula B-2."""
    return _percent((column(r) - _MIDDLE) / _SPREAD)


def poor_or_worse(r: Numbers) -> Column:
    """Percent of users who call it poor or bad; formula B-3."""
    return _percent((_POOR_MIDDLE - column(r)) / _SPREAD)


def _percent(deviate: Column) -> Column:
    """100 times the normal distribution function."""
    error = [math.erf(each / math.sqrt(2.0)) for each in deviate.ravel().tolist()]
    return 50.0 * (1.0 + np.array(error).reshape(deviate.shape))
