"""Which visits to partners were a session made of, and how do they lie in time?

Spans of the same party melt into the visit that they belong to: how finely a partner cuts its own work changes nothing.
Of the provider's own spans those that enclose visits stay as intervals, for they say which visits ran in parallel.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from apportioning.orders import label
from apportioning.span import PROVIDER, Span, SpanKind, is_partner
from apportioning.timeline import Timeline
from apportioning.trace_tree import TraceTree
from apportioning.visit import Visit

Called = Mapping[str, Sequence[str]]
"""By server address as spans have it: the partners that declare it, at least one."""
NOWHERE: Final[Called] = MappingProxyType({})


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
    ambiguous: bool = False
    """A call that nobody answered went to an address that several partners declare."""

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


def collapse(tree: TraceTree, callees: Mapping[str, str], called: Called = NOWHERE) -> Visits:
    """The visits under the tree's root.

    A CLIENT span of ours that nobody answered is a visit to whom it went, so that a partner that is down, or sends no
    spans, is not invisible. `called` says whose the addresses are that such spans have; one that several partners
    declare is nobody's. Where none declares it, `callees` says for the operations that one partner alone has promised
    who that is.
    """
    return _Collapse(tree, callees, called).run()


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


class _Collapse:
    def __init__(self, tree: TraceTree, callees: Mapping[str, str], called: Called) -> None:
        self._tree = tree
        self._callees = callees
        self._called = called
        self._ambiguous = False
        self._visits: list[Visit] = []
        self._kept = _Kept()
        senders = [span.sender for span in tree.spans]
        parties = {sender: sender if is_partner(sender) else PROVIDER for sender in set(senders)}
        self._parties = [parties[sender] for sender in senders]
        self._calls = {number: callee for number in tree.order if (callee := self._callee(number)) is not None}
        self._entries = {number for number in tree.order[1:] if self._is_entry(number)}
        self._encloses_visit = self._spans_around_visits()
        self._visit_at = [0] * len(tree.spans)
        self._node_at: list[int | None] = [None] * len(tree.spans)
        """By span: the innermost interval that is kept around it; None where nobody waited."""

    def run(self) -> Visits:
        order, kept = self._tree.order, self._kept
        self._root()
        for number in order[1:]:
            self._place(number)
        timeline = Timeline(kept.starts, kept.ends, kept.children)
        of_span = {number: self._visit_at[number] for number in order}
        return Visits(
            self._visits,
            timeline,
            kept.visit_of,
            kept.entered_at,
            of_span,
            kept.labels,
            kept.span_ids,
            self._ambiguous,
        )

    def _callee(self, number: int) -> str | None:
        """Whom a CLIENT span calls; None when it calls nobody else, or several."""
        span = self._tree.spans[number]
        if span.kind is not SpanKind.CLIENT or number == self._tree.root:
            return None
        below = self._tree.children[number]
        if not below:
            # A partner is not believed about others: it could put its own slowness on one that sends no spans.
            return self._unanswered(span) if self._parties[number] == PROVIDER else None
        parties = {self._parties[child] for child in below}
        parties.discard(self._parties[number])
        return parties.pop() if len(parties) == 1 else None

    def _unanswered(self, span: Span) -> str | None:
        """By where the call went; where that is nobody's, by who has promised the operation."""
        declared = self._called.get(span.server_address, ())
        if len(declared) > 1:
            self._ambiguous = True
            return None
        return declared[0] if declared else self._callees.get(span.operation)

    def _answering(self, number: int) -> Collection[int]:
        party = self._parties[number]
        return [child for child in self._tree.children[number] if self._parties[child] != party]

    def _is_entry(self, number: int) -> bool:
        """Whether a visit begins at this span."""
        if number in self._calls:
            return True
        parent = self._tree.parents[number]
        return parent not in self._calls and self._parties[number] != self._parties[parent]

    def _spans_around_visits(self) -> set[int]:
        around: set[int] = set()
        for number in reversed(self._tree.order[1:]):
            if number in around or number in self._entries:
                around.add(self._tree.parents[number])
        return around

    def _root(self) -> None:
        root = self._tree.root
        self._visits.append(self._visit(root, PROVIDER, PROVIDER))
        self._node_at[root] = self._keep(root, None, 0)

    def _place(self, number: int) -> None:
        tree = self._tree
        above = tree.parents[number]
        node = self._node_at[above] if tree.blocking[number] else None
        visit = self._visit_at[above]
        if number in self._entries:
            by = number if number in self._calls else above
            partner = self._calls.get(number, self._parties[number])
            self._visits.append(self._visit(number, partner, self._parties[by]))
            visit = len(self._visits) - 1
            if node is not None:
                node = self._keep(number, node, visit)
                self._kept.entered_at[node] = visit
        elif node is not None and number in self._encloses_visit and self._visits[visit].partner == PROVIDER:
            node = self._keep(number, node, visit)
        self._visit_at[number], self._node_at[number] = visit, node

    def _keep(self, number: int, parent: int | None, visit: int) -> int:
        tree = self._tree
        self._kept.labels.append(label(self._visits[visit].partner, tree.spans[number].operation))
        return self._kept.add(tree.spans[number], tree.starts[number], tree.ends[number], parent, visit)

    def _visit(self, number: int, partner: str, caller: str) -> Visit:
        tree = self._tree
        span = tree.spans[number]
        answers = [tree.spans[child] for child in self._answering(number)] if number in self._calls else [span]
        waited = span.duration_ns
        error = any(each.error for each in answers)
        return Visit(
            partner,
            span.operation,
            caller,
            tree.starts[number],
            tree.ends[number],
            waited,
            _answered_ns(answers, waited),
            error or (span.error and (caller == PROVIDER or not answers)),
        )


def _answered_ns(answers: Sequence[Span], waited_ns: int) -> int | None:
    """By the callee's own account; of several attempts within one call, all of them together."""
    if not answers:
        return None
    return min(waited_ns, sum(span.duration_ns for span in answers))
