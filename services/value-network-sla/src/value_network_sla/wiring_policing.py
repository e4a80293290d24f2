"""What is the policing of objectives made of?"""

from datetime import timedelta
from typing import Final

from cxmesh.sla.v1.alert_service_pb2_grpc import add_AlertServiceServicer_to_server
from cxmesh.sla.v1.measurement_service_pb2_grpc import add_MeasurementServiceServicer_to_server
from cxmesh.sla.v1.objective_service_pb2_grpc import add_ObjectiveServiceServicer_to_server
from mesh.rpc import Servicer
from mesh.rpc.validation import RequestRules
from mesh.service import Job, Runtime
from value_network_sla.handlers.policing.judge_objectives import JudgeObjectives
from value_network_sla.handlers.policing.ports import Settling
from value_network_sla.handlers.policing.watch_alerts import AlertWatch
from value_network_sla.server.alert_calls import AlertServicer
from value_network_sla.server.authorization import ALERT_SERVICE, MEASUREMENT_SERVICE, OBJECTIVE_SERVICE
from value_network_sla.server.measurement_calls import MeasurementServicer
from value_network_sla.server.measurement_reading import MeasurementReader
from value_network_sla.server.objective_calls import ObjectiveServicer
from value_network_sla.server.policing_store import PolicingStore
from value_network_sla.settings import Settings
from value_network_sla.store.policing_alerts import AlertLogStore
from value_network_sla.store.policing_records import policing_on
from value_network_sla.store.policing_retention import purge_policing

_JUDGE_EVERY: Final = timedelta(milliseconds=500)
_PURGE_EVERY: Final = timedelta(minutes=10)
_POLL: Final = timedelta(milliseconds=500)


class Policing:
    """Objectives, alerts and measurements, wired."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self._runtime = runtime
        self._settings = settings
        settling = Settling(timedelta(seconds=settings.settle_seconds))
        self._store = PolicingStore(runtime.store, policing_on, runtime.clock, settling)

    def servicers(self) -> list[Servicer]:
        """What answers calls."""
        watch = AlertWatch(AlertLogStore(self._runtime.store), _POLL)
        measurements = MeasurementServicer(self._store, MeasurementReader(RequestRules()))
        return [
            Servicer(add_ObjectiveServiceServicer_to_server, ObjectiveServicer(self._store), OBJECTIVE_SERVICE),
            Servicer(add_AlertServiceServicer_to_server, AlertServicer(self._store, watch), ALERT_SERVICE),
            Servicer(add_MeasurementServiceServicer_to_server, measurements, MEASUREMENT_SERVICE),
        ]

    def jobs(self) -> list[Job]:
        """What runs beside the calls."""
        judge = JudgeObjectives(self._store, self._store.settling)
        return [
            Job("judge-objectives", _JUDGE_EVERY, judge.run),
            Job("purge-measurements", _PURGE_EVERY, self._purge),
        ]

    async def _purge(self) -> None:
        await purge_policing(
            self._runtime.store,
            self._runtime.clock.now(),
            measurements=timedelta(days=self._settings.measurement_retention_days),
            sessions=timedelta(days=self._settings.session_retention_days),
        )
