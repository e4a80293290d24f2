"""What is a subscriber's own rhythm: which days are known, what was used on each, and how much does each count?"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from rating import UsageColumns
from usage_correlation.domain.consumption.history import History
from usage_correlation.domain.forecast.local_days import LocalDays
from usage_correlation.domain.moments import MICROS

Integers = NDArray[np.int64]

LEAST_DAYS: Final = 14
"""Whole days that must be known: each day of the week twice."""
HALF_LIFE_DAYS: Final = 45
"""A day that lies so far back counts half: habits change, and the running cycle says more than the last."""
ABROAD_SECONDS: Final = 2 * 86_400
"""Who last used a foreign network within this time is taken to be there still."""


class TooEarly(StrEnum):
    """Why nothing can be told yet."""

    HISTORY_TOO_SHORT = "HISTORY_TOO_SHORT"
    """Fewer whole days are known than LEAST_DAYS."""
    NO_USAGE = "NO_USAGE"
    """No usage is known in the cycles looked at, so that there is no rhythm."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Time spent abroad, as far as usage shows it, in days."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """Days, first and last included."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The days that are known of a subscriber: whole ones, and today as far as it has come."""

    columns: UsageColumns
    """The usage of these days, by start."""
    wall: Integers
    """By record: what the clock showed, in seconds."""
    row_of_day: Integers
    """First record of each day, and the end of the last day's."""
    weekdays: Integers
    """By day; the last is today."""
    weight: NDArray[np.float64]
    """By day: how much it counts, 1 for today."""
    is_abroad: NDArray[np.bool_]
    """By day: whether any of it was used in a foreign network."""
    stays: tuple[Stay, ...]
    """Stays abroad that are over."""
    staying: Stay | None
    """The stay abroad that goes on now."""

    def __len__(self) -> int:
        return len(self.weekdays)

    @property
    def whole_days(self) -> int:
        """Days that are over."""
        return len(self) - 1


def rhythm_of(
    history: History, home_networks: tuple[str, ...], zone: ZoneInfo, since_micros: int, now_micros: int
) -> Rhythm | TooEarly:
    """The rhythm from records that begin in [since, now).

    Days count from the first whole one after the first record (before it, usage may not have been recorded here at
    all), and count as days without usage where nothing is known of them.
    """
    known = history.between(since_micros, now_micros)
    if not len(known):
        return TooEarly.NO_USAGE
    now = now_micros // MICROS
    begin = max(since_micros, int(known.start_micros[0]))
    days = LocalDays.between(zone, begin // MICROS, now + 1)
    if len(days) - 2 < LEAST_DAYS:
        return TooEarly.HISTORY_TOO_SHORT
    day, wall = days.place(known.columns.start)
    whole = day > 0
    columns, day, wall = known.columns.rows(whole), day[whole] - 1, wall[whole]
    count = len(days) - 1
    order = np.lexsort((wall, day))
    is_abroad = np.zeros(count, bool)
    is_abroad[day[used_abroad(columns, home_networks)]] = True
    stays = _stays(is_abroad)
    staying = stays[-1] if stays and _is_staying(columns, home_networks, now) else None
    return Rhythm(
        columns=columns.rows(order),
        wall=wall[order],
        row_of_day=np.searchsorted(day[order], np.arange(count + 1)),
        weekdays=days.weekdays[1:],
        weight=0.5 ** ((count - 1 - np.arange(count)) / HALF_LIFE_DAYS),
        is_abroad=is_abroad,
        stays=stays[:-1] if staying else stays,
        staying=staying,
    )


def ready_micros(history: History, zone: ZoneInfo, since_micros: int, now_micros: int) -> int:
    """When enough days will be known, if usage goes on."""
    known = history.between(since_micros, now_micros)
    begin = max(since_micros, int(known.start_micros[0])) if len(known) else now_micros
    days = LocalDays.between(zone, begin // MICROS, begin // MICROS + (LEAST_DAYS + 2) * 86_400)
    return int(days.midnights[LEAST_DAYS + 1]) * MICROS


def used_abroad(columns: UsageColumns, home_networks: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which records were used in foreign networks."""
    networks = columns.visited_network
    if networks is None:
        return np.zeros(len(columns), bool)
    foreign: NDArray[np.bool_] = networks != ""
    for prefix in home_networks:
        foreign &= ~np.char.startswith(networks, prefix)
    return foreign


def _is_staying(columns: UsageColumns, home_networks: tuple[str, ...], now: int) -> bool:
    """Whether the last that was used was used abroad, a short while ago."""
    return bool(used_abroad(columns.rows(slice(-1, None)), home_networks)[0]) and (
        now - int(columns.start[-1]) <= ABROAD_SECONDS
    )


def _stays(is_abroad: NDArray[np.bool_]) -> tuple[Stay, ...]:
    edges = np.diff(np.concatenate([[False], is_abroad, [False]]).astype(np.int8))
    firsts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return tuple(Stay(int(first), int(end) - 1) for first, end in zip(firsts, ends, strict=True))
