"""What is satisfaction made of?"""

from datetime import timedelta
from typing import Any, Final

from cxmesh.sla.v1.satisfaction_service_pb2_grpc import add_SatisfactionServiceServicer_to_server
from mesh.events import Subscription
from mesh.rpc import Servicer
from mesh.service import Job, Runtime
from value_network_sla.handlers.satisfaction.measure import MeasureSatisfaction
from value_network_sla.server.authorization import SATISFACTION_SERVICE
from value_network_sla.server.satisfaction_calls import SatisfactionServicer, SatisfactionStore
from value_network_sla.server.satisfaction_events import TouchPointEvents
from value_network_sla.settings import Settings
from value_network_sla.store.satisfaction import satisfaction_on
from value_network_sla.store.satisfaction_retention import purge_reports

_MEASURE_EVERY: Final = timedelta(minutes=5)
_PURGE_EVERY: Final = timedelta(minutes=10)


def satisfaction_servicer(runtime: Runtime) -> Servicer:
    """The service's calls."""
    servicer = SatisfactionServicer(SatisfactionStore(runtime.store, satisfaction_on), runtime.clock)
    return Servicer(add_SatisfactionServiceServicer_to_server, servicer, SATISFACTION_SERVICE)


def satisfaction_subscriptions() -> list[Subscription[Any]]:
    """The events that it hears."""
    return TouchPointEvents(satisfaction_on).subscriptions()


def satisfaction_jobs(runtime: Runtime, settings: Settings) -> list[Job]:
    """What it does by itself."""
    measure = MeasureSatisfaction(SatisfactionStore(runtime.store, satisfaction_on), runtime.clock.now)
    kept_for = timedelta(days=settings.session_retention_days)

    async def purge() -> None:
        await purge_reports(runtime.store, runtime.clock.now() - kept_for)

    return [Job("measure-satisfaction", _MEASURE_EVERY, measure.run), Job("purge-experiences", _PURGE_EVERY, purge)]
