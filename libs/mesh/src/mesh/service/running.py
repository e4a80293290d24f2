"""How does a service come up, and how does it go down, in the right order?"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

import grpc
from opentelemetry.sdk.trace.export import SpanExporter

from mesh.clock import Clock, SystemClock
from mesh.events import Consumer, EventMetrics, Relay, connect_redis
from mesh.observe import LAST_SPANS_SECONDS, Telemetry, gauge, log, setup
from mesh.rpc import Certificates, Channels, ErrorTable, RpcServer, Served, TlsFiles, current_identity
from mesh.service.background import Background
from mesh.service.definition import Application, Job, Runtime, ServiceDefinition
from mesh.service.faults import COMMON_ERRORS
from mesh.service.jobs import JobRunner
from mesh.service.names import CERTIFICATE_REMAINING
from mesh.settings import ServiceSettings
from mesh.store import SchemaIsNewer, Store, pending_migrations

_PURGE_EVERY = timedelta(minutes=1)
_AWAY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED})


class MigrationsPending(Exception):  # noqa: N818 - a statement; it ends the start-up
    """The schema is older than the service."""


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that serves until `stop()`."""

    address: str
    """Where it serves gRPC: `host:port`."""
    health_address: str
    metrics_address: str
    runtime: Runtime
    listeners: Mapping[str, str]
    """Where else it serves: address by name."""
    failed: asyncio.Future[None]
    """Raises BackgroundFailed when something that runs beside the calls has ended; stop the service then."""
    _closing: AsyncExitStack

    async def stop(self) -> None:
        """Drain: calls end first, then events and jobs, then the relay and connections; then traces are sent."""
        await self._closing.aclose()
        self.failed.cancel()


async def start(
    definition: ServiceDefinition,
    settings: ServiceSettings,
    *,
    clock: Clock | None = None,
    exporter: SpanExporter | None = None,
) -> RunningService:
    """Bring a service up; it serves when this returns. What was opened is closed again when something fails.

    `exporter` takes the place of the one that OpenTelemetry's variables ask for.
    """
    await _refuse_pending_migrations(definition, settings)
    async with AsyncExitStack() as stack:
        certificates = _certificates(settings)
        telemetry = setup(
            settings,
            definition.name,
            definition.version,
            current=certificates.current if certificates else None,
            exporter=exporter,
        )
        # Who takes in traces sends its own last ones to itself, while it still takes them in: see below.
        takes_traces = definition.name == settings.trace_receiver
        stack.push_async_callback(asyncio.to_thread, telemetry.shutdown, 0.0 if takes_traces else LAST_SPANS_SECONDS)
        runtime = _runtime(definition, settings, telemetry, certificates, clock or SystemClock(), stack)
        application = definition.build(runtime)
        errors = ErrorTable({**COMMON_ERRORS, **application.errors})
        served = Served(application.servicers, application.authorization, errors)
        server = RpcServer(settings, served, telemetry, certificates)
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        relaying, working = Background(failed), Background(failed)
        # The stack unwinds from its end: calls end first, then what handles events and jobs, then the relay, so that
        # it can still take along what these published.
        stack.push_async_callback(relaying.stop, settings.drain_grace_seconds)
        stack.push_async_callback(working.stop, settings.drain_grace_seconds)
        stack.push_async_callback(server.drain)
        if takes_traces:
            stack.push_async_callback(asyncio.to_thread, telemetry.flush)
        await server.start()
        for listener in application.listeners:
            stack.push_async_callback(listener.stop)
            await listener.start()
        _start_work(definition, application, runtime, relaying, working)
        server.set_serving()
        return RunningService(
            address=server.address,
            health_address=server.health_address,
            metrics_address=telemetry.metrics_address,
            runtime=runtime,
            listeners={listener.name: listener.address for listener in application.listeners},
            failed=failed,
            _closing=stack.pop_all(),
        )


def _start_work(
    definition: ServiceDefinition,
    application: Application,
    runtime: Runtime,
    relaying: Background,
    working: Background,
) -> None:
    observer = EventMetrics(runtime.meter)
    relay = Relay(runtime.store, runtime.redis, observer=observer)
    relaying.start("relay", relay.run(), relay.stop)
    if application.subscriptions:
        consumer = Consumer(
            runtime.store,
            runtime.redis,
            application.subscriptions,
            group=definition.name,
            instance=runtime.settings.instance_id,
            partitions=runtime.settings.stream_partitions,
            observer=observer,
            tracer=runtime.tracer,
            passes=_passes,
        )
        working.start("consumer", consumer.run(), consumer.stop)
    jobs = JobRunner(runtime.tracer, runtime.meter)
    for job in (*application.jobs, Job("purge-mesh-tables", _PURGE_EVERY, runtime.store.purge)):
        working.start(f"job {job.name}", jobs.repeat(job), jobs.stop)


def _passes(error: Exception) -> bool:
    """Whether an event handler failed because a service that it asked is away, which says nothing of the event."""
    return isinstance(error, grpc.aio.AioRpcError) and error.code() in _AWAY


async def _refuse_pending_migrations(definition: ServiceDefinition, settings: ServiceSettings) -> None:
    url = settings.database_url.get_secret_value()
    try:
        pending = await asyncio.to_thread(pending_migrations, url, definition.schema, definition.migrations)
    except SchemaIsNewer as newer:
        # A migration keeps the version before it running: that is how an upgrade rolls, and how it is rolled back.
        log.warning("schema is newer than this version", schema=definition.schema, reason=str(newer))
        return
    if pending:
        steps = ", ".join(f"{migration.revision} ({migration.summary})" for migration in pending)
        raise MigrationsPending(
            f"schema {definition.schema!r} is behind this version of {definition.name}; "
            f"run `migrate` first; missing: {steps}"
        )


def _certificates(settings: ServiceSettings) -> Certificates | None:
    certificate, key, ca = settings.tls_certificate_file, settings.tls_key_file, settings.tls_ca_file
    if certificate is None or key is None or ca is None:  # settings see to it that plaintext was asked for then
        return None
    return Certificates(TlsFiles(certificate, key, ca))


def _runtime(
    definition: ServiceDefinition,
    settings: ServiceSettings,
    telemetry: Telemetry,
    certificates: Certificates | None,
    clock: Clock,
    stack: AsyncExitStack,
) -> Runtime:
    """Everything a service works with; `stack` closes it."""
    if certificates is not None:
        _watch_expiry(certificates, clock, telemetry)
    store = Store(
        settings.database_url.get_secret_value(),
        definition.schema,
        partitions=settings.stream_partitions,
        clock=clock,
        caller=_caller,
        tracer=telemetry.tracer,
    )
    stack.push_async_callback(store.close)
    redis = connect_redis(settings.redis_url.get_secret_value(), cluster=settings.redis_cluster)
    stack.push_async_callback(redis.aclose)
    channels = Channels(settings, telemetry, certificates)
    stack.push_async_callback(channels.close)
    return Runtime(settings, store, redis, channels, clock, telemetry.tracer, telemetry.meter)


def _watch_expiry(certificates: Certificates, clock: Clock, telemetry: Telemetry) -> None:
    def remaining_seconds() -> float:
        return (certificates.current().expires - clock.now()).total_seconds()

    gauge(telemetry.meter, CERTIFICATE_REMAINING, remaining_seconds)


def _caller() -> str:
    return str(current_identity())
