"""Which records of a batch reach their maximum cost, and where does that end the service?"""

import numpy as np

from rating.amounts import SAFE, largest, multiply
from rating.measure import Pieces
from rating.tables import Numerators, Tables
from rating.timeline import Ints

NOT_CUT_OFF = -1


def keep_maxima(
    exact: Numerators, opening: Numerators, remaining: Numerators, covered: Numerators, pieces: Pieces, tables: Tables
) -> tuple[Numerators, Numerators, Ints]:
    """Keep each record's running total within the maximum of each rate.

    `opening` is the part of `exact` that is owed before the first unit (fee, value, allowances), `remaining` the units
    by step that are priced. Gives back the amounts kept, what was taken off, and where each piece is cut off.
    """
    cut_off = np.full(len(exact), NOT_CUT_OFF, np.int64)
    if exact.dtype != object and largest(exact) * len(exact) >= SAFE:
        exact = exact.astype(object)
    kept = _kept(exact, pieces, tables)
    capped = exact - kept
    over = np.flatnonzero((capped > 0) & tables.cuts_off[pieces.rate])
    if len(over):
        money = np.maximum(kept[over] - opening[over], 0)
        served = _served(money, remaining[:, over], pieces.rate[over], tables)
        cut_off[over] = pieces.offset[over] + (covered[over] + served).astype(np.int64)
    return kept, capped, cut_off


def _kept(exact: Numerators, pieces: Pieces, tables: Tables) -> Numerators:
    """What each piece adds to its record's running total, in turns: all first pieces, then all second ones."""
    kept = exact.copy()
    starts = np.flatnonzero(np.append([True], pieces.record[1:] != pieces.record[:-1])[: len(exact)])
    lengths = np.diff(np.append(starts, len(exact)))
    record = np.repeat(np.arange(len(starts)), lengths)
    turn = np.arange(len(exact)) - np.repeat(starts, lengths)
    totals = np.zeros(len(starts), exact.dtype)
    for number in range(int(turn.max(initial=-1)) + 1):
        here = np.flatnonzero(turn == number)
        maximum, before = tables.maximum[pieces.rate[here]], totals[record[here]]
        reached = before + exact[here]
        limited = np.where(maximum < 0, reached, np.minimum(reached, np.maximum(maximum, before)))
        kept[here] = limited - before
        totals[record[here]] = limited
    return kept


def _served(money: Numerators, remaining: Numerators, rate: Ints, tables: Tables) -> Numerators:
    """Base units that are served for so much money: the last increment is served when it is paid in part."""
    served: Numerators = np.zeros(len(rate), remaining.dtype)
    going_on = np.ones(len(rate), bool)
    for step, units in enumerate(remaining):
        price, increment = tables.price[step][rate], tables.increment[step][rate]
        cost = multiply(units, price)
        paid = going_on & (cost <= money)
        in_part = going_on & ~paid
        per_increment = np.where(in_part, multiply(increment, price), 1)
        begun = np.minimum(-(-money // per_increment) * increment, units)
        served = served + np.where(paid, units, np.where(in_part, begun, 0))
        money = money - np.where(paid, cost, 0)
        going_on = paid
    return served
