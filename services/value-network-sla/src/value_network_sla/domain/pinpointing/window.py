"""Which party made the sessions of a window late, against how they were when all was well?

Each kind of call (caller, callee, operation) has a budget: the one that was agreed, or what 95 of 100 calls kept to
when all was well. A window's lateness is what its calls took beyond their budgets, less what was usual. Where a
caller waits longer for *everybody* that it calls, and the callees' own spans took no longer, it is the caller that
was slow to send and to receive: that part is the caller's. A party whose calls are late no more often than chance
allows is no suspect.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from value_network_sla.domain.pinpointing.calls import Calls, Edge, Floats

LATE: Final = 0.05
"""The share of calls beyond a learned budget when all is well."""
_FEWEST: Final = 5
"""From fewer calls nothing is learned, and nothing is said."""
_SURE: Final = 4.0
"""Standard deviations: one false suspect in 30,000 kinds of calls."""
_SEVERAL: Final = 2
"""Callees of one caller that must be concerned before it can be the caller."""
_ROUNDS: Final = 200


@dataclass(frozen=True, slots=True)
class Usual:
    """How one kind of call is when all is well."""

    budget_ns: float
    late_share: float
    """Of calls, beyond the budget."""
    lateness_ns: float
    """Beyond the budget, a call on average."""
    gap_ns: float
    """Median."""
    long_gap_ns: float
    """A quarter of the calls has a longer one: a median beyond it is no chance."""


Normal = Mapping[Edge, Usual]


@dataclass(frozen=True, slots=True)
class Suspect:
    """A party that made sessions late."""

    party: str
    lateness_ns: float
    """In the whole window, beyond what is usual."""
    share: float
    """Of all suspects' lateness."""
    confidence: float
    """How often it comes first among suspects when sessions are drawn again from the window, 0 to 1."""
    by_operation: Sequence[tuple[str, float]]
    """The operations that it was late for, with the lateness of each, the largest first."""
    sessions: Sequence[int] = ()
    """Numbers of those that it was late in, the most lateness first."""


def learn(calls: Calls, agreed: Mapping[Edge, float] | None = None) -> Normal:
    """How calls are when all is well; `agreed`: budgets in nanoseconds that need not be learned."""
    learned = {}
    for number, edge in enumerate(calls.edges):
        own = calls.own_ns[calls.edge == number]
        if len(own) < _FEWEST:
            continue
        budget = (agreed or {}).get(edge, float(np.quantile(own, 1 - LATE)))
        gap, long_gap = np.quantile(calls.gap_ns[calls.edge == number], (0.5, 0.75)).tolist()
        late = max(float((own > budget).mean()), LATE if edge not in (agreed or {}) else 1 / len(own))
        learned[edge] = Usual(budget, late, float(np.maximum(own - budget, 0).mean()), gap, long_gap)
    return learned


def suspects(calls: Calls, normal: Normal, seed: int = 0) -> list[Suspect]:
    """Who is behind the lateness of a window, the largest part first; nobody, when nothing is unusual."""
    blame = _blame(calls, normal)
    if not blame:
        return []
    parties = sorted({party for party, _ in blame})
    totals = {party: sum(sum(of.values()) for (who, _), of in blame.items() if who == party) for party in parties}
    whole = sum(totals.values())
    first = _first_shares(calls, blame, parties, seed)
    found = [
        Suspect(
            party,
            totals[party],
            totals[party] / whole,
            first[party],
            _operations(blame, party),
            _sessions(blame, party),
        )
        for party in parties
        if totals[party] > 0
    ]
    return sorted(found, key=lambda one: (-one.lateness_ns, one.party))


Blame = dict[tuple[str, str], dict[int, float]]
"""By party and operation: lateness by session."""


def _blame(calls: Calls, normal: Normal) -> Blame:
    late = {edge: found for edge in calls.edges if (found := _lateness(calls, normal, edge)) is not None}
    shared = _slow_callers(calls, normal)
    blame: Blame = defaultdict(lambda: defaultdict(float))
    for (caller, callee, operation), lateness in late.items():
        rows = calls.of((caller, callee, operation))
        gaps = np.maximum(calls.gap_ns[rows] - normal[caller, callee, operation].gap_ns, 0)
        of_caller = np.minimum(np.minimum(np.maximum(lateness, 0), gaps), shared.get(caller, 0.0))
        for session, part, own in zip(calls.session[rows].tolist(), lateness, of_caller, strict=True):
            blame[callee, operation][session] += float(part - own)
            if own:
                blame[caller, operation][session] += float(own)
    return blame


def _lateness(calls: Calls, normal: Normal, edge: Edge) -> Floats | None:
    """By call: what it took beyond budget, less what is usual; None when this is no more than chance."""
    usual, own = normal.get(edge), calls.own_ns[calls.of(edge)]
    if usual is None or len(own) < _FEWEST:
        return None
    expected = usual.late_share * len(own)
    spread = float(np.sqrt(expected * (1 - usual.late_share)))
    if (own > usual.budget_ns).sum() - expected <= _SURE * spread:
        return None
    lateness = np.maximum(own - usual.budget_ns, 0) - usual.lateness_ns
    return lateness if lateness.sum() > 0 else None


def _slow_callers(calls: Calls, normal: Normal) -> Mapping[str, float]:
    """By caller: how much longer the way to its callees has become for all of them alike, in nanoseconds a call."""
    grown: dict[str, dict[str, list[tuple[float, int]]]] = defaultdict(lambda: defaultdict(list))
    for edge in calls.edges:
        rows = calls.of(edge)
        if edge in normal and len(rows) >= _FEWEST and edge[0] != edge[1]:
            gap = float(np.median(calls.gap_ns[rows]))
            growth = gap - normal[edge].gap_ns if gap > normal[edge].long_gap_ns else 0.0
            grown[edge[0]][edge[1]].append((growth, len(rows)))
    common = {}
    for caller, callees in grown.items():
        each = [np.average([one for one, _ in of], weights=[count for _, count in of]) for of in callees.values()]
        if len(each) >= _SEVERAL:
            # Of two, the smaller; of more, the middle one: a single slow callee doesn't make its caller slow.
            common[caller] = float(min(each) if len(each) == _SEVERAL else np.median(each))
    return common


def _operations(blame: Blame, party: str) -> Sequence[tuple[str, float]]:
    found = [(operation, sum(of.values())) for (who, operation), of in blame.items() if who == party]
    return tuple(sorted(found, key=lambda one: (-one[1], one[0])))


def _sessions(blame: Blame, party: str) -> Sequence[int]:
    total: dict[int, float] = defaultdict(float)
    for (who, _), by_session in blame.items():
        if who == party:
            for session, part in by_session.items():
                total[session] += part
    late = [(-part, session) for session, part in total.items() if part > 0]
    return tuple(session for _, session in sorted(late))


def _first_shares(calls: Calls, blame: Blame, parties: Sequence[str], seed: int) -> Mapping[str, float]:
    """By party: how often it comes first when as many sessions are drawn again, with repetition."""
    table = np.zeros((len(parties), calls.sessions))
    for (party, _), by_session in blame.items():
        for session, part in by_session.items():
            table[parties.index(party), session] += part
    drawn = np.random.default_rng(seed).multinomial(calls.sessions, [1 / calls.sessions] * calls.sessions, _ROUNDS)
    winners = np.argmax(table @ drawn.T, axis=0)
    counts = np.bincount(winners, minlength=len(parties)) / _ROUNDS
    return dict(zip(parties, counts.tolist(), strict=True))
