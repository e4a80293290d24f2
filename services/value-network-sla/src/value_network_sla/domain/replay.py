"""How long would the session have taken, had some of its visits been shorter?

What began after something else had ended begins earlier when that is shortened, by as much as everything else that it
may have waited for allows; what ran side by side goes on side by side. The pauses between stay as long as they were.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from value_network_sla.domain.ordering import CRISP, OrderRule, Siblings
from value_network_sla.domain.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Cut:
    """By how much a visit is shortened when a player is put back within its promise."""

    player: int
    nanoseconds: int


@dataclass(frozen=True, slots=True)
class _Start:
    """A child begins: after `joined` children more have ended, and a pause."""

    child: int
    joined: tuple[int, ...]
    pause: int


@dataclass(frozen=True, slots=True)
class _Course:
    """What happens within a node, in order, reckoned from its start."""

    starts: tuple[_Start, ...]
    joined: tuple[int, ...]
    """The children that its end waits for beyond those already joined."""
    pause: int


class Replay:
    """One session, ready to be replayed under any number of assumptions."""

    def __init__(self, timeline: Timeline, rule: OrderRule = CRISP) -> None:
        """Work out what waited for what."""
        self._timeline = timeline
        self._order = tuple(timeline.deepest_first())
        self._courses = {
            node: _course(timeline, node, children, rule)
            for node in self._order
            if (children := timeline.lasting_children(node))
        }

    def cuts(self, cut_at: Callable[[int, int], Sequence[Cut]]) -> dict[int, Sequence[Cut]]:
        """The cuts by node, when every node below is cut already.

        `cut_at(node, duration)` says what is to be cut from a node that takes `duration` once all nodes within it are
        cut: so nobody's excess contains that of somebody whom it called.
        """
        found: dict[int, Sequence[Cut]] = {}
        durations: dict[int, int] = {}
        for node in self._order:
            duration = self._duration(node, durations)
            cuts = cut_at(node, duration)
            if cuts:
                found[node] = cuts
                duration -= sum(cut.nanoseconds for cut in cuts)
            durations[node] = duration
        return found

    def durations(self, cuts: Mapping[int, Sequence[Cut]], coalitions: Sequence[int]) -> list[int]:
        """The session's duration for each coalition (bit p set: player p's cuts are made)."""
        columns: dict[int, list[int]] = {}
        for node in self._order:
            course = self._courses.get(node)
            column = None
            if course is not None and any(step.child in columns for step in course.starts):
                column = self._column(course, columns, len(coalitions))
            for cut in cuts.get(node, ()):
                before = column or [self._timeline.duration(node)] * len(coalitions)
                column = [
                    duration - (cut.nanoseconds if coalition >> cut.player & 1 else 0)
                    for duration, coalition in zip(before, coalitions, strict=True)
                ]
            if column is not None:
                columns[node] = column
        return columns.get(0) or [self._timeline.duration(0)] * len(coalitions)

    def _duration(self, node: int, durations: Mapping[int, int]) -> int:
        course = self._courses.get(node)
        if course is None:
            return self._timeline.duration(node)
        reached = 0
        ends: dict[int, int] = {}
        for step in course.starts:
            for child in step.joined:
                reached = max(reached, ends[child])
            ends[step.child] = max(0, reached + step.pause) + durations[step.child]
        for child in course.joined:
            reached = max(reached, ends[child])
        return reached + course.pause

    def _column(self, course: _Course, columns: Mapping[int, list[int]], width: int) -> list[int]:
        """The same as `_duration`, for all coalitions at a time."""
        reached = [0] * width
        ends: dict[int, list[int]] = {}
        for step in course.starts:
            for child in step.joined:
                reached = list(map(max, reached, ends[child]))
            starts = [max(0, moment + step.pause) for moment in reached]
            column = columns.get(step.child)
            if column is None:
                duration = self._timeline.duration(step.child)
                ends[step.child] = [start + duration for start in starts]
            else:
                ends[step.child] = [start + duration for start, duration in zip(starts, column, strict=True)]
        for child in course.joined:
            reached = list(map(max, reached, ends[child]))
        return [moment + course.pause for moment in reached]


def _course(timeline: Timeline, node: int, children: Sequence[int], rule: OrderRule) -> _Course:
    begin = timeline.starts[node]
    by_end = sorted(children, key=lambda child: (timeline.ends[child], timeline.starts[child], child))
    joins = _joins(timeline, node, by_end, rule)
    steps = []
    reached = begin
    done = 0
    for child, count in joins:
        joined = tuple(by_end[done:count])
        done = max(done, count)
        reached = max((reached, *(timeline.ends[each] for each in joined)))
        steps.append(_Start(child, joined, timeline.starts[child] - reached))
    last = max(reached, timeline.ends[by_end[-1]])
    return _Course(tuple(steps), tuple(by_end[done:]), timeline.ends[node] - last)


def _joins(timeline: Timeline, node: int, by_end: Sequence[int], rule: OrderRule) -> Iterator[tuple[int, int]]:
    """The children by start, each with how many (the first to end) had ended before, or as good as ended."""
    siblings = Siblings(
        [(timeline.starts[child], timeline.ends[child]) for child in by_end],
        timeline.duration(node),
        OrderRule(rule.tolerated_ppm, touching=True),  # calls back to back are in series whatever the path's rule says
    )
    by_start = sorted(range(len(by_end)), key=lambda each: (timeline.starts[by_end[each]], each))
    ended = 0
    for later in by_start:
        while ended < len(by_end) and ended != later and siblings.is_before(ended, later):
            ended += 1
        yield by_end[later], ended
