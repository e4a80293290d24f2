"""In which type do numbers come and go, so that one call and a million calls are the same function?"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = float | NDArray[np.float64]
"""One number, or a column of them; columns of one length may be mixed with single numbers."""
Column = NDArray[np.float64]

_LARGEST: Final = 1e9


def column(value: Numbers) -> Column:
    """A column of it; a single number becomes one without dimensions."""
    return np.asarray(value, np.float64)


def within(field: str, value: Numbers, least: float, most: float, unit: str) -> Column:
    """The column, if all of it lies in [least, most]; raises ValueError that names the field otherwise."""
    numbers = column(value)
    # Written so that a NaN fails too.
    sound = (numbers >= least) & (numbers <= most)
    if not sound.all():
        wrong = numbers[~sound].flat[0] if numbers.ndim else numbers
        raise ValueError(f"{field}: expected {least:g} to {most:g} {unit}, got {float(wrong):g}")
    return numbers


def not_negative(field: str, value: Numbers, unit: str) -> Column:
    """The column, if nothing in it is below zero, missing or beyond all measure."""
    return within(field, value, 0.0, _LARGEST, unit)
