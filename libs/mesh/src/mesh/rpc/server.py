"""How does a service answer calls from the first to the last?"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from mesh.observe import Telemetry, gauge
from mesh.rpc.authentication import by_certificate, without_tls
from mesh.rpc.authorization import Authorization
from mesh.rpc.certificates import Certificates
from mesh.rpc.faults import ErrorTable
from mesh.rpc.frame import Frame
from mesh.rpc.health import NOT_SERVING, SERVING, Health
from mesh.rpc.measure import ServerMeasure
from mesh.rpc.names import ACTIVE_CALLS
from mesh.rpc.reflection import AnyIdentity, reflection_handlers
from mesh.rpc.routes import Routes, Servicer
from mesh.rpc.validation import RequestRules
from mesh.settings import ServiceSettings, SettingsError

_KEEPALIVE_MS = 60_000
_KEEPALIVE_TIMEOUT_MS = 10_000
_PINGS_NO_CLOSER_THAN_MS = 20_000
"""Clients of the mesh ping once a minute; gRPC's own limit of five minutes would cut them off."""
# By default two processes may share a port, and each would get a part of the other's calls.
_ONE_OWNER: list[tuple[str, int]] = [("grpc.so_reuseport", 0)]


@dataclass(frozen=True, slots=True)
class Served:
    """What a server is to serve."""

    servicers: Sequence[Servicer]
    authorization: Authorization
    errors: ErrorTable


class RpcServer:
    """The gRPC server of a service, and a second one that answers health checks without TLS.

    The kubelet has no certificate, so that probes need a port of their own.
    """

    def __init__(
        self, settings: ServiceSettings, served: Served, telemetry: Telemetry, certificates: Certificates | None
    ) -> None:
        """Raise when what is to be served doesn't fit together; nothing is bound yet."""
        self._settings = settings
        self._certificates = certificates
        services = [servicer.service for servicer in served.servicers]
        self._health = Health(services)
        health = Servicer(add_HealthServicer_to_server, self._health, "grpc.health.v1.Health")
        self._draining = asyncio.Event()
        routes = _routes(settings, served, telemetry, self._draining)
        probes = grpc.aio.server(options=_ONE_OWNER)
        health.add(self._health, probes)
        for _, path, handler in health.handlers():
            routes.add_open(path, handler)
        for path, handler in reflection_handlers([*services, health.service]):
            routes.add(path, handler, traced=False, gate=AnyIdentity())
        self._server = grpc.aio.server(handlers=[routes], options=_options(settings))
        self._probes = probes
        self.address = settings.listen
        self.health_address = settings.health_listen

    async def start(self) -> None:
        """Bind both ports; health says NOT_SERVING until `set_serving()`. SettingsError when one is taken."""
        credentials = None if self._certificates is None else self._certificates.server_credentials()
        self.address = _bind(self._server, "CXMESH_LISTEN", self._settings.listen, credentials)
        self.health_address = _bind(self._probes, "CXMESH_HEALTH_LISTEN", self._settings.health_listen, None)
        await self._probes.start()
        await self._server.start()

    def set_serving(self) -> None:
        """Tell callers and probes that calls are welcome."""
        self._health.set(SERVING)

    async def drain(self) -> None:
        """Send callers elsewhere, let running calls end within the grace, then stop."""
        self._health.set(NOT_SERVING)
        await asyncio.sleep(self._settings.drain_notice_seconds)
        self._health.close()
        self._draining.set()
        await self._server.stop(self._settings.drain_grace_seconds)
        await self._probes.stop(None)


def _routes(settings: ServiceSettings, served: Served, telemetry: Telemetry, draining: asyncio.Event) -> Routes:
    served.authorization.check_covers([path for each in served.servicers for path in each.paths()])
    measure = ServerMeasure(telemetry.tracer, telemetry.meter)
    rules = RequestRules()
    frame = Frame(
        measure=measure,
        identify=without_tls(settings.plaintext_identity)
        if settings.plaintext
        else by_certificate(settings.trust_domain),
        authorization=served.authorization,
        errors=served.errors,
        rules=rules,
        max_concurrent_rpcs=settings.max_concurrent_rpcs,
        draining=draining,
    )
    gauge(telemetry.meter, ACTIVE_CALLS, lambda: frame.active_calls)
    routes = Routes(frame, measure)
    routes.serve(served.servicers, rules)
    return routes


def _options(settings: ServiceSettings) -> list[tuple[str, int]]:
    return [
        *_ONE_OWNER,
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        ("grpc.max_connection_age_ms", round(settings.max_connection_age_seconds * 1000)),
        ("grpc.max_connection_age_grace_ms", round(settings.drain_grace_seconds * 1000)),
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", _PINGS_NO_CLOSER_THAN_MS),
    ]


def _bind(server: grpc.aio.Server, variable: str, listen: str, credentials: grpc.ServerCredentials | None) -> str:
    host, _, _ = listen.rpartition(":")
    try:
        port = server.add_secure_port(listen, credentials) if credentials else server.add_insecure_port(listen)
    except RuntimeError as error:
        raise SettingsError([f"{variable}={listen}: can't listen there; is the port taken?"]) from error
    return f"{host}:{port}"
