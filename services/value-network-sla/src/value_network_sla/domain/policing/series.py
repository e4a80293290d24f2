"""What does a series of measurements hold, and what does it not: values that can't be true, times without any?

Neither counts as a breach. A mark of the probe (a sentinel) says that the probe had no answer, not how good the line
was; a missing slot says even less. Both are told, for a partner that measures only on good days is to be noticed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from value_network_sla.domain.policing.windows import EPOCH

Seconds = NDArray[np.int64]
"""Since the epoch, rising."""
Values = NDArray[np.float64]
_LONGEST_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Series:
    """Measurements of one metric of one thing, in order of time."""

    times: Seconds
    values: Values
    usable: NDArray[np.bool_]
    """False for sentinels."""

    @property
    def sound(self) -> "Series":
        """Without the sentinels."""
        return Series(self.times[self.usable], self.values[self.usable], self.usable[self.usable])


@dataclass(frozen=True, slots=True)
class Gap:
    """Slots that follow each other and in which nothing was measured."""

    start: datetime
    """Of the first one, as far as the slots before tell."""
    slots: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a series is there."""

    measurements: int
    """Those that count."""
    sentinels: int
    interval: timedelta | None
    """From one slot to the next: as declared, or the median of what was seen; None for fewer than two measurements."""
    missing_slots: int
    expected_slots: int
    gaps: Sequence[Gap]
    """The longest ones, at most 100, in order of time."""


def coverage_of(series: Series, interval: timedelta | None = None) -> Coverage:
    """How much of a series is there, from its first to its last measurement.

    A probe drifts, so each step between measurements is rounded to whole slots by itself.
    """
    sentinels = int((~series.usable).sum())
    counted = len(series.times) - sentinels
    steps = np.diff(series.times)
    seconds = _interval_seconds(steps, interval)
    if seconds is None:
        return Coverage(counted, sentinels, interval, 0, len(series.times), ())
    missing = np.maximum(np.rint(steps / seconds).astype(np.int64) - 1, 0)
    # Several measurements in one slot fill one slot.
    slots = int(np.maximum(np.rint(steps / seconds), 0).sum()) + 1
    longest = np.argsort(-missing, kind="stable")[:_LONGEST_SHOWN]
    gaps = [
        Gap(EPOCH + timedelta(seconds=int(series.times[index]) + seconds), int(missing[index]))
        for index in sorted(longest.tolist())
        if missing[index]
    ]
    return Coverage(counted, sentinels, timedelta(seconds=seconds), int(missing.sum()), slots, gaps)


def _interval_seconds(steps: Seconds, declared: timedelta | None) -> int | None:
    if declared is not None and len(steps):
        return max(1, int(declared.total_seconds()))
    steps = steps[steps > 0]
    return max(1, int(np.median(steps))) if len(steps) else None
