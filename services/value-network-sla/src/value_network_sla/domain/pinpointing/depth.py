"""By how much would a session have been shorter without a visit, and how much longer could the visit have been?

Drag and slack of the critical path method, of visits: what waited for what is taken from the session as it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from apportioning.courses import Course, course_of
from apportioning.orders import NOTHING_KNOWN, Beside
from apportioning.visits import Visits

MOST_VISITS: Final = 200
"""The longest ones; each takes a walk through all that happened around it."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How much a visit matters for the duration of its session."""

    drag_ns: int
    """The session would have been shorter by this without it."""
    slack_ns: int
    """It could have taken longer by this without the session taking longer."""


def depths(visits: Visits, beside: Beside = NOTHING_KNOWN) -> Mapping[int, Depth]:
    """By visit, of the MOST_VISITS that somebody waited for longest; not of the first, which is the session itself."""
    timeline = visits.timeline
    entered = sorted(
        ((timeline.duration(node), visit, node) for node, visit in visits.entered_at.items()), reverse=True
    )[:MOST_VISITS]
    observed = timeline.duration(0)
    course = _Observed(visits, beside)
    found = {}
    for duration, visit, node in entered:
        without = course.session_with(node, 0)
        # Grown by the whole session's duration it decides how long the session takes, whatever else goes on.
        grown = course.session_with(node, duration + observed)
        found[visit] = Depth(drag_ns=observed - without, slack_ns=2 * observed - grown)
    return found


class _Observed:
    """A session as it went, in which one interval may be given another duration."""

    def __init__(self, visits: Visits, beside: Beside) -> None:
        self._timeline = timeline = visits.timeline
        self._labels, self._beside = visits.labels, beside
        self._durations = [timeline.duration(node) for node in range(len(timeline.starts))]
        self._parents = {child: node for node, below in enumerate(timeline.children) for child in below}
        self._courses: dict[int, Course | None] = {}

    def session_with(self, node: int, duration: int) -> int:
        """How long the session takes when this node takes `duration`."""
        while node in self._parents and duration != self._durations[node]:
            above = self._parents[node]
            node, duration = above, self._within(above, node, duration)
        return duration if node == 0 else self._durations[0]

    def _within(self, node: int, changed: int, duration: int) -> int:
        if node not in self._courses:
            durations = dict(enumerate(self._durations))
            self._courses[node] = course_of(self._timeline, node, durations, self._labels, self._beside)
        course = self._courses[node]
        if course is None:
            return self._durations[node]

        def lasts(child: int) -> int:
            return duration if child == changed else self._durations[child]

        begins: dict[int, int] = {}
        reached = last = 0
        for step in course.starts:
            reached = 0 if step.alone else reached
            for child in step.joined:
                reached = max(reached, begins[child] + lasts(child))
            begin = reached
            for held in step.held:
                begin = max(begin, begins[held.child] + min(lasts(held.child), held.longest))
            begins[step.child] = begin + step.pause
            last = max(last, begins[step.child] + lasts(step.child))
        return last + course.pause
