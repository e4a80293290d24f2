"""What do the events say that tell of alerts and of objectives missed?"""

from cxmesh.sla.v1 import policing_events_pb2 as pb
from mesh.api import moment_message
from mesh.store import UnitOfWork
from value_network_sla.domain.policing.alert import Alert
from value_network_sla.domain.policing.violation import Violation
from value_network_sla.handlers.policing.attain import Standing
from value_network_sla.server.alert_messages import alert_message
from value_network_sla.server.attainment_messages import standing_message


class Outbox:
    """Tells the others through the unit of work. Events of one objective keep their order: it is their key."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def alert_changed(self, alert: Alert) -> None:
        """An alert fired or is over."""
        self._uow.publish(pb.AlertChanged(alert=alert_message(alert)), key=alert.objective)

    def objective_missed(self, violation: Violation) -> None:
        """It became certain that an objective is missed."""
        standing = Standing(
            violation.objective, violation.period, violation.tally, final=False, unmeasured_slices=0, excluded_minutes=0
        )
        event = pb.ObjectiveMissed(
            violation=violation.name,
            attainment=standing_message(standing),
            detect_time=moment_message(violation.detect_time),
        )
        self._uow.publish(event, key=violation.objective.name)
