"""When did each part of a session happen, inside which other part?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apportioning.trace_tree import TraceTree


@dataclass(frozen=True, slots=True)
class Timeline:
    """Nested intervals that somebody waited for, numbered from 0, the root. Every child lies within its parent."""

    starts: Sequence[int]
    ends: Sequence[int]
    children: Sequence[Sequence[int]]

    def duration(self, node: int) -> int:
        """Of the interval."""
        return self.ends[node] - self.starts[node]

    def lasting_children(self, node: int) -> list[int]:
        """Those that took any time."""
        return [child for child in self.children[node] if self.ends[child] > self.starts[child]]

    def deepest_first(self) -> Iterator[int]:
        """Every node that the root leads to, after all of its children."""
        order = [0]
        for node in order:
            order.extend(self.children[node])
        return reversed(order)


def timeline_of(tree: TraceTree) -> Timeline:
    """The timeline of every span that somebody waited for; nodes are numbered as in `tree.order`."""
    place = {number: node for node, number in enumerate(tree.order)}
    return Timeline(
        starts=[tree.starts[number] for number in tree.order],
        ends=[tree.ends[number] for number in tree.order],
        children=[
            [place[child] for child in tree.children[number] if tree.blocking[child] and child in place]
            for number in tree.order
        ],
    )
