"""Which methods does a server answer, and with what?"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from mesh.rpc.errors import MESH_DOMAIN, Reason, RpcError
from mesh.rpc.frame import Frame, Gate, Handler, NotServable, overloaded
from mesh.rpc.measure import ServerMeasure
from mesh.rpc.names import OTHER_METHOD
from mesh.rpc.validation import RequestRules


@dataclass(frozen=True, slots=True)
class Servicer:
    """One gRPC service and the object that implements it."""

    add: Callable[[Any, grpc.aio.Server], None]
    """The generated `add_XServicer_to_server`."""
    implementation: object
    """Its methods are `async def`. Those that take a stream iterate over it; what they would get by
    `context.read()` is not validated."""
    service: str
    """Full name in the proto: `cxmesh.usage.v1.UsageService`."""
    traced: bool = True
    """False for what receives traces: were it traced, each export would bring forth another."""

    def paths(self) -> Iterator[str]:
        """The methods of the service, as gRPC writes them: `/package.Service/Method`."""
        return (f"/{self.service}/{method.name}" for method in self._descriptor().methods)

    def handlers(self) -> Iterator[tuple[MethodDescriptor, str, Handler]]:
        """Each method with its path and handler; raises NotServable when one has none."""
        collected = _Collector()
        self.add(self.implementation, cast("grpc.aio.Server", collected))
        for method, path in zip(self._descriptor().methods, self.paths(), strict=True):
            handler = collected.find(path)
            if handler is None:
                raise NotServable(f"{path} is in the proto, but {self.add.__name__} does not add it")
            yield method, path, handler

    def _descriptor(self) -> ServiceDescriptor:
        try:
            return descriptor_pool.Default().FindServiceByName(self.service)
        except KeyError:
            raise NotServable(f"no imported proto has a service {self.service!r}") from None


class Routes(grpc.GenericRpcHandler):
    """From path to handler, for every call that comes in.

    Handlers are looked up here, not registered with gRPC one by one: grpc.aio waits for each registered method with a
    task of its own and wakes them all for every call.
    """

    def __init__(self, frame: Frame, measure: ServerMeasure) -> None:
        self._frame = frame
        self._measure = measure
        self._handlers: dict[str, Handler] = {}
        self._shedding: dict[str, Handler] = {}
        self._unknown = frame.refusing(measure.method(OTHER_METHOD), _unknown)

    def serve(self, servicers: Sequence[Servicer], rules: RequestRules) -> None:
        """Take up the methods of the servicers; raises NotServable or a CompilationError of their rules."""
        for servicer in servicers:
            for method, path, handler in servicer.handlers():
                rules.compile(GetMessageClass(method.input_type))
                self.add(path, handler, traced=servicer.traced)

    def add(self, path: str, handler: Handler, *, traced: bool, gate: Gate | None = None) -> None:
        """Take up one method; `gate` in place of the authorization table."""
        self._handlers[path] = self._frame.around(path, handler, traced=traced, gate=gate)
        self._shedding[path] = self._frame.refusing(self._measure.method(path), overloaded)

    def add_open(self, path: str, handler: Handler) -> None:
        """Take up a method that anyone may call at any time, unmeasured: health."""
        self._handlers[path] = handler

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler:
        """The handler for one call; never None, since unknown methods are refused with details too."""
        path = handler_call_details.method
        handler = self._handlers.get(path, self._unknown)
        return self._shedding.get(path, handler) if self._frame.is_full() else handler


def _unknown() -> RpcError:
    return RpcError(
        grpc.StatusCode.UNIMPLEMENTED,
        "no such method is served here; server reflection lists those that are",
        reason=Reason.METHOD_UNKNOWN,
        domain=MESH_DOMAIN,
    )


class _Collector:
    """Stands in for a server while the generated code adds its handlers, so that they can be wrapped.

    Older generated code knows only generic handlers, newer adds both kinds; both hold the same handlers.
    """

    def __init__(self) -> None:
        self._generic: list[grpc.GenericRpcHandler] = []

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        self._generic.extend(handlers)

    def add_registered_method_handlers(self, service_name: str, method_handlers: object) -> None:
        pass

    def find(self, path: str) -> "Handler | None":
        details = _CallDetails(path)
        return next((found for generic in self._generic if (found := generic.service(details)) is not None), None)


@dataclass(slots=True)
class _CallDetails:
    method: str
    invocation_metadata: tuple[tuple[str, str | bytes], ...] = ()
