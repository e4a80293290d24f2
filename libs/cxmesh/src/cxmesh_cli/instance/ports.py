"""Which ports does an instance use, are they free, and who holds the ones that are not?"""

import errno
import random
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from cxmesh_cli.errors import CommandError, PortTakenError
from cxmesh_cli.topology import COLLECTOR, SERVICES

LOOPBACK = "127.0.0.1"
DEFAULT_BASE = 7400
FREE_BASES = range(10_000, 32_000, 100)
"""Below 32768, where Linux begins to hand out local ports to outgoing connections: a port picked there could
be taken between choosing and binding it."""

_CONNECT_SECONDS = 1.0
_SERVICE_STRIDE = 10
_OTLP_HTTP, _OTLP_TOKEN = 3, 4
"""Places beside those of the service that takes spans."""
_POSTGRESQL, _REDIS, _SMTP, _GUARD = 90, 91, 92, 99


@dataclass(frozen=True, slots=True)
class ServicePorts:
    grpc: int
    health: int
    metrics: int

    def all(self) -> tuple[int, ...]:
        return (self.grpc, self.health, self.metrics)


@dataclass(frozen=True, slots=True)
class Ports:
    """A block of 100 ports; each user has a fixed place in it."""

    base: int

    def of(self, service: str) -> ServicePorts:
        place = [known.name for known in SERVICES].index(service)
        first = self.base + _SERVICE_STRIDE * place
        return ServicePorts(first, first + 1, first + 2)

    @property
    def otlp_http(self) -> int:
        """Where spans come in over OTLP/HTTP."""
        return self.of(COLLECTOR).grpc + _OTLP_HTTP

    @property
    def otlp_token(self) -> int:
        """Where spans come in over OTLP/gRPC from senders with a token and no certificate."""
        return self.of(COLLECTOR).grpc + _OTLP_TOKEN

    @property
    def postgresql(self) -> int:
        return self.base + _POSTGRESQL

    @property
    def redis(self) -> int:
        return self.base + _REDIS

    @property
    def smtp(self) -> int:
        return self.base + _SMTP

    @property
    def guard(self) -> int:
        """Held by `up` while it works, so that another instance does not pick the same block meanwhile."""
        return self.base + _GUARD

    def all(self) -> dict[int, str]:
        """Every port and what it is for."""
        uses = {
            self.postgresql: "PostgreSQL",
            self.redis: "Redis",
            self.smtp: "SMTP",
            self.otlp_http: "OTLP/HTTP",
            self.otlp_token: "OTLP/gRPC with tokens",
        }
        for service in SERVICES:
            ports = self.of(service.name)
            uses |= {
                ports.grpc: f"{service.name} gRPC",
                ports.health: f"{service.name} health",
                ports.metrics: f"{service.name} metrics",
            }
        return dict(sorted(uses.items()))


def is_free(port: int) -> bool:
    try:
        _bind(port).close()
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            return False
        raise
    return True


def accepts(port: int) -> bool:
    """Whether somebody listens. Not by binding: that would take the port from a server that is about to."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=_CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


@contextmanager
def guarded(ports: Ports) -> Iterator[None]:
    """Hold the guard port of a block while things are started in it."""
    try:
        guard = _bind(ports.guard)
    except OSError as error:
        raise PortTakenError(
            f"port {ports.guard} (guard of {ports.base} to {ports.guard}) is taken{_by(ports.guard)}",
            hint="wait for the other instance to be up, or start this one with --free-ports",
        ) from error
    with guard:
        yield


def pick_free_block(rng: random.Random) -> Ports:
    """A block in which every port is free, in random order so that instances started together rarely meet."""
    for base in rng.sample(FREE_BASES, len(FREE_BASES)):
        ports = Ports(base)
        if all(is_free(port) for port in (ports.guard, *ports.all())):
            return ports
    raise CommandError(
        f"no free block of 100 ports between {FREE_BASES.start} and {FREE_BASES.stop}",
        hint="stop instances that are not needed any more with `cxmesh down --home …`",
    )


def require_free(ports: Iterable[tuple[int, str]]) -> None:
    """Name every taken port at once, with its holder where the system tells it."""
    taken = [(port, use) for port, use in ports if not is_free(port)]
    if not taken:
        return
    lines = [f"port {port} ({use}) is taken{_by(port)}" for port, use in taken]
    message = lines[0] if len(lines) == 1 else f"{len(lines)} ports are taken"
    raise PortTakenError(
        message,
        detail="" if len(lines) == 1 else "\n".join(lines),
        hint="stop that process, or let cxmesh pick others: cxmesh up --free-ports",
    )


def holder_of(port: int) -> psutil.Process | None:
    """The process that listens on the port; None when there is none or the system does not tell."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:  # macOS tells only root
        return None
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        if listens and connection.pid is not None:
            try:
                return psutil.Process(connection.pid)
            except psutil.NoSuchProcess:
                return None
    return None


def _by(port: int) -> str:
    holder = holder_of(port)
    if holder is None:
        return " by a process that this user may not see"
    try:
        command = " ".join(holder.cmdline()) or holder.name()
    except psutil.Error:
        return f" by pid {holder.pid}"
    return f" by pid {holder.pid}: {_shortened(command)}{_instance_of(holder)}"


def _instance_of(holder: psutil.Process) -> str:
    """Services of an instance carry its folder in their environment: then the way out is `down`."""
    try:
        home = holder.environ().get("CXMESH_HOME")
    except psutil.Error:
        return ""
    return f" (the instance at {home}; `cxmesh down --home {home}` stops it)" if home else ""


def _shortened(command: str, limit: int = 100) -> str:
    command = " ".join(command.split())  # a script given with -c has lines of its own
    return command if len(command) <= limit else command[: limit - 1] + "…"


def _bind(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # As servers do: a port whose old connections are in TIME_WAIT is free.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((LOOPBACK, port))
        bound.listen(1)
    except OSError:
        bound.close()
        raise
    return bound
