"""What are whole bill runs checked with, and how does the service hear that plans have changed?"""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from fractions import Fraction

from billing_accuracy.domain.runs.systematic import SystematicRule
from billing_accuracy.handlers.check_bills import BillChecker
from billing_accuracy.handlers.wholesale import WholesaleChecker
from billing_accuracy.server.authorization import RUN_SERVICE, WHOLESALE_SERVICE
from billing_accuracy.server.bills import BillReader
from billing_accuracy.server.measure import Measure
from billing_accuracy.server.run_calls import BillRunCalls
from billing_accuracy.server.sessions import StoreSessions
from billing_accuracy.server.wholesale import ChargeReader
from billing_accuracy.server.wholesale_calls import WholesaleCalls
from billing_accuracy.settings import Settings
from billing_accuracy.store.run_reports import catalogue_changes, note_catalogue_change
from billing_accuracy.store.wholesale import StoredWholesale
from cxmesh.billing.v1.bill_run_service_pb2_grpc import add_BillRunServiceServicer_to_server
from cxmesh.billing.v1.wholesale_service_pb2_grpc import add_WholesaleServiceServicer_to_server
from cxmesh.catalog.v1.events_pb2 import PlanChanged
from mesh.events import Delivery, Subscription
from mesh.rpc import Servicer
from mesh.rpc.validation import RequestRules
from mesh.service import Runtime
from mesh.store import UnitOfWork

_PERCENT = 100


def run_servicer(sessions: StoreSessions, rules: RequestRules, checker: BillChecker, measure: Measure) -> Servicer:
    """The calls on whole bill runs."""
    calls = BillRunCalls(sessions, BillReader(rules), checker, measure)
    return Servicer(add=add_BillRunServiceServicer_to_server, implementation=calls, service=RUN_SERVICE)


def wholesale_servicer(runtime: Runtime, rules: RequestRules, checker: WholesaleChecker) -> Servicer:
    """The calls on charges between networks."""
    calls = WholesaleCalls(runtime.store, StoredWholesale, ChargeReader(rules), checker, runtime.clock)
    return Servicer(add=add_WholesaleServiceServicer_to_server, implementation=calls, service=WHOLESALE_SERVICE)


def systematic_rule(settings: Settings) -> SystematicRule:
    """When an error counts as systematic."""
    return SystematicRule(settings.systematic_bills, Fraction(str(settings.systematic_percent)) / _PERCENT)


def plan_stamp(runtime: Runtime, settings: Settings) -> Callable[[], Awaitable[Hashable]]:
    """Another one once a plan was announced to have changed, in whichever replica, or after some time."""

    async def stamp() -> Hashable:
        async with runtime.store.reading() as connection:
            changes = await catalogue_changes(connection)
        if not settings.memory_seconds:
            return object()  # nothing is remembered
        return changes, runtime.clock.now().timestamp() // settings.memory_seconds

    return stamp


def plans_changed(group: str) -> Subscription[PlanChanged]:
    """Notes that plans have changed."""

    async def on_plans(uow: UnitOfWork, _: Sequence[Delivery[PlanChanged]]) -> None:
        await note_catalogue_change(uow.connection)

    return Subscription(group, PlanChanged, on_plans)
