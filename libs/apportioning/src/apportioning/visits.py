"""Which visits to partners were a session made of, and how do they lie in time?

Spans of the same party melt into the visit that they belong to: how finely a partner cuts its own work changes nothing.
Of the provider's own spans those that enclose visits stay as intervals, for they say which visits ran in parallel.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from apportioning.orders import label
from apportioning.span import PROVIDER, Span, SpanKind
from apportioning.timeline import Timeline
from apportioning.trace_tree import TraceTree
from apportioning.visit import Visit


@dataclass(frozen=True, slots=True)
class Visits:
    """A session as visits. The first is the provider's own part, all others lie in it."""

    visits: Sequence[Visit]
    timeline: Timeline
    """Of the visits that somebody waited for, and of the provider's spans around them."""
    visit_of: Sequence[int]
    """By node of the timeline: the visit that its own time belongs to."""
    entered_at: Mapping[int, int]
    """By node of the timeline where a visit begins: that visit."""
    of_span: Mapping[int, int] = field(default_factory=dict)
    """By number of a span in the tree: the visit that it belongs to."""
    labels: Sequence[str] = ()
    """By node of the timeline: party and operation."""
    span_ids: Sequence[bytes] = ()
    """By node of the timeline: the span whose interval it is."""

    def own_times(self) -> list[int]:
        """By visit, in nanoseconds: what lies in it and in none of the visits that it made."""
        own = [0] * len(self.visits)
        starts, ends, children = self.timeline.starts, self.timeline.ends, self.timeline.children
        for node, visit in enumerate(self.visit_of):
            took = ends[node] - starts[node]
            below = children[node]
            if len(below) == 1:  # all children lie within their parent
                took -= ends[below[0]] - starts[below[0]]
            elif below:
                until = starts[node]
                for start, end in sorted((starts[child], ends[child]) for child in below):
                    if end > until:
                        took -= end - (max(until, start))
                        until = end
            own[visit] += took
        return own


def collapse(tree: TraceTree, callees: Mapping[str, str]) -> Visits:
    """The visits under the tree's root.

    `callees` says for the operations that one partner alone has promised who that is: a CLIENT span of ours that
    nobody answered is a visit there, so that a partner that is down, or sends no spans, is not invisible.
    """
    return _Collapse(tree, callees).run()


@dataclass(slots=True)
class _Kept:
    """The intervals that stay, numbered as they come."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    children: list[list[int]] = field(default_factory=list)
    visit_of: list[int] = field(default_factory=list)
    entered_at: dict[int, int] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    span_ids: list[bytes] = field(default_factory=list)

    def add(self, span: Span, start: int, end: int, parent: int | None, visit: int) -> int:
        self.span_ids.append(span.span_id)
        self.starts.append(start)
        self.ends.append(end)
        self.children.append([])
        self.visit_of.append(visit)
        node = len(self.starts) - 1
        if parent is not None:
            self.children[parent].append(node)
        return node


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a span ended up."""

    visit: int
    node: int | None
    """The innermost interval that is kept around it; None where nobody waited."""


class _Collapse:
    def __init__(self, tree: TraceTree, callees: Mapping[str, str]) -> None:
        self._tree = tree
        self._callees = callees
        self._visits: list[Visit] = []
        self._kept = _Kept()
        self._calls = {number: callee for number in tree.order if (callee := self._callee(number)) is not None}
        self._encloses_visit = self._spans_around_visits()

    def run(self) -> Visits:
        tree = self._tree
        places: dict[int, _Place] = {}
        for number in tree.order:
            places[number] = self._root() if number == tree.root else self._place(number, places[tree.parents[number]])
        kept = self._kept
        timeline = Timeline(kept.starts, kept.ends, kept.children)
        of_span = {number: place.visit for number, place in places.items()}
        return Visits(self._visits, timeline, kept.visit_of, kept.entered_at, of_span, kept.labels, kept.span_ids)

    def _callee(self, number: int) -> str | None:
        """Whom a CLIENT span calls; None when it calls nobody else, or several."""
        span = self._tree.spans[number]
        if span.kind is not SpanKind.CLIENT or number == self._tree.root:
            return None
        answering = self._answering(number)
        parties = {self._tree.spans[child].party for child in answering}
        if len(parties) == 1:
            return parties.pop()
        if not self._tree.children[number] and span.party == PROVIDER:
            return self._callees.get(span.operation)
        return None

    def _answering(self, number: int) -> Collection[int]:
        party = self._tree.spans[number].party
        return [child for child in self._tree.children[number] if self._tree.spans[child].party != party]

    def _is_entry(self, number: int) -> bool:
        """Whether a visit begins at this span."""
        if number in self._calls:
            return True
        parent = self._tree.parents[number]
        if parent in self._calls:
            return False
        return self._tree.spans[number].party != self._tree.spans[parent].party

    def _spans_around_visits(self) -> set[int]:
        around: set[int] = set()
        for number in reversed(self._tree.order[1:]):
            if number in around or self._is_entry(number):
                around.add(self._tree.parents[number])
        return around

    def _root(self) -> _Place:
        root = self._tree.root
        self._visits.append(self._visit(root, PROVIDER, PROVIDER))
        node = self._keep(root, None, 0)
        return _Place(0, node)

    def _place(self, number: int, above: _Place) -> _Place:
        tree = self._tree
        node = above.node if tree.blocking[number] else None
        if self._is_entry(number):
            by = number if number in self._calls else tree.parents[number]
            partner = self._calls.get(number, tree.spans[number].party)
            self._visits.append(self._visit(number, partner, tree.spans[by].party))
            visit = len(self._visits) - 1
            if node is not None:
                node = self._keep(number, node, visit)
                self._kept.entered_at[node] = visit
            return _Place(visit, node)
        of_provider = self._visits[above.visit].partner == PROVIDER
        if node is not None and of_provider and number in self._encloses_visit:
            node = self._keep(number, node, above.visit)
        return _Place(above.visit, node)

    def _keep(self, number: int, parent: int | None, visit: int) -> int:
        tree = self._tree
        self._kept.labels.append(label(self._visits[visit].partner, tree.spans[number].operation))
        return self._kept.add(tree.spans[number], tree.starts[number], tree.ends[number], parent, visit)

    def _visit(self, number: int, partner: str, caller: str) -> Visit:
        tree = self._tree
        span = tree.spans[number]
        answers = [tree.spans[child] for child in self._answering(number)] if number in self._calls else [span]
        ours = [span] if caller == PROVIDER or not answers else []
        return Visit(
            partner=partner,
            operation=span.operation,
            caller=caller,
            start_ns=tree.starts[number],
            end_ns=tree.ends[number],
            waited_ns=span.duration_ns,
            answered_ns=_answered_ns(answers, span.duration_ns),
            error=any(each.error for each in (*ours, *answers)),
        )


def _answered_ns(answers: Sequence[Span], waited_ns: int) -> int | None:
    """By the callee's own account; of several attempts within one call, all of them together."""
    if not answers:
        return None
    return min(waited_ns, sum(span.duration_ns for span in answers))
