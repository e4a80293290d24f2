"""How are spans taken in, by the letter of OTLP/gRPC?"""

from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceServicer

from mesh.rpc import current_identity
from value_network_sla.handlers.receive_spans import SpanReceiver
from value_network_sla.server.otlp import read_request

Context = grpc.aio.ServicerContext[Any, Any]


class TraceServicer(TraceServiceServicer):
    """The standard receiver of spans. Whose they are is what the sender's certificate says."""

    def __init__(self, receiver: SpanReceiver) -> None:
        self._receiver = receiver

    async def Export(self, request: ExportTraceServiceRequest, context: Context) -> ExportTraceServiceResponse:
        """Answers once the spans are stored; says how many were refused and why the first one was, if any was."""
        del context
        identity = current_identity()
        sender = f"{identity.kind}s/{identity.name}"
        await self._receiver.admit(sender)
        received = read_request(request, sender)
        await self._receiver.receive(received.spans)
        if not received.rejected:
            return ExportTraceServiceResponse()
        return ExportTraceServiceResponse(
            partial_success=ExportTracePartialSuccess(
                rejected_spans=received.rejected,
                error_message=f"{received.rejected} spans were refused; the first: {received.first_problem}",
            )
        )
