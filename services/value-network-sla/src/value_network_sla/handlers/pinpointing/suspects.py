"""Who made the sessions of a window slow, or made them fail?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from apportioning.span import PROVIDER
from apportioning.trace_tree import grow_tree
from value_network_sla.domain.agreement import AgreementBook
from value_network_sla.domain.pinpointing.calls import Calls, Edge
from value_network_sla.domain.pinpointing.components import Component, component_times, growth
from value_network_sla.domain.pinpointing.failures import FailureSuspect, Origin, failure_suspects, usual_shares
from value_network_sla.domain.pinpointing.usual import PAST, comparable_failures, usual_at
from value_network_sla.domain.pinpointing.window import Normal, Suspect, learn, suspects
from value_network_sla.domain.session import find_root
from value_network_sla.handlers.kept import KeptSession
from value_network_sla.handlers.ports import Records

MOST_SESSIONS = 20_000
"""Looked at in a window: enough for a confidence, and few enough for an answer within seconds."""
_MOST_LEARNED_FROM = 20_000
_SUSPECTS_INSIDE = 3
"""Of so many suspects, the first, it is looked inside."""
_SESSIONS_INSIDE = 40
"""Whose spans are read for that, of late ones and of others each."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From a moment, up to another."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Inside:
    """What grew most inside a suspect: component and nanoseconds a session, the largest first."""

    party: str
    grown: Sequence[tuple[Component, float]]


@dataclass(frozen=True, slots=True)
class LatencyAnswer:
    """Who made sessions slow."""

    suspects: Sequence[Suspect]
    inside: Mapping[str, Inside]
    """By party."""
    sessions: int
    baseline_sessions: int
    unknown: Sequence[Edge]
    """Kinds of calls of which nothing usual is known."""


@dataclass(frozen=True, slots=True)
class FailureAnswer:
    """Who made sessions fail."""

    suspects: Sequence[FailureSuspect]
    inside: Mapping[str, Sequence[Component]]
    """By party: with which components errors began, the most frequent first."""
    sessions: int
    baseline_sessions: int


async def latency_suspects(
    records: Records, service: str, window: Interval, baseline: Interval | None
) -> LatencyAnswer:
    """Of sessions that began within the window; against those of the baseline, or what was learned before."""
    seen = await records.usual_calls.sample(service, window.start, window.end, MOST_SESSIONS)
    calls = calls_of_kept(seen)
    agreed = agreed_budgets(await records.agreements.book(), service, calls.edges, window.start)
    normal: Normal
    learned_from = 0
    if baseline is None:
        normal = usual_at(await records.usual_calls.of(service, window.start - PAST), window.start, agreed)
    else:
        before = await records.usual_calls.sample(service, baseline.start, baseline.end, _MOST_LEARNED_FROM)
        learned_from = len(before)
        normal = learn(calls_of_kept(before), agreed)
    found = suspects(calls, normal)
    inside = {one.party: await _look_inside(records, one, seen) for one in found[:_SUSPECTS_INSIDE]}
    unknown = [edge for edge in calls.edges if edge not in normal]
    return LatencyAnswer(found, inside, len(seen), learned_from, sorted(unknown))


async def failure_suspects_of(
    records: Records, service: str, window: Interval, baseline: Interval | None
) -> FailureAnswer:
    """Of sessions that began within the window; against those of the baseline, or what was learned before."""
    seen = await records.usual_calls.sample(service, window.start, window.end, MOST_SESSIONS)
    usual: Mapping[Origin, float]
    learned_from = 0
    if baseline is None:
        hours = await records.usual_calls.of(service, window.start - PAST)
        usual, known = comparable_failures(hours, window.start)
    else:
        before = await records.usual_calls.sample(service, baseline.start, baseline.end, _MOST_LEARNED_FROM)
        usual = usual_shares([session.fault for session in before])
        known = learned_from = len(before)
    if not known:
        return FailureAnswer([], {}, len(seen), learned_from)
    found = failure_suspects([session.fault for session in seen], usual, 1 / known)
    return FailureAnswer(found, {one.party: _origins(one, seen) for one in found}, len(seen), learned_from)


def calls_of_kept(sessions: Sequence[KeptSession]) -> Calls:
    """The visits of sessions, in columns."""
    numbers: dict[Edge, int] = {}
    rows = []
    for number, session in enumerate(sessions):
        for visit in session.visits:
            edge = numbers.setdefault((visit.caller, visit.partner, visit.operation), len(numbers))
            rows.append((edge, number, visit.own_ns, visit.gap_ns))
    edges, of_session, own, gap = np.array(rows, np.int64).reshape(-1, 4).T
    return Calls(list(numbers), edges, of_session, own.astype(float), gap.astype(float), len(sessions))


def agreed_budgets(book: AgreementBook, service: str, edges: Iterable[Edge], at: datetime) -> Mapping[Edge, float]:
    """What was agreed for kinds of calls, in nanoseconds."""
    at_ns = int(at.astimezone(UTC).timestamp()) * 1_000_000_000
    found = ((edge, book.find(service, edge[1], edge[2], at_ns)) for edge in edges if edge[1] != PROVIDER)
    return {edge: float(agreement.latency_budget_ns) for edge, agreement in found if agreement is not None}


async def _look_inside(records: Records, suspect: Suspect, seen: Sequence[KeptSession]) -> Inside:
    late = set(suspect.sessions)
    slow = [seen[number].trace_id for number in suspect.sessions[:_SESSIONS_INSIDE]]
    others = [session.trace_id for number, session in enumerate(seen) if number not in late]
    step = max(1, len(others) // _SESSIONS_INSIDE)
    fine = others[::step][:_SESSIONS_INSIDE]
    traces = await records.traces.spans_of([*slow, *fine])
    times = {}
    for trace_id, assembly in traces.items():
        root = find_root(assembly.spans)
        if root is not None:
            times[trace_id] = component_times(grow_tree(assembly.spans, root.span_id))
    grown = growth(
        suspect.party,
        [times[trace_id] for trace_id in slow if trace_id in times],
        [times[trace_id] for trace_id in fine if trace_id in times],
    )
    return Inside(suspect.party, grown)


def _origins(suspect: FailureSuspect, seen: Sequence[KeptSession]) -> Sequence[Component]:
    counts: dict[Component, int] = {}
    for number in suspect.sessions:
        fault = seen[number].fault
        if fault is not None and fault.service:
            component = Component(fault.party, fault.service, fault.instance, fault.operation)
            counts[component] = counts.get(component, 0) + 1
    return sorted(counts, key=lambda component: (-counts[component], component))
