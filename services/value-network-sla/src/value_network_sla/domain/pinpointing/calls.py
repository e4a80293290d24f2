"""What do the sessions of a window tell of each call from one party to another, in columns?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apportioning.visits import Visits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Edge = tuple[str, str, str]
"""Caller, callee and operation; PROVIDER stands for the services that put the session together."""


@dataclass(frozen=True, slots=True)
class Calls:
    """The visits of many sessions, one row a visit."""

    edges: Sequence[Edge]
    """Each once."""
    edge: Ints
    """By row: index into `edges`."""
    session: Ints
    """By row: number of the session, from 0."""
    own_ns: Floats
    """In the callee and in none that it called itself, as its caller waited for it."""
    gap_ns: Floats
    """Of that, what the callee's own spans don't account for: the way there and back. 0 when it sent none."""
    sessions: int
    """How many there are."""

    def of(self, edge: Edge) -> Ints:
        """The rows of one kind of call."""
        return np.flatnonzero(self.edge == self.edges.index(edge)) if edge in self.edges else np.zeros(0, np.int64)


def calls_of(sessions: Iterable[Visits]) -> Calls:
    """The calls of sessions that are collapsed into visits."""
    numbers: dict[Edge, int] = {}
    rows: list[tuple[int, int, int, int]] = []
    count = 0
    for number, visits in enumerate(sessions):
        count = number + 1
        for visit, own in zip(visits.visits, visits.own_times(), strict=True):
            edge = numbers.setdefault((visit.caller, visit.partner, visit.operation), len(numbers))
            rows.append((edge, number, own, min(visit.gap_ns, own)))
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    edges, session, own_ns, gap_ns = columns
    return Calls(list(numbers), edges, session, own_ns.astype(float), gap_ns.astype(float), count)
