"""What becomes of an export, by whichever door it came in?"""

import asyncio

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from mesh.rpc import Authorization, Identity
from value_network_sla.handlers.receive_spans import SpanReceiver
from value_network_sla.server.authorization import EXPORT
from value_network_sla.server.otlp import Received, SpanReader
from value_network_sla.server.otlp_wire import WireExport


class Intake:
    """Takes in the spans of one sender, whom the door has made sure of."""

    def __init__(self, receiver: SpanReceiver, authorization: Authorization) -> None:
        self._receiver = receiver
        self._authorization = authorization
        self._reader = SpanReader()

    def check(self, identity: Identity) -> None:
        """Raise RpcError unless `identity` may send spans; for doors that have no authorization of their own."""
        self._authorization.check(EXPORT, identity)

    async def accept(self, request: WireExport, identity: Identity) -> ExportTraceServiceResponse:
        """Answers once the spans are stored; says how many were refused and why the first one was, if any was."""
        sender = f"{identity.kind}s/{identity.name}"
        await self._receiver.admit(sender)
        received = Received()
        for _ in self._reader.read(request, sender, received):
            await asyncio.sleep(0)
        await self._receiver.receive(received.chunks, received.spans)
        if not received.rejected:
            return ExportTraceServiceResponse()
        return ExportTraceServiceResponse(
            partial_success=ExportTracePartialSuccess(
                rejected_spans=received.rejected,
                error_message=f"{received.rejected} spans were refused; the first: {received.first_problem}",
            )
        )
