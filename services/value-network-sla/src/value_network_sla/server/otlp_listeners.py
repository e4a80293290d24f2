"""Which doors for spans stand beside the service's own gRPC port?"""

import ssl
from typing import Any, Final

import grpc
from aiohttp import web
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from mesh.rpc import Certificates, ErrorTable, IncomingCall, enter_call
from mesh.rpc.frame import overloaded, unreadable
from value_network_sla.server.authorization import TRACE_SERVICE
from value_network_sla.server.intake import Intake
from value_network_sla.server.otlp_http import OtlpHttp
from value_network_sla.server.otlp_identity import Senders
from value_network_sla.server.otlp_wire import read_export
from value_network_sla.server.tls import RenewedContext

_BACKLOG: Final = 1024
_SECONDS_IDLE: Final = 75.0

Context = grpc.aio.ServicerContext[Any, Any]


class HttpListener:
    """OTLP/HTTP, for senders with a certificate or a token."""

    name = "otlp-http"

    def __init__(self, door: OtlpHttp, listen: str, certificates: Certificates | None, *, grace_seconds: float) -> None:
        """`grace_seconds`: how long running requests may take to end when it stops."""
        self._grace = grace_seconds
        self._door = door
        self._certificates = certificates
        self._runner: web.AppRunner | None = None
        self.address = listen

    async def start(self) -> None:
        """Bind the port; OSError when it is taken."""
        host, _, port = self.address.rpartition(":")
        self._runner = web.AppRunner(
            self._door.application(),
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=_SECONDS_IDLE,
            shutdown_timeout=self._grace,
        )
        await self._runner.setup()
        context: ssl.SSLContext | None = RenewedContext(self._certificates).context if self._certificates else None
        await web.TCPSite(self._runner, host.strip("[]"), int(port), ssl_context=context, backlog=_BACKLOG).start()
        bound = self._runner.addresses[0]
        self.address = f"{host}:{bound[1]}"

    async def stop(self) -> None:
        """Let running requests end within the grace."""
        if self._runner is not None:
            await self._runner.cleanup()


class TokenListener:
    """OTLP/gRPC over TLS for senders with a token and no certificate, which gRPC can't take at one port with others."""

    name = "otlp-token"

    def __init__(
        self, intake: Intake, senders: Senders, errors: ErrorTable, *, listen: str, certificates: Certificates | None,
        most_bytes: int, most_calls: int, grace_seconds: float,
    ) -> None:  # fmt: skip
        self._intake = intake
        self._senders = senders
        self._errors = errors
        self._certificates = certificates
        self._most_bytes = most_bytes
        self._most_calls = most_calls
        self._grace = grace_seconds
        self._calls = 0
        self._server: grpc.aio.Server | None = None
        self.address = listen

    async def start(self) -> None:
        """Bind the port; RuntimeError when it is taken."""
        self._server = grpc.aio.server(
            options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", self._most_bytes)]
        )
        export: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(
            self._export, response_serializer=ExportTraceServiceResponse.SerializeToString
        )
        handlers = grpc.method_handlers_generic_handler(TRACE_SERVICE, {"Export": export})
        self._server.add_generic_rpc_handlers((handlers,))
        host, _, _ = self.address.rpartition(":")
        if self._certificates is None:
            port = self._server.add_insecure_port(self.address)
        else:
            port = self._server.add_secure_port(self.address, self._certificates.server_credentials(callers=False))
        await self._server.start()
        self.address = f"{host}:{port}"

    async def stop(self) -> None:
        """Let running calls end within the grace."""
        if self._server is not None:
            await self._server.stop(self._grace)

    async def _export(self, sent: bytes, context: Context) -> ExportTraceServiceResponse:
        self._calls += 1
        try:
            return await self._take(sent, context)
        except Exception as error:
            told = self._errors.translate(error)
            await context.abort(told.status, told.message, told.trailing_metadata())
            raise  # abort never returns
        finally:
            self._calls -= 1

    async def _take(self, sent: bytes, context: Context) -> ExportTraceServiceResponse:
        if self._calls > self._most_calls:
            raise overloaded()
        metadata = context.invocation_metadata() or ()
        shown = [str(value) for key, value in metadata if key == "authorization"]
        identity = await self._senders.by_token(shown)
        self._intake.check(identity)
        enter_call(IncomingCall(identity, None))
        try:
            request = read_export(sent)
        except DecodeError as error:
            raise unreadable() from error
        return await self._intake.accept(request, identity)
