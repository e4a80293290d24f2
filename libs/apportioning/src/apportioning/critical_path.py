"""Which parts of a session determined how long it took, and for how much of it?

The path is walked backwards from the end: of a parent's children, the one that ended last; then the one that ended
last before that one began; and so on. Between them the parent itself was at work. Each of those children has a path of
its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from apportioning.ordering import CRISP, OrderRule, Siblings
from apportioning.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the critical path, spent in a node itself."""

    node: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """The path from the end to the start."""

    sections: Sequence[Section]
    exclusive: Sequence[int]
    """By node: its time on the path and in none of its children. They sum to the root's duration."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A child on the path."""

    node: int
    start: int
    end: int


def critical_path(timeline: Timeline, rule: OrderRule = CRISP) -> CriticalPath:
    """The critical path of the whole timeline, in O(n log n)."""
    sections: list[Section] = []
    exclusive = [0] * len(timeline.starts)
    waiting: list[Section | _Step] = [_Step(0, timeline.starts[0], timeline.ends[0])]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Section):
            sections.append(part)
            continue
        steps = _steps_within(timeline, part, rule)
        exclusive[part.node] = part.end - part.start - sum(step.end - step.start for step in steps)
        waiting.extend(reversed(_interleave(part, steps)))
    return CriticalPath(sections, exclusive)


def _steps_within(timeline: Timeline, parent: _Step, rule: OrderRule) -> list[_Step]:
    """The children on the path, the last one first."""
    children = [
        (child, timeline.starts[child], min(timeline.ends[child], parent.end))
        for child in timeline.children[parent.node]
        if timeline.starts[child] < min(timeline.ends[child], parent.end)
    ]
    if not children:
        return []
    # Of two that end together, the longer one.
    children.sort(key=lambda child: (-child[2], child[1], child[0]))
    siblings = Siblings([(start, end) for _, start, end in children], timeline.duration(parent.node), rule)
    chosen = [0]
    for index in range(1, len(children)):
        if siblings.is_before(index, chosen[-1]):
            chosen.append(index)
    return _within_parent(parent, [_Step(*children[index]) for index in chosen])


def _within_parent(parent: _Step, steps: list[_Step]) -> list[_Step]:
    """Take tolerated overlap from the parent's own time, and where that isn't enough, from the earlier of the two."""
    lacking = sum(step.end - step.start for step in steps) - (parent.end - parent.start)
    if lacking <= 0:
        return steps
    fitting = steps[:1]
    for step in steps[1:]:
        cut = min(max(0, step.end - fitting[-1].start), max(0, lacking))
        lacking -= cut
        fitting.append(_Step(step.node, step.start, step.end - cut))
    return fitting


def _interleave(parent: _Step, steps: Sequence[_Step]) -> list[Section | _Step]:
    """The steps with the parent's own sections after, between and before them."""
    parts: list[Section | _Step] = []
    until = parent.end
    for step in steps:
        if step.end < until:
            parts.append(Section(parent.node, step.end, until))
        parts.append(step)
        until = step.start
    if parent.start < until:
        parts.append(Section(parent.node, parent.start, until))
    return parts
