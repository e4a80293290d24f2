"""How does a trace continue through a table or a stream? As the two headers of W3C Trace Context."""

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()


def to_headers(span: SpanContext) -> tuple[str | None, str | None]:
    """The values of traceparent and tracestate; None where there is nothing to say."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(NonRecordingSpan(span)))
    return carrier.get("traceparent"), carrier.get("tracestate")


def from_headers(traceparent: str | None, tracestate: str | None) -> SpanContext:
    """The span context that the headers tell of; an invalid one when they tell of none."""
    if not traceparent:
        return trace.INVALID_SPAN_CONTEXT
    carrier = {"traceparent": traceparent, "tracestate": tracestate or ""}
    return trace.get_current_span(_PROPAGATOR.extract(carrier)).get_span_context()
