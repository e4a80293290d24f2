"""What is the offer-decision service made of?"""

from typing import Final, cast

from cxmesh.catalog.v1.catalog_service_pb2_grpc import add_CatalogServiceServicer_to_server
from cxmesh.offer.v1.offer_decision_service_pb2_grpc import add_OfferDecisionServiceServicer_to_server
from mesh.rpc import Servicer
from mesh.service import Application, Runtime, ServiceDefinition
from sqlalchemy.ext.asyncio import AsyncConnection

from offer_decision.handlers.decide import DecisionMaker
from offer_decision.handlers.ports import Campaigns, Decisions, Plans
from offer_decision.server.authorization import AUTHORIZATION, CATALOG_SERVICE, OFFER_SERVICE
from offer_decision.server.catalog import CatalogServicer
from offer_decision.server.events import EventHandlers
from offer_decision.server.faults import ERRORS
from offer_decision.server.measure import Measure
from offer_decision.server.offers import OfferDecisionServicer
from offer_decision.server.peers import PeerClients
from offer_decision.server.sessions import StoreSessions
from offer_decision.settings import Settings
from offer_decision.store.campaigns import StoredCampaigns
from offer_decision.store.decisions import StoredDecisions
from offer_decision.store.plans import StoredPlans
from offer_decision.store.tables import SCHEMA


def build(runtime: Runtime) -> Application:
    """Everything, wired."""
    settings = cast("Settings", runtime.settings)
    sessions = StoreSessions(runtime.store, _records, runtime.clock)
    to = runtime.channels.to
    peers = PeerClients(
        profile=to("profile", settings.profile_address),
        usage=to("usage-correlation", settings.usage_correlation_address),
        billing=to("billing-accuracy", settings.billing_accuracy_address),
        network=to("value-network-sla", settings.value_network_sla_address),
    )
    events = EventHandlers(sessions, DecisionMaker(peers, settings.facts_concurrency), Measure(runtime.meter))
    return Application(
        servicers=[
            Servicer(add_CatalogServiceServicer_to_server, CatalogServicer(sessions), CATALOG_SERVICE),
            Servicer(add_OfferDecisionServiceServicer_to_server, OfferDecisionServicer(sessions), OFFER_SERVICE),
        ],
        authorization=AUTHORIZATION,
        errors=ERRORS,
        subscriptions=events.subscriptions(),
    )


def _records(connection: AsyncConnection) -> tuple[Plans, Campaigns, Decisions]:
    return StoredPlans(connection), StoredCampaigns(connection), StoredDecisions(connection)


SERVICE: Final = ServiceDefinition(
    name="offer-decision",
    schema=SCHEMA,
    settings=Settings,
    build=build,
    migrations="offer_decision.store.migrations",
)
