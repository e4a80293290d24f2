"""How are spans taken in, by the letter of OTLP/HTTP?

POST /v1/traces in protobuf or JSON, plain, gzip or deflate. Errors are google.rpc.Status, encoded as the request.
"""

import math
from collections.abc import Awaitable, Callable
from typing import Final

import grpc
from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from mesh.observe import log
from mesh.rpc import MESH_DOMAIN, ErrorTable, Identity, IncomingCall, Reason, RpcError, enter_call
from value_network_sla.server.bodies import PACKED, PLAIN, Body, BodyBroken, BodyTooLarge, NoRoom, Room
from value_network_sla.server.intake import Intake
from value_network_sla.server.otlp_json import NotOtlpJson, protobuf_of
from value_network_sla.server.otlp_wire import WireExport, read_export

PATH: Final = "/v1/traces"
_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"
_AT_ONCE: Final = 4
"""Times the largest body that may be in memory at a time; beyond, senders are told to come again."""
_HTTP: Final = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
"""By the OTLP specification 429, 502, 503 and 504 are worth another try, and nothing else is."""

Identify = Callable[[web.Request], Awaitable[Identity]]


class OtlpHttp:
    """The door for OTLP/HTTP."""

    def __init__(self, intake: Intake, identify: Identify, errors: ErrorTable, *, most_bytes: int) -> None:
        self._intake = intake
        self._identify = identify
        self._errors = errors
        self._most_bytes = most_bytes
        self._room = Room(_AT_ONCE * most_bytes)

    def application(self) -> web.Application:
        """What the server serves."""
        application = web.Application(client_max_size=0)  # bodies are read, and bounded, here
        application.router.add_post(PATH, self.export)
        return application

    async def export(self, request: web.Request) -> web.Response:
        """Answers once the spans are stored."""
        kind = request.content_type
        try:
            identity = await self._identify(request)
            self._intake.check(identity)
            enter_call(IncomingCall(identity, None))
            return _answer(200, await self._take(request, kind, identity), kind)
        except (BodyTooLarge, _Unsupported) as error:
            told = _too_large(self._most_bytes) if isinstance(error, BodyTooLarge) else error.told
            status = 413 if isinstance(error, BodyTooLarge) else 415
            response = _answer(status, told.to_status(), kind)
            response.force_close()  # what is left of the body is not read
            return response
        except Exception as error:  # noqa: BLE001 - the one place where errors become statuses
            return _refusal(self._errors.translate(error), kind)

    async def _take(self, request: web.Request, kind: str, identity: Identity) -> ExportTraceServiceResponse:
        encoding = request.headers.get("Content-Encoding", "").strip().lower()
        if kind not in {_PROTOBUF, _JSON}:
            raise _Unsupported(f"Content-Type: got {kind!r}, expected {_PROTOBUF} or {_JSON}")
        if encoding not in PLAIN | PACKED:
            raise _Unsupported(f"Content-Encoding: got {encoding!r}, expected gzip, deflate or none")
        if (request.content_length or 0) > self._most_bytes:
            raise BodyTooLarge
        body = Body(self._room, encoding, self._most_bytes)
        try:
            sent = await body.read(request.content.iter_any())
            return await self._intake.accept(_read(sent, kind), identity)
        except NoRoom as error:
            raise _full() from error
        except BodyBroken as error:
            raise _bad(str(error)) from error
        finally:
            body.close()


def _read(body: bytes, kind: str) -> WireExport:
    try:
        return read_export(protobuf_of(body) if kind == _JSON else body)
    except DecodeError as error:
        raise _bad("the body is no OTLP export in protobuf") from error
    except NotOtlpJson as error:
        raise _bad(str(error)) from error


class _Unsupported(Exception):  # noqa: N818 - a statement
    """A body of a kind that isn't read here."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.told = _bad(why)


def _bad(why: str) -> RpcError:
    return RpcError(grpc.StatusCode.INVALID_ARGUMENT, why, reason=Reason.INVALID_REQUEST, domain=MESH_DOMAIN)


def _too_large(most: int) -> RpcError:
    why = f"the body is larger than {most} bytes, packed or unpacked; send smaller batches"
    return RpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, why, reason=Reason.INVALID_REQUEST, domain=MESH_DOMAIN)


def _full() -> RpcError:
    return RpcError(
        grpc.StatusCode.UNAVAILABLE,
        "too many bodies are being read",
        reason=Reason.OVERLOADED,
        domain=MESH_DOMAIN,
        retry_after=1.0,
    )


def _refusal(told: RpcError, kind: str) -> web.Response:
    if told.status in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}:
        log.warning("call refused", rpc_method=PATH, reason=told.reason, told=told.message)
    response = _answer(_HTTP.get(told.status, 500), told.to_status(), kind)
    if told.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(told.retry_after))
    if told.status is grpc.StatusCode.UNAUTHENTICATED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _answer(status: int, message: Message, kind: str) -> web.Response:
    """In the encoding of the request; protobuf for a request in neither."""
    if kind == _JSON:
        return web.Response(status=status, body=json_format.MessageToJson(message).encode(), content_type=_JSON)
    return web.Response(status=status, body=message.SerializeToString(), content_type=_PROTOBUF)
