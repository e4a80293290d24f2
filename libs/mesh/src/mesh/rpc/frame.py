"""What happens around every handler, whichever service it belongs to?"""

import asyncio
import inspect
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, NoReturn, Protocol, TypeAlias, cast

import grpc
from google.protobuf.message import DecodeError, Message

from mesh.observe import log
from mesh.rpc import names
from mesh.rpc.authorization import Authorization
from mesh.rpc.errors import MESH_DOMAIN, Reason, RpcError, resource_exhausted
from mesh.rpc.faults import ErrorTable
from mesh.rpc.identity import Identify, Identity, IncomingCall, ServerContext, enter_call
from mesh.rpc.measure import Measured, Method, ServerMeasure
from mesh.rpc.validation import RequestRules

# Handlers take and give messages of many types; the generated stubs tie them together, gRPC's own types don't.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Serve: TypeAlias = Callable[[Any, ServerContext], Awaitable[Any]]
_Read: TypeAlias = Callable[[bytes], Message]

_SECURITY = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED})


class NotServable(Exception):  # noqa: N818 - a statement; it ends the start-up
    """A method has no handler that can be served."""


class Gate(Protocol):
    """Says who may pass to a method."""

    def check(self, method: str, identity: Identity) -> None:
        """Raise RpcError unless `identity` may call `method`."""


class Frame:
    """Measuring, load shedding, identity, authorization, validation and errors: one layer around each handler.

    The layer is put on when a method is registered, not by a gRPC interceptor that would build it for every call.
    What a method needs (its span name, labels, rules) is prepared once.
    """

    def __init__(
        self,
        *,
        measure: ServerMeasure,
        identify: Identify,
        authorization: Authorization,
        errors: ErrorTable,
        rules: RequestRules,
        max_concurrent_rpcs: int,
        draining: asyncio.Event,
    ) -> None:
        """`draining` is set when the server is about to stop."""
        self._measure = measure
        self._identify = identify
        self._authorization = authorization
        self._errors = errors
        self._rules = rules
        self._max_active = max_concurrent_rpcs
        self._draining = draining
        self.active_calls = 0

    def around(self, path: str, handler: Handler, *, traced: bool, gate: Gate | None = None) -> Handler:
        """The handler of the method at `path` with everything around it; raises NotServable on a blocking one."""
        method = self._measure.method(path)
        run = _runner(path, handler)
        read = handler.request_deserializer
        if read is None:
            raise NotServable(f"{path} has no deserializer for its requests")
        prepare = partial(self._each if handler.request_streaming else self._one, read)
        gate = gate or self._authorization

        async def serve(request: Any, context: ServerContext) -> Any:
            measured = self._measure.begin(method, context.invocation_metadata() or (), traced=traced)
            self.active_calls += 1
            cancelled = False
            try:
                self._admit(path, gate, context, measured)
                return await run(prepare(request), context)
            except grpc.aio.AbortError:
                raise
            except asyncio.CancelledError:
                cancelled = True
                raise
            except Exception as error:  # noqa: BLE001 - the one place where errors become statuses
                await self._fail(path, context, measured, error)
            finally:
                self.active_calls -= 1
                measured.end(_ending(context, cancelled=cancelled))

        return _handler_of(handler, serve)

    def refusing(self, method: Method, error: Callable[[], RpcError]) -> Handler:
        """A handler that refuses a call before its request is read, whichever of the four kinds it is.

        A handler for streams reads when it wants to, and this one never does.
        """

        async def refuse(_requests: object, context: ServerContext) -> NoReturn:
            measured = self._measure.begin(method, (), traced=False)
            told = error()
            try:
                await context.abort(told.status, told.message, told.trailing_metadata())
            finally:
                measured.end(told.status)

        return grpc.stream_stream_rpc_method_handler(refuse)

    def is_full(self) -> bool:
        """Whether no further call can be served now."""
        return self.active_calls >= self._max_active

    def _admit(self, path: str, gate: Gate, context: ServerContext, measured: Measured) -> None:
        if self.active_calls > self._max_active:
            raise overloaded()
        identity = self._identify(context)
        if measured.span.is_recording():
            measured.span.set_attribute(names.CALLER, str(identity))
        remaining = context.time_remaining()
        deadline = None if remaining is None else time.monotonic() + remaining
        enter_call(IncomingCall(identity, deadline, self._draining))
        gate.check(path, identity)

    def _one(self, read: _Read, sent: bytes) -> Message:
        try:
            request = read(sent)
        except DecodeError as error:
            raise unreadable() from error
        self._rules.check(request, sent=sent)
        return request

    async def _each(self, read: _Read, sent: AsyncIterator[bytes]) -> AsyncIterator[Message]:
        async for one in sent:
            yield self._one(read, one)

    async def _fail(self, path: str, context: ServerContext, measured: Measured, error: Exception) -> NoReturn:
        told = self._errors.translate(error)
        if told.status in _SECURITY:
            log.warning("call refused", rpc_method=path, reason=told.reason, told=told.message, peer=context.peer())
        if measured.span.is_recording() and told.reason:
            measured.span.set_attribute(names.ERROR_REASON, told.reason)
        await context.abort(told.status, told.message, told.trailing_metadata())


def unreadable() -> RpcError:
    """What a caller is told whose bytes are no message of the request's type."""
    return RpcError(
        grpc.StatusCode.INVALID_ARGUMENT,
        "the request can't be read: expected a message of the type that the method takes",
        reason=Reason.INVALID_REQUEST,
        domain=MESH_DOMAIN,
    )


def overloaded() -> RpcError:
    """What a caller is told when there is no room for its call.

    gRPC's own limit (`maximum_concurrent_rpcs`) answers without details, so that callers don't know when to come back,
    and counts health checks, so that a busy replica would be taken for a dead one. The delay is spread, or all who were
    turned away would be back at the same moment.
    """
    delay = random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, guards nothing
    return resource_exhausted(
        "too many calls at a time", reason=Reason.OVERLOADED, domain=MESH_DOMAIN, retry_after=delay
    )


def _runner(path: str, handler: Handler) -> _Serve:
    """One coroutine function for a handler of any of the four kinds."""
    if not handler.response_streaming:
        answer: Any = handler.stream_unary if handler.request_streaming else handler.unary_unary
        if not inspect.iscoroutinefunction(answer):
            raise NotServable(f"{path} has no handler that is an `async def` function")
        return cast("_Serve", answer)
    respond: Any = handler.stream_stream if handler.request_streaming else handler.unary_stream
    if inspect.iscoroutinefunction(respond):
        return cast("_Serve", respond)
    if not inspect.isasyncgenfunction(respond):
        raise NotServable(f"{path} has no handler that is an `async def` function or generator")

    # Written here rather than handed on as a generator: when the call is cancelled in the middle of a write, this
    # coroutine learns of it at once, and closes the handler's generator so that its `finally` blocks run now.
    async def write_all(request: Any, context: ServerContext) -> None:
        async with aclosing(respond(request, context)) as responses:
            async for response in responses:
                await context.write(response)

    return write_all


def _handler_of(like: Handler, serve: _Serve) -> Handler:
    kinds: dict[tuple[bool, bool], Callable[..., Handler]] = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    make = kinds[like.request_streaming, like.response_streaming]
    # Without a deserializer gRPC hands the bytes over. Were it to read them, it would answer what can't be read with
    # UNKNOWN and a traceback in the log, and it would read the requests of callers who may not even call.
    return make(serve, None, like.response_serializer)


def _ending(context: ServerContext, *, cancelled: bool) -> grpc.StatusCode:
    if cancelled:
        return grpc.StatusCode.DEADLINE_EXCEEDED if context.time_remaining() == 0 else grpc.StatusCode.CANCELLED
    code: grpc.StatusCode | None = context.code()  # None until something else is set, whatever the stubs say
    return grpc.StatusCode.OK if code is None else code
