"""What is the billing-accuracy service made of?"""

from collections.abc import Mapping
from importlib import resources
from typing import Final, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from billing_accuracy.domain.explaining.wording import Wording, load_wordings
from billing_accuracy.domain.policy import VerdictPolicy
from billing_accuracy.domain.policy_document import PolicyError, load_policy
from billing_accuracy.handlers.advise import BillAdviser
from billing_accuracy.handlers.check_bills import BillChecker
from billing_accuracy.handlers.ports import View
from billing_accuracy.server.account_calls import AccountServicer
from billing_accuracy.server.advice_calls import BillAdviceServicer
from billing_accuracy.server.authorization import ACCOUNT_SERVICE, ADVICE_SERVICE, AUTHORIZATION
from billing_accuracy.server.authorization import SERVICE as BILLING_SERVICE
from billing_accuracy.server.bills import BillReader
from billing_accuracy.server.entries import EntryReader
from billing_accuracy.server.faults import ERRORS
from billing_accuracy.server.measure import Measure
from billing_accuracy.server.peers import CatalogueClient, ProfileClient, UsageClient
from billing_accuracy.server.servicer import BillingAccuracyServicer
from billing_accuracy.server.sessions import StoreSessions
from billing_accuracy.settings import Settings
from billing_accuracy.store.account_entries import StoredEntries
from billing_accuracy.store.bill_checks import StoredBillChecks
from billing_accuracy.store.bill_runs import StoredBillRuns
from billing_accuracy.store.disputes import StoredDisputes
from billing_accuracy.store.tables import SCHEMA
from cxmesh.billing.v1.account_service_pb2_grpc import add_AccountServiceServicer_to_server
from cxmesh.billing.v1.bill_advice_service_pb2_grpc import add_BillAdviceServiceServicer_to_server
from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import add_BillingAccuracyServiceServicer_to_server
from mesh.rpc import Servicer
from mesh.rpc.validation import RequestRules
from mesh.service import Application, Runtime, ServiceDefinition
from mesh.settings import SettingsError


def build(runtime: Runtime) -> Application:
    """Everything, wired."""
    settings = cast("Settings", runtime.settings)
    sessions = StoreSessions(runtime.store, _records, runtime.clock)
    to = runtime.channels.to
    measure = Measure(runtime.meter)
    checker = BillChecker(
        sessions=sessions,
        profile=ProfileClient(to("profile", settings.profile_address)),
        catalogue=CatalogueClient(to("offer-decision", settings.offer_decision_address)),
        usage=UsageClient(to("usage-correlation", settings.usage_correlation_address)),
        policy=_policy(settings),
        tally=measure,
    )
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
                implementation=BillAdviceServicer(_adviser(checker), _wordings(), runtime.clock),
                service=ADVICE_SERVICE,
            ),
        ],
        authorization=AUTHORIZATION,
        errors=ERRORS,
    )


def _adviser(checker: BillChecker) -> BillAdviser:
    return BillAdviser(checker.sessions, checker.profile, checker.catalogue, checker.usage)


def _wordings() -> Mapping[str, Wording]:
    return load_wordings((resources.files("billing_accuracy") / "explanations.yaml").read_text("utf-8"))


def _records(connection: AsyncConnection) -> View:
    runs, checks = StoredBillRuns(connection), StoredBillChecks(connection)
    return View(runs, checks, StoredEntries(connection), StoredDisputes(connection))


def _policy(settings: Settings) -> VerdictPolicy:
    file = settings.verdict_policy_file
    if file is None:
        return load_policy((resources.files("billing_accuracy") / "policy.yaml").read_text("utf-8"))
    try:
        return load_policy(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, PolicyError) as error:
        raise SettingsError([f"CXMESH_VERDICT_POLICY_FILE={file}: {error}"]) from error


SERVICE: Final = ServiceDefinition(
    name="billing-accuracy",
    schema=SCHEMA,
    settings=Settings,
    build=build,
    migrations="billing_accuracy.store.migrations",
)
