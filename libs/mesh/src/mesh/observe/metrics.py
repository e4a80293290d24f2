"""How are metrics counted and read?"""

import socket
from collections.abc import Callable
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter, Observation
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    make_wsgi_app,
)

from mesh.observe.entries import Metric
from mesh.settings import SettingsError

_POLL_SECONDS = 0.05
"""How soon the scraping thread notices that it is to end."""


def meter_provider(resource: Resource, registry: CollectorRegistry) -> MeterProvider:
    """A provider whose metrics, together with those of the process, can be read from `registry`."""
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    # Exemplars cost a look at the current span for every measurement, and the Prometheus exporter doesn't write them.
    return MeterProvider(
        metric_readers=[PrometheusMetricReader(registry=registry, scope_info_enabled=False)],
        resource=resource,
        exemplar_filter=AlwaysOffExemplarFilter(),
        shutdown_on_exit=False,
    )


def histogram(meter: Meter, metric: Metric) -> Histogram:
    """The histogram that `metric` describes."""
    return meter.create_histogram(
        metric.name, metric.unit, metric.meaning, explicit_bucket_boundaries_advisory=list(metric.buckets)
    )


def counter(meter: Meter, metric: Metric) -> Counter:
    """The counter that `metric` describes."""
    return meter.create_counter(metric.name, metric.unit, metric.meaning)


def gauge(meter: Meter, metric: Metric, read: Callable[[], float]) -> None:
    """Show `read()` as `metric` whenever metrics are scraped; it is called in the scraping thread."""

    def observe(_: CallbackOptions) -> list[Observation]:
        return [Observation(read())]

    meter.create_observable_gauge(metric.name, [observe], metric.unit, metric.meaning)


class Scrape:
    """Prometheus' view of one registry, over HTTP."""

    def __init__(self, listen: str, registry: CollectorRegistry) -> None:
        """Bind and serve in a thread of its own; raises SettingsError when the port is taken."""
        self.registry = registry
        host, _, port = listen.rpartition(":")
        app = make_wsgi_app(registry)
        try:
            self._server = make_server(host.strip("[]"), int(port), app, _Server, handler_class=_QuietHandler)
        except OSError as error:
            raise SettingsError([f"CXMESH_METRICS_LISTEN={listen}: {error.strerror or error}"]) from error
        self._thread = Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), name="scrape", daemon=True)
        self._thread.start()
        self.address = f"{host}:{self._server.server_port}"

    def stop(self) -> None:
        """End the server and its thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # Not HTTPServer's: that asks the name service for the machine's name, which can take seconds.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing: a scrape is no event."""
