"""How do the spans of one trace hang together, once gaps, loops and wrong clocks are dealt with?

Times are put right for comparison only; the spans keep theirs:
- a callee's clock that can't be right, because it began before it was called or after the answer was there, is shifted
  so that the callee lies in the middle of the call, with everything that ran on the same clock;
- what outlives its parent is cut at the parent's end: a caller that gave up waited no longer;
- what lies wholly outside its parent, and what a message set off, is nobody's waiting time (not blocking).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apportioning.assembly import SessionFlag
from apportioning.span import Span, SpanKind

_NO_PARENT = -1


@dataclass(frozen=True, slots=True)
class TraceTree:
    """The spans under one root, by index. Index order is by start time, so that arrival order changes nothing."""

    spans: Sequence[Span]
    root: int
    parents: Sequence[int]
    """-1 for the root and for spans that don't belong under it."""
    children: Sequence[Sequence[int]]
    order: Sequence[int]
    """Every span under the root, parents first."""
    starts: Sequence[int]
    ends: Sequence[int]
    """Within the parent's interval, wherever the parent waited."""
    blocking: Sequence[bool]
    """Whether the parent waited for it."""
    missing_parent: bool
    """Spans are there whose parent is not: they hang under the root. The root itself may be one."""
    cyclic: bool
    """Spans are there that claim to be their own ancestors."""
    skewed: bool
    """A callee's clock can't be right."""
    overflowing: bool
    """A span that was waited for outlived the one that waited."""

    @property
    def whole(self) -> bool:
        """Whether nothing is known to be missing."""
        return not (self.missing_parent or self.cyclic)

    def flags(self) -> Iterator[SessionFlag]:
        """What is wrong with it."""
        if self.missing_parent:
            yield SessionFlag.MISSING_PARENT
        if self.cyclic:
            yield SessionFlag.CYCLE
        if self.skewed:
            yield SessionFlag.CLOCK_SKEW
        if self.overflowing:
            yield SessionFlag.OVERFLOW


def grow_tree(spans: Sequence[Span], root_id: bytes) -> TraceTree:
    """The tree under the span `root_id`. Spans under other roots are left out."""
    ordered = sorted(spans, key=lambda span: (span.start_ns, span.end_ns, span.span_id))
    links = _Links(ordered, root_id)
    order = links.attach()
    places = _place(ordered, links.parents, order)
    return TraceTree(
        spans=ordered,
        root=links.root,
        parents=links.parents,
        children=links.children,
        order=order,
        starts=places.starts,
        ends=places.ends,
        blocking=places.blocking,
        missing_parent=links.missing_parent,
        cyclic=links.cyclic,
        skewed=places.skewed,
        overflowing=places.overflowing,
    )


class _Links:
    """Who is whose child."""

    def __init__(self, spans: Sequence[Span], root_id: bytes) -> None:
        self._spans = spans
        self._index = {span.span_id: number for number, span in enumerate(spans)}
        self.root = self._index[root_id]
        self.parents = [_NO_PARENT] * len(spans)
        self.children: list[list[int]] = [[] for _ in spans]
        # A root with a parent that is not here: the topmost span that has arrived stands in for it.
        self.missing_parent = bool(spans[self.root].parent_id)
        self.cyclic = False

    def attach(self) -> list[int]:
        """Link every span to its parent, or to the root where that is missing; all below the root, parents first."""
        elsewhere: list[int] = []
        for number, span in enumerate(self._spans):
            if number == self.root:
                continue
            parent = self._index.get(span.parent_id, _NO_PARENT)
            if parent != _NO_PARENT:
                self._link(number, parent)
            elif span.parent_id:
                self.missing_parent = True
                self._link(number, self.root)
            else:
                elsewhere.append(number)
        order = self._below(self.root, set())
        reached = set(order)
        for other in elsewhere:
            self._below(other, reached)
        order.extend(self._cut_loops(reached))
        return order

    def _cut_loops(self, reached: set[int]) -> Iterator[int]:
        """Whatever no root leads to goes round in circles; each circle is cut where it begins earliest."""
        for number in range(len(self._spans)):
            if number not in reached:
                self.cyclic = True
                earliest = min(self._circle_above(number))
                self.children[self.parents[earliest]].remove(earliest)
                self._link(earliest, self.root)
                yield from self._below(earliest, reached)

    def _circle_above(self, number: int) -> list[int]:
        """The circle that the ancestors of `number` end in."""
        seen: dict[int, None] = {}
        while number not in seen:
            seen[number] = None
            number = self.parents[number]
        path = list(seen)
        return path[path.index(number) :]

    def _link(self, child: int, parent: int) -> None:
        self.parents[child] = parent
        self.children[parent].append(child)

    def _below(self, top: int, reached: set[int]) -> list[int]:
        """`top` and what hangs below it, parents first; all of it is added to `reached`."""
        order = [top]
        reached.add(top)
        for number in order:
            fresh = [child for child in self.children[number] if child not in reached]
            reached.update(fresh)
            order.extend(fresh)
        return order


@dataclass(slots=True)
class _Places:
    """Start, end and whether it was waited for, of every span."""

    starts: list[int]
    ends: list[int]
    blocking: list[bool]
    skewed: bool = False
    overflowing: bool = False


def _place(spans: Sequence[Span], parents: Sequence[int], order: Sequence[int]) -> _Places:
    starts = [span.start_ns for span in spans]
    ends = [span.start_ns + span.duration_ns for span in spans]
    places = _Places(starts, ends, [True] * len(spans))
    shifts = [0] * len(spans)
    for number in order[1:]:
        span, above = spans[number], parents[number]
        parent = spans[above]
        shift = shifts[above] if span.sender == parent.sender else 0
        start, end = starts[number] + shift, ends[number] + shift
        first, last = starts[above], ends[above]
        if _is_message(parent, span):
            places.blocking[number] = False
        elif _is_remote(parent, span) and not first <= start <= last:
            places.skewed = True
            moved = first + max(0, (last - first) - (end - start)) // 2
            shift, start, end = shift + moved - start, moved, min(last, moved + end - start)
        elif end < first or start > last:
            places.blocking[number] = False
        elif start < first or end > last:
            places.overflowing = True
            start, end = max(start, first), min(end, last)
        shifts[number], starts[number], ends[number] = shift, start, end
    return places


def _is_message(parent: Span, child: Span) -> bool:
    """Whether the parent went on without waiting: it left a message."""
    return parent.kind is SpanKind.PRODUCER and child.kind is SpanKind.CONSUMER


def _is_remote(parent: Span, child: Span) -> bool:
    """Whether the child is the answering end of a call: it ran on another machine, by another clock."""
    return parent.kind is SpanKind.CLIENT and (child.kind is SpanKind.SERVER or child.sender != parent.sender)
