"""Which ports of this machine are free, and who has the one we want?"""

import contextlib
import random
import socket
import time
from collections.abc import Callable
from typing import TypeVar

import psutil

from mesh.embedded.errors import EmbeddedError, PortTaken

R = TypeVar("R")
LOOPBACK = "127.0.0.1"
_HIGHEST_PORT = 65535
_LASTING = range(10_000, 32_000)
"""Below 32768, where Linux begins with the ports of outgoing connections; other systems begin above."""
_ATTEMPTS = 50
_LINGER_SECONDS = 0.5
"""So long at most the threads of a server that was killed hold its port after it counts as gone."""


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses at this moment, and no outgoing connection is given.

    So a server that ended can come back on its port. Raises `EmbeddedError` when none is found.
    """
    for port in random.SystemRandom().sample(_LASTING, _ATTEMPTS):
        if is_port_free(port):
            return port
    raise EmbeddedError(f"no free port was found on {LOOPBACK} in {_ATTEMPTS} attempts")


def on_free_port(launch: Callable[[int], R], *, bus_offset: int = 0) -> R:
    """Launch a server on a port that is free, and with `bus_offset` the port so much higher is free as well."""
    for _ in range(_ATTEMPTS):
        port = free_port()
        bus = port + bus_offset
        if bus > _HIGHEST_PORT or not is_port_free(bus):
            continue
        try:
            return launch(port)
        except EmbeddedError:
            # Another process may have taken the port since it was found free: then try the next.
            if is_port_free(port) and is_port_free(bus):
                raise
    raise EmbeddedError(f"no free port was found on {LOOPBACK} in {_ATTEMPTS} attempts")


def is_port_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback interface now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set it too: connections of a server that ended just now must not block its successor.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def require_free_port(server: str, port: int) -> None:
    """Raise PortTaken unless `server` could listen on `port`; it names the holder if that is visible."""
    give_up = time.monotonic() + _LINGER_SECONDS
    while not is_port_free(port):
        if time.monotonic() > give_up:
            raise PortTaken(server, port, _holder(port))
        time.sleep(0.01)


def _holder(port: int) -> str | None:
    # Sockets of other users are visible to root alone, on macOS not at all: then nobody is named.
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if listens and connection.pid:
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return None
