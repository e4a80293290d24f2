"""How long did a call take, how did it end, and which trace does it belong to?"""

import time
from collections.abc import Callable, Iterable, Mapping

import grpc
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.metrics import Meter
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mesh.observe import histogram
from mesh.rpc import names

_SERVER_FAULTS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
"""Statuses that are the server's fault rather than the caller's, as the RPC conventions sort them."""

_CARRIED = ("traceparent", "tracestate")
_propagator = TraceContextTextMapPropagator()
_failed = Status(StatusCode.ERROR)  # without a description: messages may hold personal data, the status says enough

_Labels = Mapping[str, str]
_Record = Callable[[float, _Labels], None]


class Method:
    """What is the same for every call of one method: its name, and the labels of each way in which it may end."""

    __slots__ = ("_ends", "_faults", "attributes", "name")

    def __init__(self, path: str, *, faults: frozenset[grpc.StatusCode] | None, peer: str | None = None) -> None:
        """`path` as gRPC writes it, `/package.Service/Method`; `faults` None: whatever isn't OK is one."""
        self.name = path.removeprefix("/")
        self.attributes: dict[str, str] = {names.RPC_SYSTEM_NAME: "grpc", names.RPC_METHOD: self.name}
        if peer is not None:
            self.attributes[names.SERVER_ADDRESS] = peer
        self._faults = faults
        self._ends: dict[grpc.StatusCode, _Labels] = {}

    def is_fault(self, status: grpc.StatusCode) -> bool:
        """Whether a call that ends so counts as failed on this side."""
        return status is not grpc.StatusCode.OK if self._faults is None else status in self._faults

    def labels(self, status: grpc.StatusCode) -> _Labels:
        """The metric attributes of a call that ended so."""
        labels = self._ends.get(status)
        if labels is None:
            ending = {names.RPC_RESPONSE_STATUS_CODE: status.name}
            if self.is_fault(status):
                ending[names.ERROR_TYPE] = status.name
            labels = self._ends[status] = {**self.attributes, **ending}
        return labels


class Measured:
    """One call from start to end. `span` is its span; `end()` is to be called once."""

    __slots__ = ("_method", "_record", "_started", "span")

    def __init__(self, method: Method, record: _Record, span: trace.Span) -> None:
        self._method = method
        self._record = record
        self.span = span
        self._started = time.perf_counter()

    def end(self, status: grpc.StatusCode) -> None:
        """Count the call and end its span."""
        labels = self._method.labels(status)
        self._record(time.perf_counter() - self._started, labels)
        if self.span.is_recording():
            self.span.set_attribute(names.RPC_RESPONSE_STATUS_CODE, status.name)
            if names.ERROR_TYPE in labels:
                self.span.set_attribute(names.ERROR_TYPE, status.name)
                self.span.set_status(_failed)
        self.span.end()


class ServerMeasure:
    """Measures the calls that a service answers."""

    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self._tracer = tracer
        self._record = histogram(meter, names.SERVER_CALL_DURATION).record

    @staticmethod
    def method(path: str) -> Method:
        """`path` as it is measured here."""
        return Method(path, faults=_SERVER_FAULTS)

    def begin(self, method: Method, metadata: Iterable[tuple[str, str | bytes]], *, traced: bool) -> Measured:
        """Start measuring; from here on, in this task, the call's span is the current one."""
        if not traced:
            return Measured(method, self._record, trace.INVALID_SPAN)
        carrier = {key: value for key, value in metadata if key in _CARRIED}
        parent = _propagator.extract(carrier) if carrier else None
        span = self._tracer.start_span(method.name, parent, SpanKind.SERVER, method.attributes)
        # Never detached: gRPC runs every call in a task, and so in a context, of its own.
        otel_context.attach(trace.set_span_in_context(span))
        return Measured(method, self._record, span)


class ClientMeasure:
    """Measures the calls that a service makes."""

    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self._tracer = tracer
        self._record = histogram(meter, names.CLIENT_CALL_DURATION).record

    @staticmethod
    def method(path: str, *, peer: str) -> Method:
        """`path` of the service `peer` as it is measured here."""
        return Method(path, faults=None, peer=peer)

    def begin(self, method: Method) -> tuple[Measured, dict[str, str]]:
        """Start measuring; also the metadata by which the callee continues the trace."""
        span = self._tracer.start_span(method.name, kind=SpanKind.CLIENT, attributes=method.attributes)
        carrier: dict[str, str] = {}
        _propagator.inject(carrier, trace.set_span_in_context(span))
        return Measured(method, self._record, span), carrier
