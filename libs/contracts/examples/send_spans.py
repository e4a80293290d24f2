"""Send the spans of your part of a session, in the operator's trace, with the stock OpenTelemetry SDK.

python send_spans.py 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 GetStream

The exporter reads where to send to, and your certificate, from its own standard variables:
OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_CERTIFICATE (the authority's), OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and
OTEL_EXPORTER_OTLP_CLIENT_KEY. A web framework's instrumentation does what this file does by hand.
"""

import sys
import time

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator


def main(traceparent: str, operation: str) -> None:
    """Serve one call of the operator, as its spans tell it."""
    provider = TracerProvider(resource=Resource.create({"service.name": "edge-cache"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracer = provider.get_tracer("example")
    # The operator sent this header with its call: your spans belong under the one that is waiting for you.
    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    with (
        tracer.start_as_current_span(operation, context, kind=SpanKind.SERVER),
        tracer.start_as_current_span("read from disk", kind=SpanKind.INTERNAL),
    ):
        time.sleep(0.02)
    if not provider.force_flush():
        sys.exit("the spans could not be sent")
    provider.shutdown()
    print(f"sent 2 spans of trace {traceparent.split('-')[1]}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
