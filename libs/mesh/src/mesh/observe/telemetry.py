"""What does a service see of itself: one tracer, one meter, one place to scrape?"""

import threading
from dataclasses import dataclass

from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry

from mesh.observe.metrics import Scrape, meter_provider
from mesh.observe.tracing import CleaningExporter, CurrentMaterial, exporter_from_environment, tracer_provider
from mesh.settings import ServiceSettings

LAST_SPANS_SECONDS = 2.0
"""A service that ends waits for the receiver of its traces no longer than that."""
_SCOPE = "cxmesh"


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Tracer and meter of one service; `shutdown()` sends what is left."""

    tracer: Tracer
    meter: Meter
    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    scrape: Scrape
    exporter: CleaningExporter | None
    """Where spans go; None when they go nowhere."""

    @property
    def metrics_address(self) -> str:
        """Where metrics are read: `host:port`."""
        return self.scrape.address

    def flush(self) -> None:
        """Send the spans that are here now. Blocks for as long as the receiver takes."""
        self.tracer_provider.force_flush()

    def shutdown(self, patience_seconds: float = LAST_SPANS_SECONDS) -> None:
        """Send the spans that are still here, unless the receiver takes longer than that; stop answering scrapes."""
        exporter = self.exporter
        giving_up = threading.Timer(patience_seconds, exporter.shutdown) if exporter else None
        if giving_up:
            giving_up.start()  # the exporter itself would try again and again for 10 s
        self.tracer_provider.shutdown()
        if giving_up:
            giving_up.cancel()
        self.meter_provider.shutdown()
        self.scrape.stop()


def setup(
    settings: ServiceSettings,
    service: str,
    version: str,
    *,
    current: CurrentMaterial | None = None,
    exporter: SpanExporter | None = None,
) -> Telemetry:
    """Set up tracing and metrics of `service` as its settings and OpenTelemetry's own variables say.

    Nothing global is touched, so that several services can live in one process. `current` is the certificate that
    traces travel with; `exporter` takes the place of the one that the environment asks for.
    """
    resource = Resource.create(
        {
            SERVICE_NAME: service,
            SERVICE_VERSION: version,
            SERVICE_INSTANCE_ID: settings.instance_id,
        }
    )
    registry = CollectorRegistry()
    exporter = exporter or exporter_from_environment(current, settings.trace_receiver)
    cleaning = CleaningExporter(exporter) if exporter else None
    tracers = tracer_provider(resource, cleaning)
    meters = meter_provider(resource, registry)
    return Telemetry(
        tracer=tracers.get_tracer(_SCOPE, version),
        meter=meters.get_meter(_SCOPE, version),
        tracer_provider=tracers,
        meter_provider=meters,
        scrape=Scrape(settings.metrics_listen, registry),
        exporter=cleaning,
    )
