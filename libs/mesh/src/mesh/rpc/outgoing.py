"""What goes along with every call that a service makes?"""

import math
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self, cast

import grpc

from mesh.rpc.connections import Connection, Connections
from mesh.rpc.identity import remaining_seconds
from mesh.rpc.measure import ClientMeasure, Measured, Method

# Requests, responses and their (de)serializers are tied together by the generated stubs; in here they are Any.


class MeasuredChannel(grpc.aio.Channel):
    """A channel whose calls are measured, traced and limited in time, and that outlives its connections.

    A channel of its own rather than gRPC's client interceptors: those run each call in one more task, and can't
    change the connection beneath.
    """

    def __init__(
        self, connections: Connections, measure: ClientMeasure, service: str, default_timeout_seconds: float
    ) -> None:
        """`service`: the name that its calls are measured under."""
        self._connections = connections
        self._measure = measure
        self._service = service
        self._default_timeout_seconds = default_timeout_seconds

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        await self._connections.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._connections.current().channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._connections.current().channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._connections.current().channel.channel_ready()

    def unary_unary(self, method: str, *codecs: Any, **more: Any) -> "grpc.aio.UnaryUnaryMultiCallable[Any, Any]":
        return cast("grpc.aio.UnaryUnaryMultiCallable[Any, Any]", self._calls("unary_unary", method, codecs, more))

    def unary_stream(self, method: str, *codecs: Any, **more: Any) -> "grpc.aio.UnaryStreamMultiCallable[Any, Any]":
        return cast("grpc.aio.UnaryStreamMultiCallable[Any, Any]", self._calls("unary_stream", method, codecs, more))

    def stream_unary(self, method: str, *codecs: Any, **more: Any) -> "grpc.aio.StreamUnaryMultiCallable[Any, Any]":
        return cast("grpc.aio.StreamUnaryMultiCallable[Any, Any]", self._calls("stream_unary", method, codecs, more))

    def stream_stream(self, method: str, *codecs: Any, **more: Any) -> "grpc.aio.StreamStreamMultiCallable[Any, Any]":
        return cast("grpc.aio.StreamStreamMultiCallable[Any, Any]", self._calls("stream_stream", method, codecs, more))

    def _calls(self, kind: str, path: str, codecs: tuple[Any, ...], more: dict[str, Any]) -> "_Calls":
        def make(channel: grpc.aio.Channel) -> Any:  # one of gRPC's four classes, which differ in types alone
            return getattr(channel, kind)(path, *codecs, **more)

        method = self._measure.method(path, peer=self._service)
        return _Calls(self._connections, make, self._measure, method, self._default_timeout_seconds)


class _Calls:
    """The calls of one method, of any of the four kinds."""

    def __init__(
        self,
        connections: Connections,
        make: Callable[[grpc.aio.Channel], Any],
        measure: ClientMeasure,
        method: Method,
        default_timeout_seconds: float,
    ) -> None:
        self._connections = connections
        self._make = make
        self._measure = measure
        self._method = method
        self._default_timeout_seconds = default_timeout_seconds
        self._connection: Connection | None = None
        self._callable: Any = None

    def __call__(
        self,
        *request: Any,
        timeout: float | None = None,
        metadata: Iterable[tuple[str, str | bytes]] | None = None,
        **options: Any,
    ) -> Any:
        connection = self._connections.current()
        if connection is not self._connection:
            self._callable = self._make(connection.channel)
            self._connection = connection
        measured, carried = self._measure.begin(self._method)
        try:
            call = self._callable(
                *request,
                timeout=self._limit(timeout),
                metadata=(*(metadata or ()), *carried.items()),
                **options,
            )
        except Exception:
            measured.end(grpc.StatusCode.INTERNAL)
            raise
        connection.active_calls += 1
        call.add_done_callback(_Ending(connection, measured))
        return call

    def _limit(self, timeout: float | None) -> float | None:
        """The shortest of what is asked for (or the default) and what is left of the caller's time."""
        asked = self._default_timeout_seconds if timeout is None else timeout
        left = remaining_seconds()
        limit = asked if left is None else min(asked, left)
        return None if limit == math.inf else limit


class _Ending:
    """Called when a call is done."""

    __slots__ = ("_connection", "_measured")

    def __init__(self, connection: Connection, measured: Measured) -> None:
        self._connection = connection
        self._measured = measured

    def __call__(self, call: grpc.aio.Call) -> None:
        self._connection.release()
        # A done call's status is there, but only to be had from a coroutine: it ends at its first step.
        step = call.code()
        try:
            step.send(None)
        except StopIteration as ended:
            self._measured.end(ended.value)
        else:
            step.close()
            raise RuntimeError("gRPC reported a call as done that has no status yet")
