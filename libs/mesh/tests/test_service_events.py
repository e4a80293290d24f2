"""Does what a call publishes reach its handler, in the same trace?"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
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
