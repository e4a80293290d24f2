"""What do the events say that others react to?"""

from billing_accuracy.handlers.ports import BillCheck
from billing_accuracy.server.messages import bill_check_message
from cxmesh.billing.v1 import events_pb2
from mesh.store import UnitOfWork


class Outbox:
    """Tells the others through the unit of work. Events about one customer keep their order: it is their key."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def bill_held(self, check: BillCheck) -> None:
        """It was held."""
        self._uow.publish(events_pb2.BillHeld(bill_check=bill_check_message(check)), key=check.customer)

    def bill_released(self, check: BillCheck) -> None:
        """It was let go."""
        self._uow.publish(events_pb2.BillReleased(bill_check=bill_check_message(check)), key=check.customer)
