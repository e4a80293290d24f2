"""How may the rest of a bill cycle go? Many futures, each put together from days that the subscriber really had.

Each day to come is a known day of the same weekday, moved to the new date with its times on the clock. Which one is
drawn by the Bayesian bootstrap (Rubin 1981): every future first draws its own weights of the known days, so that the
spread of the futures holds both how days differ and how little is known of them.

Each future also draws how far usage goes on rising or falling (trend.py): some records are dropped or doubled then.

Whoever is abroad stays there in each future for a time drawn by Gott's rule (Nature 363, 1993): a stay that has lasted
so long lasts longer than t more with probability a / (a + t). Who is at home leaves as often, and for as long, as
before.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rating import UsageColumns
from usage_correlation.domain.forecast.local_days import DAY, LocalDays
from usage_correlation.domain.forecast.rhythm import Rhythm
from usage_correlation.domain.forecast.trend import trend_of

Integers = NDArray[np.int64]

_FIRST_OF_WEEKEND: Final = 5
_ENOUGH: Final = 3
"""Known days of one weekday, under which days of its kind (workdays, weekend) are drawn too."""


@dataclass(frozen=True, slots=True)
class Futures:
    """The usage of the rest of a cycle in many futures."""

    count: int
    columns: UsageColumns
    """By future and start."""
    future: Integers
    """By record: which future it belongs to, from 0."""


def draw_futures(
    rhythm: Rhythm, days: LocalDays, now: int, end: int, count: int, chance: np.random.Generator
) -> Futures:
    """`count` futures of [now, end), in seconds since 1970; `days` are the civil days that it touches."""
    weekdays = days.weekdays
    abroad = _stays_abroad(rhythm, len(days), count, chance)
    sources = np.zeros((count, len(days)), np.int64)
    gamma = chance.standard_gamma(np.broadcast_to(rhythm.weight, (count, len(rhythm))))
    for weekday in range(7):
        for is_abroad in (False, True):
            pool = _pool(rhythm, weekday, is_abroad=is_abroad)
            where = (weekdays == weekday) & (abroad == is_abroad)
            future, target = np.nonzero(where)
            if len(future):
                sources[future, target] = pool[_pick(gamma[:, pool], future, chance)]
    factors = trend_of(rhythm).factors((end - now) / 2 / DAY, count, chance)
    return _usage(rhythm, days, sources, _times(rhythm, sources, factors, chance), (now, end))


def _pick(gamma: NDArray[np.float64], future: Integers, chance: np.random.Generator) -> Integers:
    """For each row a column drawn with the weights of its future."""
    reached = np.cumsum(gamma, axis=1)
    # Weights far in the past can underflow to nothing, all together only if there is but one.
    points = chance.random(len(future)) * reached[future, -1]
    found: Integers = np.minimum((reached[future] <= points[:, None]).sum(axis=1), gamma.shape[1] - 1)
    return found


def _pool(rhythm: Rhythm, weekday: int, *, is_abroad: bool) -> Integers:
    """The known days that a day of this weekday, at home or abroad, is drawn from; never none."""
    today = len(rhythm) - 1
    fits = rhythm.is_abroad == is_abroad
    # Today is not over: it is drawn from only where so little is known of days abroad.
    fits[today] &= is_abroad
    same_kind = (rhythm.weekdays >= _FIRST_OF_WEEKEND) == (weekday >= _FIRST_OF_WEEKEND)
    whole = np.arange(len(rhythm)) < today
    for pool in (fits & (rhythm.weekdays == weekday), fits & same_kind):
        if pool.sum() >= _ENOUGH:
            return np.flatnonzero(pool)
    return np.flatnonzero(fits if fits.any() else whole)


def _stays_abroad(rhythm: Rhythm, days: int, count: int, chance: np.random.Generator) -> NDArray[np.bool_]:
    """By future and day: whether it is spent abroad."""
    abroad = np.zeros((count, days), bool)
    number = np.arange(days)
    if rhythm.staying is not None:
        lasted = rhythm.staying.length
        point = chance.random(count)
        more = lasted * (1 - point) / np.maximum(point, np.finfo(float).tiny)
        abroad |= number < more[:, None]
    if rhythm.stays:
        at_home = max(int((~rhythm.is_abroad).sum()), 1)
        leaves = chance.random((count, days)) < len(rhythm.stays) / at_home
        lengths = chance.choice([stay.length for stay in rhythm.stays], size=(count, days))
        # A stay covers every day until its end, also one on which another would begin.
        until = np.maximum.accumulate(np.where(leaves, number + lengths, 0), axis=1)
        abroad |= number < until
    return abroad


def _times(rhythm: Rhythm, sources: Integers, factors: NDArray[np.float64], chance: np.random.Generator) -> Integers:
    """How often each record of the drawn days is used: once, unless the future's factor drops some or doubles some."""
    flat = sources.ravel()
    sizes = np.diff(rhythm.row_of_day)[flat]
    # What is used abroad follows the stay, not the months.
    wanted = np.where(rhythm.is_abroad[flat], 1.0, np.repeat(factors, sources.shape[1]))
    each = np.repeat(wanted, sizes)
    whole = np.floor(each)
    found: Integers = (whole + (chance.random(len(each)) < each - whole)).astype(np.int64)
    return found


def _usage(rhythm: Rhythm, days: LocalDays, sources: Integers, times: Integers, within: tuple[int, int]) -> Futures:
    count, targets = sources.shape
    flat = sources.ravel()
    sizes = np.diff(rhythm.row_of_day)[flat]
    place = np.repeat(np.arange(len(flat)), sizes)
    number = np.arange(len(place)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows = rhythm.row_of_day[flat][place] + number
    starts = days.moments(place % targets, rhythm.wall[rows])
    times = np.where((starts >= within[0]) & (starts < within[1]), times, 0)
    rows, starts, future = (np.repeat(each, times) for each in (rows, starts, place // targets))
    order = np.lexsort((starts, future))
    columns = rhythm.columns.rows(rows[order])
    moved = UsageColumns(columns.service, starts[order], columns.quantity, columns.destination, columns.visited_network)
    return Futures(count, moved, future[order])
