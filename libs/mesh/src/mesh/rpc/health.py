"""Is this replica fit to be called?"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mesh.rpc.identity import ServerContext

SERVING: Final = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN: Final = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # its base comes without types
    """grpc.health.v1 for a server whose services are all fit or all not.

    grpcio's own implementation leaves watches open when it shuts down: a client that watches and doesn't
    hang up would hold up the drain for the whole grace.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._services = frozenset({"", *services})
        self._status: int = NOT_SERVING
        self._changed = asyncio.Event()
        self._closed = False

    def set(self, status: int) -> None:
        """Tell everyone who asks or watches."""
        self._status = status
        self._wake()

    def close(self) -> None:
        """End every watch."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def Check(self, request: Any, context: ServerContext) -> Any:  # noqa: N802 - the proto's name
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no service {request.service!r} here")
        return health_pb2.HealthCheckResponse(status=self._status)

    async def List(self, _request: Any, _context: ServerContext) -> Any:  # noqa: N802 - the proto's name
        current = health_pb2.HealthCheckResponse(status=self._status)
        return health_pb2.HealthListResponse(statuses=dict.fromkeys(self._services, current))

    async def Watch(self, request: Any, _context: ServerContext) -> AsyncIterator[Any]:  # noqa: N802 - the proto's name
        known = request.service in self._services
        told: int | None = None
        while not self._closed:
            changed = self._changed
            status = self._status if known else _UNKNOWN
            if status != told:
                told = status
                yield health_pb2.HealthCheckResponse(status=status)
            else:
                await changed.wait()
