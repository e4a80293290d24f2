"""Does what a call publishes reach its handler, in the same trace?"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mesh.events import Delivery, Subscription
from mesh.rpc import Authorization, Servicer, services
from mesh.service import Application, Runtime, ServiceDefinition
from mesh.store import UnitOfWork
from mesh.testkit import Certificates
from mesh.testkit.serving import serving


async def test_an_event_goes_from_a_call_to_its_handler_in_one_trace(
    define: Callable[..., ServiceDefinition],
    echo: Any,
    echo_proto: Any,
    postgres_url: str,
    redis_url: str,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    exporter = InMemorySpanExporter()
    handled: asyncio.Queue[str] = asyncio.Queue()

    async def take_note(_: UnitOfWork, deliveries: Sequence[Delivery[Any]]) -> None:
        for delivery in deliveries:
            handled.put_nowait(delivery.message.text)

    def build(runtime: Runtime) -> Application:
        async def publish(request: Any, context: Any) -> Any:
            async with runtime.store.unit_of_work() as uow:
                uow.publish(request, key=request.text)
            return echo_proto.response("published")

        echo.say = publish
        add = echo_proto.stubs.add_EchoServiceServicer_to_server
        servicer = Servicer(add, echo, "mesh.test.v1.EchoService")
        return Application(
            [servicer],
            Authorization(dict.fromkeys(servicer.paths(), services("operator"))),
            subscriptions=[Subscription("echo", echo_proto.messages.SayRequest, take_note)],
        )

    async with serving(define(build=build), postgres_url, redis_url, certificates, exporter=exporter) as service:
        await echo_proto.stubs.EchoServiceStub(service.channel()).Say(echo_proto.request("news"))
        assert await asyncio.wait_for(handled.get(), 5) == "news"

    spans = {span.name: span for span in exporter.get_finished_spans() if not span.name.startswith("job ")}
    assert set(spans) == {"mesh.test.v1.EchoService/Say", "send test", "process test"}
    assert len({span.context.trace_id for span in spans.values()}) == 1


class WhileServing(SpanExporter):
    """Notes which spans were sent while the service still took calls."""

    def __init__(self) -> None:
        self.address = ""
        self.taken: list[str] = []
        self.missed: list[str] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        host, port = self.address.split(":")
        with socket.socket() as caller:
            is_open = caller.connect_ex((host, int(port))) == 0
        (self.taken if is_open else self.missed).extend(span.name for span in spans)
        return SpanExportResult.SUCCESS


@pytest.mark.parametrize("receiver", ["echo", "somebody-else"])
async def test_who_takes_in_traces_sends_its_own_before_it_stops_taking_them(
    define: Callable[..., ServiceDefinition],
    postgres_url: str,
    redis_url: str,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    receiver: str,
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    exporter = WhileServing()
    overrides = {"exporter": exporter, "trace_receiver": receiver}
    async with serving(define(), postgres_url, redis_url, certificates, **overrides) as service:
        exporter.address = service.address
        service.runtime.tracer.start_span("last").end()

    told_itself = receiver == "echo"
    assert ("last" in exporter.taken, "last" in exporter.missed) == (told_itself, not told_itself)
