"""Which records would planned usage make, a trip abroad for example?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from rating import SERVICE_CODES, Service, Tariff, UsageColumns
from usage_correlation.domain.consumption.history import History
from usage_correlation.domain.forecast.local_days import DAY, HOUR, LocalDays
from usage_correlation.domain.moments import MICROS, from_micros

_FROM: Final = 9 * HOUR
_UNTIL: Final = 21 * HOUR
"""When planned usage is used, on the customer's clock."""
_LASTING: Final = (Service.VOICE, Service.DATA)
_WEEK: Final = 7
_MOST_NETWORKS: Final = 50


@dataclass(frozen=True, slots=True)
class DailyUse:
    """What is used of one kind on each day."""

    service: Service
    quantity: int
    records: int
    """0: one call or session; of messages and events as many as there are."""
    destination: str = ""

    @property
    def count(self) -> int:
        """Records a day."""
        return self.records or (1 if self.service in _LASTING else self.quantity)


@dataclass(frozen=True, slots=True)
class Trip:
    """So many days on the customer's clock, the first from its start on."""

    start_micros: int
    days: int
    zone: ZoneInfo

    @property
    def civil_days(self) -> LocalDays:
        """The days of the trip."""
        first = from_micros(self.start_micros).astimezone(self.zone).date()
        return LocalDays.of(self.zone, first, self.days)


def planned_usage(trip: Trip, daily: Iterable[DailyUse]) -> UsageColumns:
    """The same usage every day, spread evenly over it, the first day from the trip's start on; by start, at home."""
    days = trip.civil_days
    services, walls, quantities, destinations = [], [], [], list[str]()
    for use in daily:
        count = use.count
        services += [SERVICE_CODES[use.service]] * count
        walls += [_FROM + (2 * number + 1) * (_UNTIL - _FROM) // (2 * count) for number in range(count)]
        share, rest = divmod(use.quantity, count)
        quantities += [share + (number < rest) for number in range(count)]
        destinations += [use.destination] * count
    day = np.repeat(np.arange(trip.days), len(walls))
    wall = np.tile(np.array(walls, np.int64), trip.days)
    wall[day == 0] = _later(wall[day == 0], trip)
    columns = UsageColumns.of(
        service=np.tile(np.array(services, np.uint8), trip.days),
        start=days.moments(day, wall),
        quantity=np.tile(np.array(quantities, np.int64), trip.days),
        destination=destinations * trip.days,
    )
    return columns.rows(np.argsort(columns.start, kind="stable"))


def _later(wall: NDArray[np.int64], trip: Trip) -> NDArray[np.int64]:
    """Times of the first day, pressed together between the trip's start and nine in the evening, or midnight."""
    start = from_micros(trip.start_micros).astimezone(trip.zone)
    begin = start.hour * HOUR + start.minute * 60 + start.second + 1
    if begin <= _FROM:
        return wall
    end = _UNTIL if begin < _UNTIL else DAY
    pressed: NDArray[np.int64] = begin + (wall - _FROM) * (end - begin) // (_UNTIL - _FROM)
    return np.minimum(pressed, DAY - 1)


def own_usage(trip: Trip, history: History, now_micros: int) -> UsageColumns | int:
    """What was used on the last whole days before now, weekday by weekday; the number of days known if under a week.

    A trip that is longer than what is known repeats it.
    """
    known = history.between(0, now_micros)
    if not len(known):
        return 0
    days = LocalDays.between(trip.zone, int(known.columns.start[0]), now_micros // MICROS + 1)
    whole = len(days) - 2  # neither the first day nor today is whole
    if whole < _WEEK:
        return max(whole, 0)
    ahead = trip.civil_days
    day, wall = days.place(known.columns.start)
    rows, starts = [], []
    weeks = whole // _WEEK
    for number, weekday in enumerate(ahead.weekdays.tolist()):
        same = [at for at in range(1, whole + 1) if days.weekdays[at] == weekday]
        source = same[-1 - (number // _WEEK) % min(weeks, len(same))]
        chosen = np.flatnonzero(day == source)
        rows.append(chosen)
        starts.append(ahead.moments(np.full(len(chosen), number), wall[chosen]))
    start = np.concatenate(starts)
    columns = replace(known.columns.rows(np.concatenate(rows)), start=start)
    columns = columns.rows(np.argsort(start, kind="stable"))
    return columns.rows(columns.start * MICROS >= trip.start_micros)


def networks_within(codes: Sequence[str], tariffs: Iterable[Tariff]) -> tuple[str, ...]:
    """Where prices may differ within countries of these MCCs: the codes, and longer ones that any tariff names."""
    found = set(codes)
    for tariff in tariffs:
        zones = (zone for version in tariff.versions for zone in version.roaming_zones)
        named = {prefix for zone in zones for prefix in zone.prefixes} | set(tariff.home_networks)
        found |= {prefix for prefix in named if any(prefix.startswith(code) for code in codes)}
    return tuple(sorted(found))[:_MOST_NETWORKS]


def used_in(columns: UsageColumns, network: str) -> UsageColumns:
    """The same usage in a visited network; at home for an empty one."""
    return replace(columns, visited_network=np.full(len(columns), network) if network else None)
