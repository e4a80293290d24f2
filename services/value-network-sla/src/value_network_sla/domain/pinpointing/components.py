"""Which component inside a party took how long, as the party's own spans tell?"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apportioning.trace_tree import TraceTree


@dataclass(frozen=True, slots=True, order=True)
class Component:
    """A part of a party that does one thing."""

    party: str
    service: str
    """`service.name`."""
    instance: str
    """`service.instance.id`."""
    operation: str


Times = Mapping[Component, float]
"""Nanoseconds of own time."""


def component_times(tree: TraceTree) -> dict[Component, int]:
    """By component: what lies in its spans and in none below them that was waited for."""
    own: dict[Component, int] = defaultdict(int)
    starts, ends = tree.starts, tree.ends
    for number in tree.order:
        if not tree.blocking[number]:
            continue
        took, until = ends[number] - starts[number], starts[number]
        for start, end in sorted((starts[c], ends[c]) for c in tree.children[number] if tree.blocking[c]):
            took -= max(0, end - max(start, until))
            until = max(until, end)
        span = tree.spans[number]
        own[Component(span.party, span.service, span.instance, span.operation)] += took
    return dict(own)


def growth(party: str, late: Iterable[Times], others: Iterable[Times]) -> list[tuple[Component, float]]:
    """By how many nanoseconds a session each component of a party took longer in late sessions, largest first.

    Those that took no longer are left out.
    """
    now, before = _mean(party, late), _mean(party, others)
    grown = [(component, mean - before.get(component, 0.0)) for component, mean in now.items()]
    return sorted(((c, by) for c, by in grown if by > 0), key=lambda each: (-each[1], each[0]))


def _mean(party: str, sessions: Iterable[Times]) -> dict[Component, float]:
    total: dict[Component, float] = defaultdict(float)
    count = 0
    for count, times in enumerate(sessions, start=1):  # noqa: B007 - how many there were is wanted afterwards
        for component, time in times.items():
            if component.party == party:
                total[component] += time
    return {component: time / count for component, time in total.items()}
