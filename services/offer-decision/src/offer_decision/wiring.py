"""What is the offer-decision service made of?"""

from datetime import timedelta
from typing import Final, cast

from cxmesh.catalog.v1.catalog_service_pb2_grpc import add_CatalogServiceServicer_to_server
from cxmesh.offer.v1.offer_decision_service_pb2_grpc import add_OfferDecisionServiceServicer_to_server
from mesh.observe import log
from mesh.rpc import Servicer
from mesh.service import Application, Job, Runtime, ServiceDefinition
from offer_decision.handlers.decide import DecisionMaker
from offer_decision.handlers.gather_facts import FactFinder
from offer_decision.handlers.grant_credits import GrantCredits
from offer_decision.server.authorization import AUTHORIZATION, CATALOG_SERVICE, OFFER_SERVICE
from offer_decision.server.catalog import CatalogServicer
from offer_decision.server.events import EventHandlers
from offer_decision.server.faults import ERRORS
from offer_decision.server.measure import Measure
from offer_decision.server.offers import OfferDecisionServicer
from offer_decision.server.peers import PeerClients
from offer_decision.server.sessions import StoreSessions
from offer_decision.settings import Settings
from offer_decision.store.records import records_on
from offer_decision.store.tables import SCHEMA

_GRANT_EVERY: Final = timedelta(seconds=1)


def build(runtime: Runtime) -> Application:
    """Everything, wired."""
    settings = cast("Settings", runtime.settings)
    sessions = StoreSessions(runtime.store, records_on, runtime.clock)
    to = runtime.channels.to
    peers = PeerClients(
        profile=to("profile", settings.profile_address),
        usage=to("usage-correlation", settings.usage_correlation_address),
        billing=to("billing-accuracy", settings.billing_accuracy_address),
        network=to("value-network-sla", settings.value_network_sla_address),
    )
    maker = DecisionMaker(FactFinder(peers, settings.facts_concurrency))
    events = EventHandlers(sessions, maker, Measure(runtime.meter), runtime.clock)
    return Application(
        servicers=[
            Servicer(
                add_CatalogServiceServicer_to_server,
                CatalogServicer(sessions, settings.max_message_bytes),
                CATALOG_SERVICE,
            ),
            Servicer(add_OfferDecisionServiceServicer_to_server, OfferDecisionServicer(sessions), OFFER_SERVICE),
        ],
        authorization=AUTHORIZATION,
        errors=ERRORS,
        subscriptions=events.subscriptions(),
        jobs=[Job("grant-credits", _GRANT_EVERY, GrantCredits(sessions, peers, _report).run)],
    )


def _report(decision_id: str, reason: str) -> None:
    log.error("a credit that makes up for a fault was refused", decision=f"decisions/{decision_id}", reason=reason)


SERVICE: Final = ServiceDefinition(
    name="offer-decision",
    schema=SCHEMA,
    settings=Settings,
    build=build,
    migrations="offer_decision.store.migrations",
)
