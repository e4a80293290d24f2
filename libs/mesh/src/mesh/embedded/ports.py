"""Which ports of this machine are free, and who has the one we want?"""

import contextlib
import socket

import psutil

from mesh.embedded.errors import PortTaken

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


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
    """Raise PortTaken, naming the holder where this user may see it, unless `server` could listen on `port`."""
    if not is_port_free(port):
        raise PortTaken(server, port, _holder(port))


def _holder(port: int) -> str | None:
    # Other users' sockets are visible to root alone, and on macOS no socket is to others: then nobody is named.
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status != psutil.CONN_LISTEN or connection.laddr.port != port or not connection.pid:
                continue
            return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return None
