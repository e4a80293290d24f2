"""What do the tests of policing say and ask?"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cxmesh.sla.v1 import alert_service_pb2, measurement_pb2, measurement_service_pb2, objective_service_pb2
from cxmesh.sla.v1.alert_service_pb2_grpc import AlertServiceStub
from cxmesh.sla.v1.measurement_service_pb2_grpc import MeasurementServiceStub
from cxmesh.sla.v1.objective_service_pb2_grpc import ObjectiveServiceStub
from mesh.api import moment_message

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ACME, BEST = "partner/acme-access", "partner/best-content"

SPEED = """
apiVersion: openslo/v1
kind: SLO
metadata:
  name: line-speed
  displayName: Speed of lines
  annotations: {cxmesh.io/partner: acme-access, cxmesh.io/effective-from: "2026-01-01T00:00:00Z"}
spec:
  description: As fast as sold.
  service: broadband
  indicator:
    metadata: {name: download}
    spec:
      thresholdMetric:
        metricSource: {type: cxmesh, spec: {source: measurements, metric: download_mbps}}
  timeWindow:
    - duration: 1d
      calendar: {startTime: "2026-01-01 00:00:00", timeZone: Europe/Vienna}
  budgetingMethod: Occurrences
  objectives:
    - {op: gte, value: 30, target: 0.99}
---
apiVersion: cxmesh/v1
kind: AgreementTerms
metadata: {name: acme-2026}
spec:
  partner: acme-access
  objectives: [line-speed]
  minimumSample: 10
  fee: {amount: 3100.00, currency: EUR}
  credits:
    tiers: [{below: 99, feePercent: 10}]
    cap: {feePercent: 20}
"""
TRACED = """
apiVersion: openslo/v1
kind: SLO
metadata:
  name: open-line
  annotations: {cxmesh.io/partner: acme-access, cxmesh.io/effective-from: "2026-01-01T00:00:00Z"}
spec:
  service: iptv
  indicator:
    metadata: {name: line-opens}
    spec:
      thresholdMetric:
        metricSource: {type: cxmesh, spec: {source: traces, metric: latency_ms, operation: OpenLine}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{op: lte, value: 50, target: 0.99}]
"""


class Police:
    """The running service, as those who promise, measure and are on duty see it."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def objectives(self, as_: str = "service/operator") -> Any:
        return ObjectiveServiceStub(self.network.service.channel(as_))

    def alerts(self, as_: str = "service/operator") -> Any:
        return AlertServiceStub(self.network.service.channel(as_))

    def measurements(self, as_: str = ACME) -> Any:
        return MeasurementServiceStub(self.network.service.channel(as_))

    async def promise(self, text: str = SPEED, **fields: Any) -> Any:
        request = objective_service_pb2.ImportObjectivesRequest(document=text, **fields)
        return await self.objectives().ImportObjectives(request)

    async def measure(self, *measurements: measurement_pb2.Measurement, as_: str = ACME) -> Any:
        request = measurement_service_pb2.RecordMeasurementsRequest(
            partner="partners/acme-access", measurements=measurements
        )
        return await self.measurements(as_).RecordMeasurements(request)

    async def attained(self, name: str = "line-speed", at: datetime | None = None) -> Any:
        request = objective_service_pb2.GetObjectiveAttainmentRequest(name=f"objectives/{name}")
        if at is not None:
            request.read_time.CopyFrom(moment_message(at))
        return await self.objectives().GetObjectiveAttainment(request)

    async def firing(self, as_: str = "service/operator") -> Any:
        return (await self.alerts(as_).ListAlerts(alert_service_pb2.ListAlertsRequest(state=1))).alerts

    async def when(self, check: Callable[[], Awaitable[Any]]) -> Any:
        """What `check` gives, once it gives something; no time passes for the service."""
        async with asyncio.timeout(15):
            while not (found := await check()):
                await asyncio.sleep(0.05)
        return found


def speed(number: int, mbps: float, at: datetime = NOON, **fields: Any) -> measurement_pb2.Measurement:
    usual: dict[str, Any] = {
        "source": "probe",
        "measurement_id": f"m-{number}",
        "service": "broadband",
        "measured_resource": "line-1",
        "customer": f"customers/c{number % 4}",
        "measure_time": moment_message(at - number * MINUTE),
        "values": {"download_mbps": mbps},
    }
    return measurement_pb2.Measurement(**usual | fields)
