"""Which version and which bands are in force at each instant of UTC, and until when?

Wall-clock schedules become a sorted array of UTC instants at which something changes, so that a million records find
their band by one binary search each. It is built in blocks of 32 days, and only for the blocks that records touch.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from rating.schedule import DAY_SECONDS

BLOCK_SECONDS = 32 * DAY_SECONDS
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR_FUTURE = 2**62

Ints = NDArray[np.int64]
Changes = list[tuple[int, int]]
"""(UTC second at which it starts, band number), in order."""


class DayPlans(Protocol):
    """What a timeline needs of a schedule: each civil day's bands by number."""

    def day(self, day: int) -> Changes:
        """(second of the day, band number), in order, the first at 0; `day` counts from 1970-01-01."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A stretch of UTC cut wherever any schedule's band or the version changes."""

    starts: Ints
    """When each slot starts."""
    versions: Ints
    """Number of the version in force in each slot; -1 before the first."""
    bands: Ints
    """Band number in each slot (rows) under each schedule (columns)."""
    until: Ints
    """When the version or that schedule's band next changes, same shape as `bands`."""

    def slot_at(self, instant: int) -> int:
        """The slot of one instant."""
        return int(np.searchsorted(self.starts, instant, side="right")) - 1


class TimelineBuilder:
    """Builds timelines for one time zone, list of versions and list of schedules; keeps the blocks it has built."""

    def __init__(self, time_zone: str, activations: Ints, schedules: list[DayPlans]) -> None:
        self._zone = ZoneInfo(time_zone)
        self._activations = activations
        self._schedules = schedules
        self._blocks: dict[int, list[Changes]] = {}
        self._timelines: dict[tuple[int, ...], Timeline] = {}

    def covering(self, first: int, last: int) -> Timeline:
        """The timeline of at least [first, last]."""
        return self.of_blocks(tuple(range(first // BLOCK_SECONDS, last // BLOCK_SECONDS + 1)))

    def of_blocks(self, blocks: tuple[int, ...]) -> Timeline:
        """The timeline of certain blocks, in order; between blocks that don't touch it says nothing."""
        found = self._timelines.get(blocks)
        if found is None:
            if len(self._timelines) > _KEPT_TIMELINES:
                self._timelines.clear()
            found = self._timelines[blocks] = self._build(blocks)
        return found

    def _build(self, blocks: tuple[int, ...]) -> Timeline:
        parts = [self._block(block) for block in blocks]
        changes = [[change for part in parts for change in part[k]] for k in range(len(self._schedules))]
        instants = [instant for of_schedule in changes for instant, _ in of_schedule]
        starts = np.unique(np.concatenate([np.array(instants, np.int64), self._activations]))
        starts = starts[starts >= blocks[0] * BLOCK_SECONDS]
        versions = np.searchsorted(self._activations, starts, side="right").astype(np.int64) - 1
        bands = np.empty((len(starts), len(changes)), np.int64)
        until = np.empty_like(bands)
        for k, of_schedule in enumerate(changes):
            times, numbers = np.array(of_schedule, np.int64).T
            bands[:, k] = numbers[np.searchsorted(times, starts, side="right") - 1]
            until[:, k] = _next_change(starts, bands[:, k], versions)
        return Timeline(starts, versions, bands, until)

    def _block(self, block: int) -> list[Changes]:
        found = self._blocks.get(block)
        if found is None:
            if len(self._blocks) > _KEPT_BLOCKS:
                self._blocks.clear()
            low = block * BLOCK_SECONDS
            spans = offset_spans(self._zone, low, low + BLOCK_SECONDS)
            found = self._blocks[block] = [_changes(schedule, spans) for schedule in self._schedules]
        return found


_KEPT_TIMELINES = 256
_KEPT_BLOCKS = 4096


def _next_change(starts: Ints, bands: Ints, versions: Ints) -> Ints:
    differs = (bands[1:] != bands[:-1]) | (versions[1:] != versions[:-1])
    changes = starts[1:][differs]
    ends = np.append(changes, FAR_FUTURE)
    result: Ints = ends[np.searchsorted(changes, starts, side="right")]
    return result


def _changes(schedule: DayPlans, spans: list[tuple[int, int, int]]) -> Changes:
    """Every change of band in UTC: the band at an instant is what the wall clock shows at that instant."""
    changes: Changes = []
    for low, high, offset in spans:
        first, end = low + offset, high + offset
        for day in range(first // DAY_SECONDS, (end - 1) // DAY_SECONDS + 1):
            for second, band in schedule.day(day):
                wall = day * DAY_SECONDS + second
                if wall >= end:
                    break
                instant = max(wall - offset, low)
                if changes and changes[-1][0] == instant:
                    changes.pop()
                if not changes or changes[-1][1] != band:
                    changes.append((instant, band))
    return changes


def offset_spans(zone: ZoneInfo, low: int, high: int) -> list[tuple[int, int, int]]:
    """The stretches of [low, high) with one UTC offset each: (start, end, offset), all in seconds.

    zoneinfo doesn't tell its transitions, so they are found by halving every day whose ends differ.
    """
    edges = [low]
    for day in range(low, high, DAY_SECONDS):
        left, right = day, min(day + DAY_SECONDS, high)
        if _offset(zone, left) == _offset(zone, right):
            continue
        before = _offset(zone, left)
        while right - left > 1:
            middle = (left + right) // 2
            left, right = (middle, right) if _offset(zone, middle) == before else (left, middle)
        if right < high:
            edges.append(right)
    return [(start, end, _offset(zone, start)) for start, end in zip(edges, [*edges[1:], high], strict=True)]


def _offset(zone: ZoneInfo, instant: int) -> int:
    offset = from_epoch(instant).astimezone(zone).utcoffset()
    if offset is None:
        raise ValueError(f"{zone.key} has no offset at {instant}")
    return int(offset.total_seconds())


def to_epoch(instant: datetime) -> int:
    """Whole seconds since 1970 of an aware datetime; fractions are dropped."""
    return (instant - EPOCH) // timedelta(seconds=1)


def from_epoch(second: int) -> datetime:
    """The moment, in UTC, of so many seconds since 1970."""
    return EPOCH + timedelta(seconds=second)
