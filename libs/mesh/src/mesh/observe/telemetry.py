"""What does a service see of itself: one tracer, one meter, one place to scrape?"""

from dataclasses import dataclass

from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry

from mesh.observe.metrics import Scrape, meter_provider
from mesh.observe.tracing import CurrentMaterial, exporter_from_environment, tracer_provider
from mesh.settings import ServiceSettings

_SCOPE = "cxmesh"


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Tracer and meter of one service; `shutdown()` sends what is left."""

    tracer: Tracer
    meter: Meter
    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    scrape: Scrape

    @property
    def metrics_address(self) -> str:
        """Where metrics are read: `host:port`."""
        return self.scrape.address

    def shutdown(self) -> None:
        """Send the spans that are still here and stop answering scrapes. Blocks for as long as the receiver takes."""
        self.tracer_provider.shutdown()
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
    tracers = tracer_provider(resource, exporter)
    meters = meter_provider(resource, registry)
    return Telemetry(
        tracer=tracers.get_tracer(_SCOPE, version),
        meter=meters.get_meter(_SCOPE, version),
        tracer_provider=tracers,
        meter_provider=meters,
        scrape=Scrape(settings.metrics_listen, registry),
    )
