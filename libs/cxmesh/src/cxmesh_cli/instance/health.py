"""Does a service say that it is healthy, and how long does it take to get there?"""

import time
from collections.abc import Callable
from enum import StrEnum

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cxmesh_cli.instance.ports import LOOPBACK

_POLL_SECONDS = 0.05
_OPTIONS = [
    # The default first pause after a refused connection is a second: too long against a port about to open.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 100),
    ("grpc.enable_http_proxy", 0),
]


class Health(StrEnum):
    SERVING = "serving"
    NOT_SERVING = "not serving"
    UNREACHABLE = "unreachable"


def check_health(port: int, timeout_seconds: float = 1.0) -> Health:
    """Ask once, on the health port."""
    with grpc.insecure_channel(f"ipv4:{LOOPBACK}:{port}", _OPTIONS) as channel:
        return _ask(channel, timeout_seconds)


def wait_until_serving(port: int, timeout_seconds: float, go_on: Callable[[], bool]) -> Health:
    """Ask until the answer is SERVING, `go_on` says no or the time is over; the last answer."""
    deadline = time.monotonic() + timeout_seconds
    with grpc.insecure_channel(f"ipv4:{LOOPBACK}:{port}", _OPTIONS) as channel:
        while True:
            health = _ask(channel, timeout_seconds=1.0)
            if health is Health.SERVING or time.monotonic() > deadline or not go_on():
                return health
            time.sleep(_POLL_SECONDS)


def _ask(channel: grpc.Channel, timeout_seconds: float) -> Health:
    try:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=timeout_seconds)
    except grpc.RpcError:  # refused, reset or late: for the asker all the same
        return Health.UNREACHABLE
    return Health.SERVING if answer.status == health_pb2.HealthCheckResponse.SERVING else Health.NOT_SERVING
