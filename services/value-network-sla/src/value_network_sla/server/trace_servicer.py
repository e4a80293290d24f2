"""How are spans taken in, by the letter of OTLP/gRPC?"""

from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from mesh.rpc import current_identity
from value_network_sla.server.authorization import TRACE_SERVICE
from value_network_sla.server.intake import Intake
from value_network_sla.server.otlp_wire import WireExport, export_class

Context = grpc.aio.ServicerContext[Any, Any]


class TraceServicer:
    """The standard receiver of spans. Whose they are is what the sender's certificate says."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def Export(self, request: WireExport, context: Context) -> ExportTraceServiceResponse:
        """Answers once the spans are stored."""
        del context
        return await self._intake.accept(request, current_identity())


def add_trace_receiver(servicer: TraceServicer, server: grpc.aio.Server) -> None:
    """What the generated code would do, but for attributes, which are not decoded before somebody wants them."""
    export = grpc.unary_unary_rpc_method_handler(
        servicer.Export,
        request_deserializer=export_class().FromString,
        response_serializer=ExportTraceServiceResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(TRACE_SERVICE, {"Export": export}),))
