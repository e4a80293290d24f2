"""What is a session made of, worked out anew from its spans?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from apportioning.ordering import OrderRule
from apportioning.span import PROVIDER, Span
from apportioning.trace_tree import TraceTree, grow_tree
from apportioning.visits import Visits, collapse
from value_network_sla.domain.agreement import Agreement
from value_network_sla.domain.pinpointing.calls import Edge
from value_network_sla.domain.pinpointing.usual import PAST, usual_at
from value_network_sla.domain.pinpointing.what_if import Allowed
from value_network_sla.domain.pinpointing.window import Usual
from value_network_sla.domain.session import find_root
from value_network_sla.errors import SessionNotFound
from value_network_sla.handlers.ports import Records

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SessionInDepth:
    """A session with everything that it is judged by."""

    root: Span
    tree: TraceTree
    visits: Visits
    agreements: Mapping[int, Agreement]
    """By visit, of those that have one."""
    usual: Mapping[Edge, Usual]
    """What was learned for the hour of the week that it began in."""
    rule: OrderRule

    def allowed(self, visit: int) -> Allowed | None:
        """What a visit may take: agreed, or else learned; None when neither is known."""
        agreement = self.agreements.get(visit)
        if agreement is not None:
            return Allowed(agreement.latency_budget_ns, of_own_time=False)
        of = self.visits.visits[visit]
        usual = self.usual.get((of.caller, of.partner, of.operation))
        return None if usual is None else Allowed(round(usual.budget_ns), of_own_time=True)

    def agreed_budgets(self) -> Mapping[int, int]:
        """By visit, in nanoseconds, of those that have an agreement."""
        return {visit: agreement.latency_budget_ns for visit, agreement in self.agreements.items()}


async def session_in_depth(records: Records, trace_id: bytes) -> SessionInDepth:
    """Raises SessionNotFound, also when its spans are not kept any more."""
    found = await records.traces.spans_of([trace_id])
    spans = found[trace_id].spans
    root = find_root(spans)
    if root is None:
        raise SessionNotFound(f"sessions/{trace_id.hex()}")
    book = await records.agreements.book()
    rules = await records.path_rules.all()
    began = datetime.fromtimestamp(root.start_ns // _NS, UTC)
    hours = await records.usual_calls.of(root.session_service, began - PAST)
    tree = grow_tree(spans, root.span_id)
    visits = collapse(tree, book.callees(root.session_service), book.addresses.called(spans))
    agreements = {}
    for number, visit in enumerate(visits.visits):
        agreement = book.find(root.session_service, visit.partner, visit.operation, root.start_ns)
        if visit.partner != PROVIDER and agreement is not None:
            agreements[number] = agreement
    usual = usual_at(hours, began, {})
    return SessionInDepth(root, tree, visits, agreements, usual, rules.of(root.session_service))
