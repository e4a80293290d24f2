"""How far has event time come, when several sources report it, each at its own pace?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from usage_correlation.domain.patterns.columns import Events
from usage_correlation.domain.patterns.event_types import EVENT_TYPES

_MICRO: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class SourceClock:
    """How far one source has come."""

    micros: int
    """Its latest event."""
    as_of: int
    """When something of it was last taken, by the wall clock."""

    def at(self, now: int) -> int:
        """Event time now: it goes on with the wall clock while nothing comes, and is never ahead of it."""
        return min(self.micros + max(0, now - self.as_of), now)


Clocks = Mapping[str, SourceClock]
"""By source."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long slow sources are waited for, in microseconds."""

    idle: int
    """A source of which nothing has come for so long is not waited for."""
    behind: int
    """Nor is it waited for longer than until the others are so far ahead of it."""

    @classmethod
    def of(cls, idle: timedelta, behind: timedelta) -> "Patience":
        return cls(idle // _MICRO, behind // _MICRO)


def advanced(clocks: Clocks, batches: Iterable[Events], now: int) -> dict[str, SourceClock]:
    """The clocks of the sources of some batches, now that these have come; those of other sources stand.

    Alerts and local events tell when they begin, not how far their source is, and move no clock.
    """
    # What a source sent late makes nothing late that comes after it; a clock that is ahead is not believed.
    return {
        source: SourceClock(min(now, max(micros, clocks[source].micros if source in clocks else 0)), now)
        for source, (micros, _) in _latest(batches).items()
    }


def recalled(batches: Iterable[Events]) -> dict[str, SourceClock]:
    """The clocks of sources of which events are stored: as they stood when the last of these arrived."""
    return {
        source: SourceClock(min(micros, arrived), arrived) for source, (micros, arrived) in _latest(batches).items()
    }


def _latest(batches: Iterable[Events]) -> dict[str, tuple[int, int]]:
    """By source, the latest event time and the latest arrival."""
    latest: dict[str, tuple[int, int]] = {}
    for batch in batches:
        if EVENT_TYPES[batch.type].of_place or not len(batch):
            continue
        times, arrivals = (np.full(len(batch.sources.values), -1, np.int64) for _ in range(2))
        np.maximum.at(times, batch.sources.codes, batch.times)
        np.maximum.at(arrivals, batch.sources.codes, batch.arrivals)
        for source, micros, arrived in zip(batch.sources.values, times.tolist(), arrivals.tolist(), strict=True):
            if arrived >= 0:  # else none of the batch is from it
                known = latest.get(source, (0, 0))
                latest[source] = max(micros, known[0]), max(arrived, known[1])
    return latest


def watermark(clocks: Clocks, now: int, patience: Patience) -> int:
    """Nothing earlier is to be expected: where the slowest source is that is waited for; 0 before the first event."""
    moments = {source: clock.at(now) for source, clock in clocks.items()}
    furthest = max(moments.values(), default=0)
    live = [moments[source] for source, clock in clocks.items() if now - clock.as_of <= patience.idle]
    return max(min(live, default=furthest), furthest - patience.behind, 0)
