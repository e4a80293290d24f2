"""How does a test run a service in its own process?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from opentelemetry.sdk.trace.export import SpanExporter

from mesh.clock import Clock
from mesh.observe import configure_logging_for_tests
from mesh.rpc import Certificates as FollowedCertificates
from mesh.rpc import TlsFiles
from mesh.service import RunningService, Runtime, ServiceDefinition, start
from mesh.store import apply_migrations
from mesh.testkit.certificates import Certificates

_LOCAL = dict.fromkeys(("listen", "health_listen", "metrics_listen"), "127.0.0.1:0")


class ServiceUnderTest:
    """A running service, and channels to it."""

    def __init__(self, name: str, running: RunningService, certificates: Certificates) -> None:
        """Made by `serving`."""
        self._name = name
        self._certificates = certificates
        self._channels: dict[str, grpc.aio.Channel] = {}
        self.running = running

    @property
    def address(self) -> str:
        """Where it serves gRPC."""
        return self.running.address

    @property
    def runtime(self) -> Runtime:
        """The service's own store, Redis, clock and so on."""
        return self.running.runtime

    def channel(self, as_: str = "service/operator") -> grpc.aio.Channel:
        """A plain gRPC channel, mutual TLS, for calling as `service/<name>` or `partner/<id>`.

        To be called inside the loop.
        """
        if as_ not in self._channels:
            issued = self._certificates.issue(as_)
            files = FollowedCertificates(TlsFiles(issued.certificate, issued.key, issued.ca))
            self._channels[as_] = grpc.aio.secure_channel(
                self.address,
                files.current().channel_credentials(),
                [("grpc.ssl_target_name_override", self._name), ("grpc.max_receive_message_length", -1)],
            )
        return self._channels[as_]

    async def close(self) -> None:
        """Close the channels and stop the service."""
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))
        failed = self.running.failed
        await self.running.stop()
        if not failed.cancelled():
            failed.result()  # raises: a test doesn't pass over a relay or consumer that broke down


@asynccontextmanager
async def serving(
    definition: ServiceDefinition,
    postgres_url: str,
    redis_url: str,
    certificates: Certificates,
    *,
    clock: Clock | None = None,
    exporter: SpanExporter | None = None,
    **overrides: Any,  # settings of the service's own, of any type
) -> AsyncIterator[ServiceUnderTest]:
    """Migrate the database, start the service on free ports, and stop it at the end.

    `overrides` are settings. Personal data in a log line fails the test. Stopping doesn't wait for callers to
    notice: set `drain_notice_seconds` where a test is about draining.
    """
    configure_logging_for_tests()
    await asyncio.to_thread(apply_migrations, postgres_url, definition.schema, definition.migrations)
    issued = certificates.issue(f"service/{definition.name}")
    tls = {"tls_certificate_file": issued.certificate, "tls_key_file": issued.key, "tls_ca_file": issued.ca}
    own: dict[str, Any] = {**_LOCAL, **tls, "drain_notice_seconds": 0.0, "instance_id": "test", **overrides}
    settings = definition.settings(database_url=postgres_url, redis_url=redis_url, **own)
    running = await start(definition, settings, clock=clock, exporter=exporter)
    service = ServiceUnderTest(definition.name, running, certificates)
    try:
        yield service
    finally:
        await service.close()
