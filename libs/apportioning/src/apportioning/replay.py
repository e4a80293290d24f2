"""How long would the session have taken, had some of its visits been shorter?

What began after something else begins earlier when that is shortened, by as much as everything else that it may have
waited for allows; what ran side by side goes on side by side. The pauses between stay as long as they were.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apportioning.courses import Course, course_of
from apportioning.orders import NOTHING_KNOWN, Beside
from apportioning.timeline import Timeline

_CELLS: Final = 4_000_000
"""So many durations are held at a time; what is beyond is worked out in slices."""

Nanoseconds = NDArray[np.int64]
Members = Sequence[NDArray[np.bool_]]
"""By player: in which of the coalitions asked about it is."""


@dataclass(frozen=True, slots=True)
class Cut:
    """By how much a visit is shortened when a player is put back within its promise."""

    player: int
    nanoseconds: int


class Replay:
    """One session, ready to be replayed with any players put back within their promises."""

    def __init__(
        self,
        timeline: Timeline,
        cut_at: Callable[[int, int], Sequence[Cut]],
        labels: Sequence[str] = (),
        beside: Beside = NOTHING_KNOWN,
    ) -> None:
        """Work out what waited for what, and what is to be cut.

        `cut_at(node, duration)` says what is to be cut from a node that takes `duration` once all nodes within it are
        cut: so nobody's excess contains that of somebody whom it called. `labels` name the nodes' operations, for
        `beside` to be looked up by.
        """
        self._timeline = timeline
        self._order = tuple(timeline.deepest_first())
        self._courses: dict[int, Course] = {}
        self.cuts: dict[int, Sequence[Cut]] = {}
        """By node."""
        restored: dict[int, int] = {}
        for node in self._order:
            course = course_of(timeline, node, restored, labels, beside)
            duration = timeline.duration(node)
            if course is not None:
                self._courses[node] = course
                duration = _duration(course, restored)
            cuts = cut_at(node, duration)
            if cuts:
                self.cuts[node] = cuts
                duration -= sum(cut.nanoseconds for cut in cuts)
            restored[node] = duration
        self.restored = restored
        """By node: how long it takes with everybody back in budget."""

    @property
    def restored_ns(self) -> int:
        """How long the session takes with everybody back in budget."""
        return self.restored[0]

    def durations(self, members: Members, width: int) -> Nanoseconds:
        """How long the session takes, for each of `width` coalitions."""
        slice_width = max(1, _CELLS // max(1, len(self.cuts)))
        edges = [(first, min(width, first + slice_width)) for first in range(0, width, slice_width)]
        parts = [self._columns([each[first:end] for each in members], end - first) for first, end in edges]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def look(self, members: Members, width: int, at: Callable[[int, Nanoseconds], None]) -> None:
        """Tell `at` of every node whose duration depends on the coalition, and of that duration; inner nodes first."""
        self._columns(members, width, at)

    def _columns(
        self, members: Members, width: int, at: Callable[[int, Nanoseconds], None] | None = None
    ) -> Nanoseconds:
        columns: dict[int, Nanoseconds] = {}
        for node in self._order:
            course = self._courses.get(node)
            column = None
            if course is not None and any(step.child in columns for step in course.starts):
                column = _column(course, columns, self._timeline, width)
                for step in course.starts:
                    columns.pop(step.child, None)
            for cut in self.cuts.get(node, ()):
                before = self._timeline.duration(node) if column is None else column
                column = before - np.where(members[cut.player], cut.nanoseconds, 0)
            if column is not None:
                columns[node] = column
                if at is not None:
                    at(node, column)
        found = columns.get(0)
        return np.full(width, self._timeline.duration(0), np.int64) if found is None else found

    def players_within(self) -> Mapping[int, int]:
        """By node: whose cuts lie in it or below it, as bits."""
        found: dict[int, int] = {}
        for node in self._order:
            bits = 0
            for cut in self.cuts.get(node, ()):
                bits |= 1 << cut.player
            for child in self._timeline.children[node]:
                bits |= found[child]
            found[node] = bits
        return found


def _duration(course: Course, durations: Mapping[int, int]) -> int:
    """How long a node takes when its children take `durations`."""
    reached = 0
    begins: dict[int, int] = {}
    last = 0
    for step in course.starts:
        if step.alone:
            reached = 0
        for child in step.joined:
            reached = max(reached, begins[child] + durations[child])
        begin = reached
        for held in step.held:
            begin = max(begin, begins[held.child] + min(durations[held.child], held.longest))
        begins[step.child] = begin + step.pause
        last = max(last, begin + step.pause + durations[step.child])
    return last + course.pause


def _column(course: Course, columns: Mapping[int, Nanoseconds], timeline: Timeline, width: int) -> Nanoseconds:
    """The same as `_duration`, for all coalitions at a time."""
    nothing = np.zeros(width, np.int64)
    reached = last = nothing
    begins: dict[int, Nanoseconds] = {}
    for step in course.starts:
        if step.alone:
            reached = nothing
        for child in step.joined:
            duration = columns.get(child, timeline.duration(child))
            reached = np.maximum(reached, begins[child] + duration)
        begin = reached
        for held in step.held:
            lasting = np.minimum(columns.get(held.child, timeline.duration(held.child)), held.longest)
            begin = np.maximum(begin, begins[held.child] + lasting)
        begins[step.child] = begin + step.pause
        last = np.maximum(last, begins[step.child] + columns.get(step.child, timeline.duration(step.child)))
    return last + course.pause
