"""Which traces are kept, and do they reach their receiver?"""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SpanExportResult
from prometheus_client import CollectorRegistry

from mesh.embedded import free_port
from mesh.observe import setup
from mesh.observe.metrics import Scrape
from mesh.observe.registry import ATTRIBUTES, METRICS, SPANS, to_markdown
from mesh.observe.tracing import exporter_from_environment, sampler, tracer_provider
from mesh.rpc import Certificates, TlsFiles
from mesh.settings import ServiceSettings, SettingsError
from mesh.testkit import Certificates as Issuer


class Receiver:
    """Takes in traces over mutual TLS and remembers who sent them."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.senders: list[str] = []

    async def Export(self, request: Any, context: Any) -> Any:
        self.senders += [pem.decode() for pem in context.auth_context().get("x509_pem_cert", ())]
        for resource in request.resource_spans:
            self.names += [span.name for scope in resource.scope_spans for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()


@pytest.fixture
async def receiver(
    certificates: Issuer, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[Receiver]:
    issued = certificates.issue("service/value-network-sla")
    followed = Certificates(TlsFiles(issued.certificate, issued.key, issued.ca))
    receiver = Receiver()
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(receiver, server)
    port = server.add_secure_port("127.0.0.1:0", followed.server_credentials())
    await server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"https://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    yield receiver
    await server.stop(None)


async def send(exporter: Any, *names: str) -> None:
    provider = tracer_provider(Resource.create({}), exporter)
    for name in names:
        provider.get_tracer("t").start_span(name).end()
    await asyncio.to_thread(provider.force_flush)


async def test_traces_travel_with_the_services_certificate_also_after_its_renewal(
    receiver: Receiver, certificates: Issuer, tmp_path: Path
) -> None:
    issued = certificates.authority.issue("service/echo", folder=tmp_path)
    followed = Certificates(TlsFiles(issued.certificate, issued.key, issued.ca))
    exporter = exporter_from_environment(followed.current, "value-network-sla")
    first = issued.certificate.read_text()

    await send(exporter, "one")
    certificates.authority.issue("service/echo", folder=tmp_path)
    await send(exporter, "two", "three")

    assert receiver.names == ["one", "two", "three"]
    assert receiver.senders == [first, issued.certificate.read_text()]
    assert exporter is not None
    exporter.shutdown()


async def test_traces_are_not_given_to_a_receiver_of_another_name(receiver: Receiver, certificates: Issuer) -> None:
    issued = certificates.issue("service/echo")
    followed = Certificates(TlsFiles(issued.certificate, issued.key, issued.ca))
    exporter = exporter_from_environment(followed.current, "somebody-else")
    assert exporter is not None

    provider = tracer_provider(Resource.create({}), None)
    span = provider.get_tracer("t").start_span("one")
    span.end()
    result = await asyncio.to_thread(exporter.export, [span])

    assert result is SpanExportResult.FAILURE
    assert receiver.names == []
    exporter.shutdown()


async def test_a_receiver_that_is_away_is_not_waited_for_at_the_end(
    certificates: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = certificates.issue("service/echo")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"https://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    files = TlsFiles(issued.certificate, issued.key, issued.ca)
    settings = ServiceSettings(
        database_url="postgresql://nobody@nowhere/none",
        redis_url="redis://nowhere",
        metrics_listen="127.0.0.1:0",
        tls_certificate_file=files.certificate,
        tls_key_file=files.key,
        tls_ca_file=files.ca,
    )
    telemetry = setup(settings, "echo", "1", current=Certificates(files).current)
    telemetry.tracer.start_span("last").end()
    began = time.monotonic()
    await asyncio.to_thread(telemetry.shutdown, 0.2)
    assert time.monotonic() - began < 5, "the exporter alone goes on for 10 s"
    telemetry.tracer.start_span("later").end()
    telemetry.flush()


def test_without_an_endpoint_nothing_is_sent() -> None:
    assert exporter_from_environment(None, "value-network-sla") is None


def test_unless_told_otherwise_one_new_trace_in_twenty_is_kept_and_a_callers_decision_is_followed() -> None:
    assert sampler({}).get_description() == sampler({"OTEL_TRACES_SAMPLER_ARG": "0.05"}).get_description()
    assert "ParentBased{root:TraceIdRatioBased{0.05}" in sampler({}).get_description()
    assert "TraceIdRatioBased{0.5}" in sampler({"OTEL_TRACES_SAMPLER_ARG": "0.5"}).get_description()
    assert sampler({"OTEL_TRACES_SAMPLER": "always_on"}).get_description() == "AlwaysOnSampler"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"OTEL_TRACES_SAMPLER": "sometimes"}, "OTEL_TRACES_SAMPLER=sometimes: expected one of always_on, "),
        ({"OTEL_TRACES_SAMPLER_ARG": "5%"}, "OTEL_TRACES_SAMPLER_ARG=5%: expected a number from 0 to 1"),
        ({"OTEL_TRACES_SAMPLER_ARG": "5"}, "OTEL_TRACES_SAMPLER_ARG=5: expected a number from 0 to 1"),
    ],
)
def test_a_sampler_that_can_not_be_is_named(environment: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        sampler(environment)
    assert str(caught.value).startswith(told)


def test_a_metrics_port_that_is_taken_is_named() -> None:
    scrape = Scrape("127.0.0.1:0", CollectorRegistry())
    with pytest.raises(SettingsError, match=r"CXMESH_METRICS_LISTEN=127\.0\.0\.1:\d+: Address already in use"):
        Scrape(scrape.address, CollectorRegistry())
    scrape.stop()


def test_the_registry_lists_every_name_once_with_its_meaning() -> None:
    page = to_markdown()

    assert all(f"`{entry.name}`" in page and entry.meaning in page for entry in (*METRICS, *ATTRIBUTES, *SPANS))
    used = {name for entry in (*METRICS, *SPANS) for name in entry.attributes}
    assert used == {attribute.name for attribute in ATTRIBUTES}
    assert len({metric.name for metric in METRICS}) == len(METRICS)
