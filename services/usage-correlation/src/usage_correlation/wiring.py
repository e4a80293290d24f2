"""What is the usage service made of?"""

from datetime import timedelta
from typing import Final

from cxmesh.usage.v1.usage_service_pb2_grpc import add_UsageServiceServicer_to_server
from mesh.rpc import Servicer
from mesh.service import Application, Job, Runtime, ServiceDefinition
from usage_correlation.handlers.charging.use_quotas import UseQuotas
from usage_correlation.handlers.compare_plans import ComparePlans
from usage_correlation.handlers.directory import Directory, Sources
from usage_correlation.handlers.ledger_ports import Reactions
from usage_correlation.handlers.record_usage import RecordUsage
from usage_correlation.handlers.watch_signals import SignalWatch
from usage_correlation.peers.catalogue import CatalogueClient, TariffReader
from usage_correlation.peers.profile import ProfileClient
from usage_correlation.server import events
from usage_correlation.server.authorization import AUTHORIZATION
from usage_correlation.server.authorization import SERVICE as USAGE_SERVICE
from usage_correlation.server.faults import ERRORS
from usage_correlation.server.insight_events import with_contacts
from usage_correlation.server.metrics import UsageMetrics
from usage_correlation.server.policy_calls import PolicyCases
from usage_correlation.server.servicer import UsageServicer
from usage_correlation.server.signals import signal_raised
from usage_correlation.server.usage_calls import UsageCases
from usage_correlation.settings import Settings
from usage_correlation.store.allowance_policies import ALLOWANCE
from usage_correlation.store.arrays import accept_arrays
from usage_correlation.store.changes import ChangeStore, note_changes
from usage_correlation.store.charging_quotas import use_quotas
from usage_correlation.store.insight_care import note_contacts
from usage_correlation.store.kept_policies import PolicyStore, PostgresPolicyWriter
from usage_correlation.store.keys import KeyStore
from usage_correlation.store.ledger import PostgresLedger
from usage_correlation.store.policies import SPEND
from usage_correlation.store.rated_plans import RatedPlanStore
from usage_correlation.store.signals import SignalStore
from usage_correlation.store.subscribers import SubscriberStore
from usage_correlation.store.tables import SCHEMA
from usage_correlation.store.usage import UsageStore
from usage_correlation.wiring_accounts import ChangesOfOthers, accounts
from usage_correlation.wiring_charging import charging
from usage_correlation.wiring_forecast import queries
from usage_correlation.wiring_insights import insights
from usage_correlation.wiring_limits import limits
from usage_correlation.wiring_patterns import patterns

NAME: Final = "usage-correlation"
_PRUNE_EVERY: Final = timedelta(minutes=10)


def build(runtime: Runtime) -> Application:
    """Everything, wired."""
    settings, store, clock = runtime.settings, runtime.store, runtime.clock
    if not isinstance(settings, Settings):
        raise TypeError(f"the usage service is set by {Settings.__name__}, not by {type(settings).__name__}")
    accept_arrays(store.engine)
    keys, policies, changes = KeyStore(store), PolicyStore(store, SPEND), ChangeStore(store, clock)
    subscribers = SubscriberStore(store, clock)
    sources = Sources(
        ProfileClient(runtime.channels.to("profile", settings.profile_address)),
        CatalogueClient(runtime.channels.to("offer-decision", settings.offer_decision_address)),
        TariffReader(), keys, policies, changes, PolicyStore(store, ALLOWANCE), subscribers, RatedPlanStore(store),
    )  # fmt: skip
    directory = _directory(runtime, settings, sources)
    ledger, metrics = PostgresLedger(store, signal_raised), UsageMetrics(runtime.meter)
    usage, signals = UsageStore(store, keys), SignalStore(store)
    limited = limits(runtime, NAME, directory, keys)
    insight = insights(runtime, settings, directory, usage)
    pattern = patterns(runtime, settings, NAME, directory, keys, metrics.signalled)
    reactions = Reactions([limited.restraint], [UseQuotas(use_quotas), insight.reaction, pattern.reaction])
    record_usage = RecordUsage(
        directory, ledger, keys, clock, metrics, ahead=settings.clock_difference, reactions=reactions
    )
    metered = accounts(runtime, directory, ledger, keys, sources, metrics.signalled, reactions)
    told = ChangesOfOthers(subscribers)
    servicer = UsageServicer(
        UsageCases(record_usage, ComparePlans(directory, usage, clock), directory, usage, clock),
        PolicyCases(store, lambda uow: PostgresPolicyWriter(uow.connection, SPEND, clock), policies, directory, clock),
        signals,
        SignalWatch(signals, settings.watch_poll),
    )
    charged = charging(runtime, settings, directory, keys, limited.book, record_usage)
    return Application(
        servicers=[
            Servicer(add_UsageServiceServicer_to_server, servicer, USAGE_SERVICE),
            charged.servicer,
            metered.servicer,
            limited.servicer,
            *queries(runtime, directory, usage),
            *pattern.servicers,
        ],
        authorization=AUTHORIZATION,
        errors=ERRORS,
        subscriptions=with_contacts(
            [
                *events.subscriptions(NAME, note_changes, clock, told.subscriptions, told.plans),
                *limited.subscriptions,
                *pattern.subscriptions,
            ],
            NAME,
            note_contacts,
        ),
        jobs=[
            Job("unlist-old-changes", _PRUNE_EVERY, changes.prune),
            charged.job,
            metered.job,
            *insight.jobs,
            *pattern.jobs,
        ],
    )


def _directory(runtime: Runtime, settings: Settings, sources: Sources) -> Directory:
    return Directory(sources, runtime.clock, subscribers=settings.remembered_subscriptions, lifetime=settings.memory)


SERVICE: Final = ServiceDefinition(
    name=NAME,
    schema=SCHEMA,
    settings=Settings,
    build=build,
    migrations="usage_correlation.store.migrations",
)
