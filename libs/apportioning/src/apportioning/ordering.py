"""Which of two children of one parent came before the other?"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class OrderRule:
    """When a child counts as done before a sibling began.

    Clocks and call-backs make calls in series overlap a little. A rule may tolerate that: then the earlier sibling
    still came before if it began and ended first, their overlap is below a part of the parent's duration, and no other
    sibling begins or ends within the overlap.
    """

    tolerated_ppm: int
    """Overlap below this part of the parent's duration, in parts per million, is tolerated."""
    touching: bool
    """Whether a child that ends at the very moment at which the other begins came before it."""


CRISP = OrderRule(tolerated_ppm=10_000, touching=True)
"""1 % of overlap is tolerated (Zhang et al., "CRISP: Critical Path Analysis of Large-Scale Microservice
Architectures", USENIX ATC 2022)."""
JAEGER = OrderRule(tolerated_ppm=0, touching=False)
"""The rule of the Jaeger UI: strictly before."""


class Siblings:
    """The children of one parent, by their intervals. Children without duration are part of no order."""

    def __init__(self, intervals: Sequence[tuple[int, int]], parent_duration: int, rule: OrderRule) -> None:
        """`intervals` are (start, end) with start < end."""
        self._rule = rule
        self._intervals = intervals
        self._limit = rule.tolerated_ppm * parent_duration
        self._starts: list[int] = []
        self._ends: list[int] = []
        if self._limit:
            self._starts = sorted(start for start, _ in intervals)
            self._ends = sorted(end for _, end in intervals)

    def is_before(self, earlier: int, later: int) -> bool:
        """Whether the child of index `earlier` was done before the one of index `later` began."""
        start, end = self._intervals[earlier]
        later_start, later_end = self._intervals[later]
        if end < later_start or (end == later_start and self._rule.touching):
            return True
        if start >= later_start or end >= later_end or (end - later_start) * _MILLION >= self._limit:
            return False
        return self._events_within(later_start, end) == 2  # noqa: PLR2004 - the one's end and the other's start

    def _events_within(self, first: int, last: int) -> int:
        starts = bisect_right(self._starts, last) - bisect_left(self._starts, first)
        return starts + bisect_right(self._ends, last) - bisect_left(self._ends, first)
