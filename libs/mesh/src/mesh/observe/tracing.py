"""Which traces are kept, and where do they go?"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol
from urllib.parse import urlsplit

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import (
    OTEL_EXPORTER_OTLP_CERTIFICATE,
    OTEL_EXPORTER_OTLP_ENDPOINT,
    OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    OTEL_TRACES_SAMPLER,
    OTEL_TRACES_SAMPLER_ARG,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider, sampling
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from opentelemetry.util.types import Attributes

from mesh.observe.redaction import redact
from mesh.settings import SettingsError

DEFAULT_RATIO = 0.05
"""Share of traces kept when `OTEL_TRACES_SAMPLER_ARG` is unset: enough to see every busy path, 5 % of the cost."""

_SAMPLERS: Mapping[str, Callable[[float], sampling.Sampler]] = {
    "always_on": lambda _: sampling.ALWAYS_ON,
    "always_off": lambda _: sampling.ALWAYS_OFF,
    "traceidratio": sampling.TraceIdRatioBased,
    "parentbased_always_on": lambda _: sampling.DEFAULT_ON,
    "parentbased_always_off": lambda _: sampling.DEFAULT_OFF,
    "parentbased_traceidratio": sampling.ParentBasedTraceIdRatio,
}


class _Material(Protocol):
    def channel_credentials(self) -> grpc.ChannelCredentials: ...


CurrentMaterial = Callable[[], _Material]
"""Says which certificate is in force now; the same object until it is renewed."""


def tracer_provider(resource: Resource, exporter: SpanExporter | None) -> TracerProvider:
    """A provider that samples as the environment says and sends what it keeps to `exporter`."""
    provider = TracerProvider(sampler=sampler(os.environ), resource=resource, shutdown_on_exit=False)
    if exporter is not None:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def sampler(environment: Mapping[str, str]) -> sampling.Sampler:
    """Read OpenTelemetry's two sampler variables; unset, a caller's decision is kept and of new traces 5 % are."""
    name = environment.get(OTEL_TRACES_SAMPLER) or "parentbased_traceidratio"
    argument = environment.get(OTEL_TRACES_SAMPLER_ARG) or str(DEFAULT_RATIO)
    make = _SAMPLERS.get(name.lower())
    if make is None:
        raise SettingsError([f"{OTEL_TRACES_SAMPLER}={name}: expected one of {', '.join(_SAMPLERS)}"])
    try:
        return make(float(argument))
    except ValueError:
        raise SettingsError([f"{OTEL_TRACES_SAMPLER_ARG}={argument}: expected a number from 0 to 1"]) from None


def exporter_from_environment(current: CurrentMaterial | None, receiver: str) -> SpanExporter | None:
    """The OTLP exporter that the environment asks for; None when it names no endpoint.

    To an https endpoint without a certificate file of its own (`OTEL_EXPORTER_OTLP_CERTIFICATE`), traces travel with
    the service's certificate and the other end must show one for `receiver`, whatever host the endpoint names.
    """
    endpoint = os.environ.get(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) or os.environ.get(OTEL_EXPORTER_OTLP_ENDPOINT)
    if not endpoint:
        return None
    own_files = OTEL_EXPORTER_OTLP_CERTIFICATE in os.environ or OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE in os.environ
    if current is None or own_files or urlsplit(endpoint).scheme != "https":
        return OTLPSpanExporter()
    return RenewingExporter(current, receiver)


class RenewingExporter(SpanExporter):
    """An OTLP exporter that shows the service's certificate and takes up renewed ones."""

    def __init__(self, current: CurrentMaterial, receiver: str) -> None:
        self._current = current
        self._options = (("grpc.ssl_target_name_override", receiver),)
        self._material = current()
        self._exporter = self._connect()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        material = self._current()
        if material is not self._material:
            self._exporter.shutdown()
            self._material = material
            self._exporter = self._connect()
        return self._exporter.export(spans)

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)

    def _connect(self) -> OTLPSpanExporter:
        return OTLPSpanExporter(credentials=self._material.channel_credentials(), channel_options=self._options)


class CleaningExporter(SpanExporter):
    """Takes personal data out of spans before they leave the process."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._closed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._closed:
            return SpanExportResult.FAILURE
        return self._exporter.export([_clean(span) for span in spans])

    def shutdown(self) -> None:
        """Also ends an export that is under way; the second time there is nothing left to do."""
        if not self._closed:
            self._closed = True
            self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _clean(span: ReadableSpan) -> ReadableSpan:
    description = span.status.description
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_clean_attributes(span.attributes),
        events=[Event(event.name, _clean_attributes(event.attributes), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, redact("description", description)),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _clean_attributes(attributes: Attributes) -> Attributes:
    return {key: redact(key, value) for key, value in attributes.items()} if attributes else attributes
