"""How are many amounts over one scale multiplied, rounded and summed without ever losing a digit?

Arrays are int64 while it is proven that 64 bits hold every result; else they hold Python ints, slower and as exact.
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from rating.money import RoundingMethod
from rating.tables import Numerators
from rating.timeline import Ints

SAFE = 2**62
_FLOATSAFE = 2**53


def largest(values: Numerators) -> int:
    """The greatest absolute value; 0 for none."""
    return max(abs(int(values.max())), abs(int(values.min()))) if values.size else 0


def multiply(units: Numerators, prices: Numerators) -> Numerators:
    """Units x prices, exact."""
    if prices.dtype == object or largest(units) * largest(prices) >= SAFE:
        units, prices = units.astype(object), prices.astype(object)
    product: Numerators = units * prices
    return product


def add(left: Numerators, right: Numerators) -> Numerators:
    """Left + right, exact."""
    if object in (left.dtype, right.dtype) or largest(left) + largest(right) >= SAFE:
        left, right = left.astype(object), right.astype(object)
    result: Numerators = left + right
    return result


def total(rows: Numerators) -> Numerators:
    """The sum over rows, exact."""
    return reduce(add, rows)


def round_to(numerators: Numerators, step: int, method: RoundingMethod) -> Numerators:
    """Each numerator rounded to a multiple of `step`; the same rules as `rating.money.round_steps`."""
    if numerators.dtype != object and (largest(numerators) + step >= SAFE):
        numerators = numerators.astype(object)
    sign = np.where(numerators < 0, -1, 1)
    size = np.abs(numerators)
    quotient = size // step
    rest = size - quotient * step
    if method is RoundingMethod.UP:
        goes_up = rest > 0
    elif method is RoundingMethod.DOWN:
        goes_up = np.zeros(len(size), bool)
    else:
        left = step - rest
        goes_up = rest > left
        if method is not RoundingMethod.HALF_DOWN:
            tie = rest == left
            goes_up = goes_up | (tie if method is RoundingMethod.HALF_UP else tie & (quotient % 2 == 1))
    result: Numerators = sign * (quotient + goes_up.astype(np.int64)) * step
    return result


def running_totals(values: Numerators, first: NDArray[np.bool_]) -> Numerators:
    """Running sums that start anew wherever `first` is set (which it is at 0)."""
    if values.dtype != object and largest(values) * len(values) >= SAFE:
        values = values.astype(object)
    totals = np.cumsum(values)
    before = np.concatenate([totals[:1] * 0, totals[:-1]])
    result: Numerators = totals - before[first][np.cumsum(first) - 1]
    return result


def sum_by(keys: Ints, values: Numerators, size: int) -> Numerators:
    """The sum of the values of each key from 0 to size - 1, exact."""
    bound = largest(values) * len(values)
    if values.dtype != object and bound < _FLOATSAFE:
        # bincount adds in doubles, which hold every integer up to 2**53: exact, and three times as fast.
        return np.bincount(keys, weights=values, minlength=size).astype(np.int64)
    exact = values if values.dtype != object and bound < SAFE else values.astype(object)
    sums = np.zeros(size, exact.dtype)
    np.add.at(sums, keys, exact)
    return sums
