"""gRPC servers to measure against each other: `python -m tests.bench.servers ROLE [FOLDER]` prints its address.

mesh-echo   with everything a service has: mutual TLS, validation, authorization, traces, metrics
bare-echo   the same answer by gRPC alone, in plaintext
bare-sink   parses RecordUsage and drops what it got
otlp-sink   parses an export of spans and drops what it got
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import add_TraceServiceServicer_to_server
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from cxmesh.profile.v1.customer_pb2 import Customer
from cxmesh.profile.v1.profile_service_pb2 import CreateCustomerRequest
from cxmesh.profile.v1.profile_service_pb2_grpc import add_ProfileServiceServicer_to_server
from cxmesh.usage.v1.usage_service_pb2 import RecordUsageRequest, RecordUsageResponse
from cxmesh.usage.v1.usage_service_pb2_grpc import add_UsageServiceServicer_to_server
from mesh.embedded import DevelopmentAuthority
from mesh.observe import setup
from mesh.rpc import Authorization, Certificates, ErrorTable, RpcServer, Served, Servicer, TlsFiles, allow, services
from mesh.settings import ServiceSettings

LOCAL = "127.0.0.1:0"


class _One:
    """Implements one method of a service; nobody calls the others."""

    def __getattr__(self, method: str) -> Any:
        """Something to add to a server; Any: a method of any kind."""
        return _never_called


async def _never_called(_request: object, _context: object) -> object:
    raise NotImplementedError


class Echo(_One):
    """Answers CreateCustomer with the customer that it was asked to create."""

    async def CreateCustomer(self, request: CreateCustomerRequest, context: Any) -> Customer:
        """Echo."""
        return request.customer


class Sink(_One):
    """Says that it accepted everything."""

    async def RecordUsage(self, request: RecordUsageRequest, context: Any) -> RecordUsageResponse:
        """Drop."""
        return RecordUsageResponse(accepted_count=len(request.records))


class SpanSink(_One):
    """An OTLP receiver that says nothing was refused."""

    async def Export(self, request: ExportTraceServiceRequest, context: Any) -> ExportTraceServiceResponse:
        """Drop."""
        return ExportTraceServiceResponse()


class WireExporter(SpanExporter):
    """Makes of spans what would be sent, and sends it nowhere: there is no receiver to compete for the processor."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encode."""
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


async def mesh_echo(folder: Path) -> None:
    """A service's own server."""
    issued = DevelopmentAuthority(folder).issue("service/echo")
    files = TlsFiles(issued.certificate, issued.key, issued.ca)
    settings = ServiceSettings(
        database_url="postgresql://nobody@nowhere/none",
        redis_url="redis://nowhere",
        listen=LOCAL,
        health_listen=LOCAL,
        metrics_listen=LOCAL,
        tls_certificate_file=files.certificate,
        tls_key_file=files.key,
        tls_ca_file=files.ca,
    )
    servicer = Servicer(add_ProfileServiceServicer_to_server, Echo(), "cxmesh.profile.v1.ProfileService")
    table = Authorization(dict.fromkeys(servicer.paths(), allow(services("caller", "operator"))))
    telemetry = setup(settings, "echo", "bench", exporter=WireExporter())
    server = RpcServer(settings, Served([servicer], table, ErrorTable({})), telemetry, Certificates(files))
    await server.start()
    server.set_serving()
    await until_input_closes(server.address)
    await server.drain()
    telemetry.shutdown()


async def bare(servicer: Any, add: Any) -> None:
    """gRPC alone; Any: the generated classes of two services."""
    server = grpc.aio.server()
    add(servicer, server)
    port = server.add_insecure_port(LOCAL)
    await server.start()
    await until_input_closes(f"127.0.0.1:{port}")
    await server.stop(None)


async def until_input_closes(address: str) -> None:
    """Tell where it serves, and serve."""
    print(address, flush=True)
    await asyncio.to_thread(sys.stdin.read)


def main(role: str, folder: str = "") -> None:
    """Serve until standard input closes."""
    match role:
        case "mesh-echo":
            asyncio.run(mesh_echo(Path(folder)))
        case "bare-echo":
            asyncio.run(bare(Echo(), add_ProfileServiceServicer_to_server))
        case "bare-sink":
            asyncio.run(bare(Sink(), add_UsageServiceServicer_to_server))
        case "otlp-sink":
            asyncio.run(bare(SpanSink(), add_TraceServiceServicer_to_server))
        case _:
            sys.exit(f"there is no role {role!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
