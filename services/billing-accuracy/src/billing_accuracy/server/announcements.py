"""What do the events say that others react to?"""

from billing_accuracy.domain.runs.systematic import SystematicError
from billing_accuracy.handlers.ports import BillCheck, BillRun
from billing_accuracy.server.messages import bill_check_message
from billing_accuracy.server.run_messages import systematic_error_message
from cxmesh.billing.v1 import events_pb2
from mesh.store import EventTooLarge, UnitOfWork


class Outbox:
    """Tells the others through the unit of work. Events about one customer keep their order: it is their key."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def bill_held(self, check: BillCheck) -> None:
        """It was held."""
        self._tell(events_pb2.BillHeld(bill_check=bill_check_message(check)), check.customer)

    def bill_released(self, check: BillCheck) -> None:
        """It was let go."""
        self._tell(events_pb2.BillReleased(bill_check=bill_check_message(check)), check.customer)

    def systematic_error_found(self, run: BillRun, error: SystematicError) -> None:
        """So many bills of the run have it that it comes from the system."""
        name = f"billRuns/{run.bill_run_id}"
        found = systematic_error_message(run, error)
        self._uow.publish(events_pb2.SystematicErrorFound(bill_run=name, systematic_error=found), key=name)

    def _tell(self, event: events_pb2.BillHeld | events_pb2.BillReleased, customer: str) -> None:
        try:
            self._uow.publish(event, key=customer)
        except EventTooLarge:
            # Thousands of wrong lines: whoever needs them asks for the check, which the event names.
            event.bill_check.ClearField("findings")
            event.bill_check.ClearField("proposed_correction")
            self._uow.publish(event, key=customer)
