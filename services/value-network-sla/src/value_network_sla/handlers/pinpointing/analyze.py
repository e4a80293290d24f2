"""What does a session look like in depth, and what if somebody had kept to the budget?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from apportioning.critical_path import Section, critical_path
from value_network_sla.domain.pinpointing.components import Component, component_times
from value_network_sla.domain.pinpointing.depth import Depth, depths
from value_network_sla.domain.pinpointing.faults import SpanError, errors_of, origin_of
from value_network_sla.domain.pinpointing.what_if import Allowed, WhatIf, what_if
from value_network_sla.errors import InvalidValue
from value_network_sla.handlers.pinpointing.session_spans import SessionInDepth


@dataclass(frozen=True, slots=True)
class Analysis:
    """A session, in depth."""

    session: SessionInDepth
    exclusive_ns: Sequence[int]
    """By visit."""
    depths: Mapping[int, Depth]
    """By visit, of the longest ones."""
    path: Sequence[Section]
    """By node of the timeline, from the end to the start."""
    errors: Mapping[int, SpanError]
    """By span of the tree."""
    origin: int | None
    """The span with which the session's error began."""
    components: Sequence[tuple[Component, int]]
    """The longest own time first, in nanoseconds."""


def analyze(session: SessionInDepth) -> Analysis:
    """Everything there is to tell of it."""
    visits = session.visits
    path = critical_path(visits.timeline, session.rule)
    exclusive = [0] * len(visits.visits)
    for node, nanoseconds in enumerate(path.exclusive):
        exclusive[visits.visit_of[node]] += nanoseconds
    components = sorted(component_times(session.tree).items(), key=lambda each: (-each[1], each[0]))
    return Analysis(
        session=session,
        exclusive_ns=exclusive,
        depths=depths(visits),
        path=path.sections,
        errors=errors_of(session.tree, visits, session.agreed_budgets()),
        origin=origin_of(session.tree),
        components=components,
    )


def replay_session(session: SessionInDepth, partners: Collection[str], budget_ns: int | None) -> WhatIf:
    """With these partners within budget: `budget_ns` if given, else what was agreed or learned. Raises InvalidValue."""
    allowed: dict[int, Allowed] = {}
    for partner in partners:
        numbers = [number for number, visit in enumerate(session.visits.visits) if visit.partner == partner]
        if not numbers:
            raise InvalidValue("partners", partner, "partners that have a visit in the session")
        limits = {
            number: limit
            for number in numbers
            if (limit := Allowed(budget_ns, of_own_time=False) if budget_ns is not None else session.allowed(number))
        }
        if not limits:
            raise InvalidValue("partners", partner, "partners with a budget, agreed or learned; or give one")
        allowed |= limits
    return what_if(session.visits, allowed)
