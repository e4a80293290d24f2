"""What is the billing-accuracy service made of?"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Final, TypeVar, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from billing_accuracy.domain.disputes.policy import DisputePolicy, DisputePolicyError, load_dispute_policy
from billing_accuracy.domain.explaining.wording import Wording, load_wordings
from billing_accuracy.domain.policy import VerdictPolicy
from billing_accuracy.domain.policy_document import PolicyError, load_policy
from billing_accuracy.handlers.advise import BillAdviser
from billing_accuracy.handlers.check_bills import BillChecker
from billing_accuracy.handlers.ports import View
from billing_accuracy.handlers.prefill_order import OrderDesk
from billing_accuracy.handlers.settle_disputes import DisputeDesk
from billing_accuracy.handlers.wholesale import WholesaleChecker
from billing_accuracy.server.account_calls import AccountServicer
from billing_accuracy.server.advice_calls import BillAdviceServicer
from billing_accuracy.server.authorization import (
    ACCOUNT_SERVICE,
    ADVICE_SERVICE,
    AUTHORIZATION,
    DISPUTE_SERVICE,
    ORDER_SERVICE,
)
from billing_accuracy.server.authorization import SERVICE as BILLING_SERVICE
from billing_accuracy.server.bills import BillReader
from billing_accuracy.server.catalogue import CatalogueClient
from billing_accuracy.server.dispute_calls import DisputeServicer
from billing_accuracy.server.entries import EntryReader
from billing_accuracy.server.faults import ERRORS
from billing_accuracy.server.measure import Measure
from billing_accuracy.server.order_calls import OrderServicer
from billing_accuracy.server.peers import CustomerClient, ProfileClient, UsageClient
from billing_accuracy.server.quotes import QuoteReader
from billing_accuracy.server.servicer import BillingAccuracyServicer
from billing_accuracy.server.sessions import StoreSessions
from billing_accuracy.settings import Settings
from billing_accuracy.store.account_entries import StoredEntries
from billing_accuracy.store.bill_checks import StoredBillChecks
from billing_accuracy.store.bill_runs import StoredBillRuns
from billing_accuracy.store.disputes import StoredDisputes
from billing_accuracy.store.quotes import StoredQuotes
from billing_accuracy.store.run_reports import StoredRunReports
from billing_accuracy.store.tables import SCHEMA
from billing_accuracy.wiring_runs import (
    plan_stamp,
    plans_changed,
    run_servicer,
    systematic_rule,
    wholesale_servicer,
)
from cxmesh.billing.v1.account_service_pb2_grpc import add_AccountServiceServicer_to_server
from cxmesh.billing.v1.bill_advice_service_pb2_grpc import add_BillAdviceServiceServicer_to_server
from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import add_BillingAccuracyServiceServicer_to_server
from cxmesh.billing.v1.dispute_service_pb2_grpc import add_DisputeServiceServicer_to_server
from cxmesh.billing.v1.order_service_pb2_grpc import add_OrderServiceServicer_to_server
from mesh.rpc import Servicer
from mesh.rpc.validation import RequestRules
from mesh.service import Application, Job, Runtime, ServiceDefinition
from mesh.settings import SettingsError

T = TypeVar("T")
SERVICE_NAME: Final = "billing-accuracy"
_CLOSE_EVERY: Final = timedelta(minutes=10)


def build(runtime: Runtime) -> Application:
    """Everything, wired."""
    settings = cast("Settings", runtime.settings)
    sessions = StoreSessions(runtime.store, _records, runtime.clock)
    to = runtime.channels.to
    measure = Measure(runtime.meter)
    usage = UsageClient(to("usage-correlation", settings.usage_correlation_address))
    checker = BillChecker(
        sessions=sessions,
        profile=ProfileClient(to("profile", settings.profile_address)),
        catalogue=CatalogueClient(to("offer-decision", settings.offer_decision_address), plan_stamp(runtime, settings)),
        usage=usage,
        policy=_policy(settings),
        tally=measure,
        rule=systematic_rule(settings),
    )
    adviser = BillAdviser(sessions, checker.profile, checker.catalogue, checker.usage)
    orders = OrderDesk(CustomerClient(to("profile", settings.profile_address)), checker.catalogue, sessions)
    desk = DisputeDesk(adviser, _dispute_policy(settings), measure)
    rules = RequestRules()
    return Application(
        servicers=[
            Servicer(
                add=add_BillingAccuracyServiceServicer_to_server,
                implementation=BillingAccuracyServicer(sessions, BillReader(rules), checker, measure),
                service=BILLING_SERVICE,
            ),
            Servicer(
                add=add_AccountServiceServicer_to_server,
                implementation=AccountServicer(sessions, EntryReader(rules)),
                service=ACCOUNT_SERVICE,
            ),
            Servicer(
                add=add_BillAdviceServiceServicer_to_server,
                implementation=BillAdviceServicer(adviser, _wordings(), runtime.clock),
                service=ADVICE_SERVICE,
            ),
            Servicer(
                add=add_DisputeServiceServicer_to_server,
                implementation=DisputeServicer(sessions, desk),
                service=DISPUTE_SERVICE,
            ),
            Servicer(
                add=add_OrderServiceServicer_to_server,
                implementation=OrderServicer(sessions, QuoteReader(rules), orders, runtime.clock),
                service=ORDER_SERVICE,
            ),
            run_servicer(sessions, rules, checker, measure),
            wholesale_servicer(runtime, rules, WholesaleChecker(checker.profile, checker.catalogue, usage)),
        ],
        subscriptions=[plans_changed(SERVICE_NAME)],
        authorization=AUTHORIZATION,
        errors=ERRORS,
        jobs=[Job("close-settled-disputes", _CLOSE_EVERY, lambda: _close_old(sessions, desk))],
    )


async def _close_old(sessions: StoreSessions, desk: DisputeDesk) -> None:
    async with sessions.working() as work:
        await desk.close_old(work)


def _wordings() -> Mapping[str, Wording]:
    return load_wordings((resources.files("billing_accuracy") / "explanations.yaml").read_text("utf-8"))


def _records(connection: AsyncConnection) -> View:
    runs, checks = StoredBillRuns(connection), StoredBillChecks(connection)
    entries, disputes = StoredEntries(connection), StoredDisputes(connection)
    return View(runs, checks, entries, disputes, StoredQuotes(connection), StoredRunReports(connection))


def _policy(settings: Settings) -> VerdictPolicy:
    return _document("CXMESH_VERDICT_POLICY_FILE", settings.verdict_policy_file, "policy.yaml", load_policy)


def _dispute_policy(settings: Settings) -> DisputePolicy:
    shipped = "dispute_policy.yaml"
    return _document("CXMESH_DISPUTE_POLICY_FILE", settings.dispute_policy_file, shipped, load_dispute_policy)


def _document(variable: str, file: Path | None, shipped: str, load: Callable[[str], T]) -> T:
    """What a file declares, or the shipped document where none is set."""
    if file is None:
        return load((resources.files("billing_accuracy") / shipped).read_text("utf-8"))
    try:
        return load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, PolicyError, DisputePolicyError) as error:
        raise SettingsError([f"{variable}={file}: {error}"]) from error


SERVICE: Final = ServiceDefinition(
    name=SERVICE_NAME,
    schema=SCHEMA,
    settings=Settings,
    build=build,
    migrations="billing_accuracy.store.migrations",
)
