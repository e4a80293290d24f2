"""What do the events say that others react to, and in whose trace?"""

from collections.abc import Sequence

from opentelemetry.trace import SpanContext, TraceFlags

from cxmesh.sla.v1 import events_pb2
from mesh.store import UnitOfWork
from value_network_sla.domain.breach import Breach
from value_network_sla.handlers.ports import Hit
from value_network_sla.server.breaches import breach_message
from value_network_sla.server.moments import moment_of_ns


class Outbox:
    """Tells the others through the unit of work. All events of one breach keep their order: it is their key.

    They go on in the trace of the latest session that shows the breach, so that one trace leads from what a customer
    saw to what the customer was told.
    """

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def breach_detected(self, breach: Breach) -> None:
        """A breach became certain."""
        event = events_pb2.BreachDetected(breach=breach_message(breach))
        self._uow.publish(event, key=breach.name, cause=_cause(breach))

    def customers_affected(self, breach: Breach, hits: Sequence[Hit]) -> None:
        """These customers, few enough for one notice, were hit by it."""
        event = events_pb2.CustomersAffected(
            breach=breach.name,
            service=breach.attainment.agreement.service,
            customers=[hit.customer for hit in hits],
            event_time=moment_of_ns(min(hit.start_ns for hit in hits)),
        )
        self._uow.publish(event, key=breach.name, cause=_cause(breach))


def _cause(breach: Breach) -> SpanContext | None:
    if not breach.evidence:
        return None
    latest = breach.evidence[0]
    return SpanContext(
        trace_id=int.from_bytes(latest.trace_id, "big"),
        span_id=int.from_bytes(latest.root_span_id, "big"),
        is_remote=True,
        # Its spans are kept here, so what follows from it is to be as well.
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
