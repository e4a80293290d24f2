"""What do the events say that others react to?"""

from collections.abc import Mapping

from opentelemetry.trace import SpanContext

from cxmesh.catalog.v1 import events_pb2 as catalog_events_pb2
from cxmesh.offer.v1 import events_pb2
from mesh.store import UnitOfWork
from offer_decision.domain.decisions import Decision
from offer_decision.domain.plans import Plan
from offer_decision.server.decisions import decision_message


class Outbox:
    """Tells the others through the unit of work. Events about one customer keep their order: it is their key."""

    def __init__(self, uow: UnitOfWork, causes: Mapping[str, SpanContext]) -> None:
        """`causes`: the traces that decisions belong to, by id; the current one for those that aren't there."""
        self._uow = uow
        self._causes = causes

    def plan_changed(self, plan: Plan) -> None:
        """Made or changed."""
        event = catalog_events_pb2.PlanChanged(plan=f"plans/{plan.plan_id}", tariff_digest=plan.tariff_digest)
        self._uow.publish(event, key=plan.plan_id)

    def decision_made(self, decision: Decision) -> None:
        """New."""
        event = events_pb2.DecisionMade(decision=decision_message(decision))
        self._uow.publish(event, key=decision.trigger.customer, cause=self._causes.get(decision.decision_id))
