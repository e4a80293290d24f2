"""Which stored usage belongs to which bill and plan?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from rating import Cycle, UsageColumns

from billing_accuracy.domain.bills import Bill

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class UsageTable:
    """Stored usage of several subscriptions: the rows of one stand together, ordered by start."""

    columns: UsageColumns
    """Starts in whole seconds."""
    start_micros: Ints
    """Starts as stored: a record belongs to the period in which it began, to the microsecond."""
    ranges: Mapping[str, tuple[int, int]]
    """First row and the one after the last, by subscription."""


@dataclass(frozen=True, slots=True)
class PlanPeriod:
    """A plan and when it was in force."""

    plan: str
    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a bill check has to know of a subscription."""

    name: str
    customer: str
    plan_periods: tuple[PlanPeriod, ...]
    """Oldest first, without gaps."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bill's period under one plan."""

    bill: int
    """Index of the bill."""
    plan: str
    cycle: Cycle
    """The whole period."""
    held: Cycle
    """The part of it in which the plan was in force."""


def segments_of(bill: Bill, index: int, subscription: Subscription) -> list[Segment]:
    """The bill's period, cut where the plan changed; nothing before the subscription began."""
    cycle = Cycle(bill.start, bill.end)
    segments = []
    for period in subscription.plan_periods:
        start = max(period.start, bill.start)
        end = bill.end if period.end is None else min(period.end, bill.end)
        if start < end:
            segments.append(Segment(index, period.plan, cycle, Cycle(start, end)))
    return segments


def rows_of(segments: Sequence[Segment], bills: Sequence[Bill], usage: UsageTable) -> tuple[Ints, Ints]:
    """Rows of the usage in the segments, and for each the index of its bill."""
    rows, labels = [], []
    for segment in segments:
        low, high = usage.ranges.get(bills[segment.bill].subscription, (0, 0))
        starts = usage.start_micros[low:high]
        first = low + int(np.searchsorted(starts, _micros(segment.held.start), side="left"))
        last = low + int(np.searchsorted(starts, _micros(segment.held.end), side="left"))
        rows.append(np.arange(first, last, dtype=np.int64))
        labels.append(np.full(last - first, segment.bill, dtype=np.int64))
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate(rows), np.concatenate(labels)


def _micros(moment: datetime) -> int:
    seconds = int(moment.replace(microsecond=0).timestamp())
    return seconds * 1_000_000 + moment.microsecond
