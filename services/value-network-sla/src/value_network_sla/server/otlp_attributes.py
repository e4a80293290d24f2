"""What do the few attributes that mean something here say, in old and in new conventions?

Of each attribute the key is looked at; its value is decoded only when somebody here wants it. Conventions:
OpenTelemetry semantic conventions for RPC and HTTP, those before and those after they became stable.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from value_network_sla.domain.server_addresses import address_of

SESSION_SERVICE: Final = "cxmesh.service"
CUSTOMER: Final = "cxmesh.customer"
CLAIMED_PARTNER: Final = "cxmesh.partner"
SERVICE_NAME: Final = "service.name"
SERVICE_INSTANCE: Final = "service.instance.id"

_RPC_METHOD: Final = "rpc.method"
_RPC_SERVICE: Final = "rpc.service"
"""Old: new conventions write service and method as one, `package.Service/Method`, into rpc.method."""
_PEERS: Final = ("peer.service", "service.peer.name", "server.address", "net.peer.name", "net.peer.ip")
"""The first that is there says most."""
_SERVERS: Final = (("server.address", "server.port"), ("net.peer.name", "net.peer.port"))
"""Host and port, in new conventions and in old ones."""
_PORTS: Final = tuple(port for _, port in _SERVERS)
_HTTP_METHODS: Final = ("http.request.method", "http.method")
_HTTP_ROUTES: Final = ("http.route", "url.template")
_TIMED_OUT: Final = {
    "error.type": frozenset({"timeout", "DEADLINE_EXCEEDED", "504", "408"}),
    "rpc.response.status_code": frozenset({"DEADLINE_EXCEEDED"}),
    "rpc.grpc.status_code": frozenset({"4"}),
    "rpc.connect_rpc.error_code": frozenset({"deadline_exceeded"}),
    "http.response.status_code": frozenset({"504", "408"}),
    "http.status_code": frozenset({"504", "408"}),
}
"""Values that say that the caller waited in vain: gRPC status 4, HTTP 408 and 504."""


_NUMBERS: Final = frozenset({*_TIMED_OUT, *_PORTS})


def _wanted(*keys: str) -> frozenset[bytes]:
    """How a KeyValue begins that has one of the keys: field number 1, a length of one byte, the key."""
    return frozenset(b"\n" + bytes([len(key)]) + key.encode() for key in keys)


RESOURCE_KEYS: Final = _wanted(SERVICE_NAME, SERVICE_INSTANCE, CLAIMED_PARTNER)
SPAN_KEYS: Final = _wanted(
    SESSION_SERVICE,
    CUSTOMER,
    CLAIMED_PARTNER,
    _RPC_METHOD,
    _RPC_SERVICE,
    *_PEERS,
    *_PORTS,
    *_HTTP_METHODS,
    *_HTTP_ROUTES,
    *_TIMED_OUT,
)


def said(attributes: Iterable[bytes], wanted: frozenset[bytes]) -> Mapping[str, str]:
    """The texts and numbers of those of the attributes that are wanted; the others aren't decoded."""
    found: dict[str, str] = {}
    for raw in attributes:
        # A serializer writes the key first, and none of ours is long: else it is not one of them.
        if len(raw) > 1 and raw[: raw[1] + 2] in wanted:
            _decode(raw, found)
    return found


def _decode(raw: bytes, found: dict[str, str]) -> None:
    try:
        attribute = KeyValue.FromString(raw)
    except DecodeError:  # one attribute that is none is no reason to lose a span
        return
    kind = attribute.value.WhichOneof("value")
    if kind == "string_value":
        found[attribute.key] = attribute.value.string_value
    elif kind == "int_value" and attribute.key in _NUMBERS:
        found[attribute.key] = str(attribute.value.int_value)


def operation(name: str, attributes: Mapping[str, str]) -> str:
    """What was done, the same whichever convention the sender follows: `package.Service/Method`, or `GET /route`.

    Without such attributes, the span's name, in which some instrumentations put a stroke before an RPC's.
    """
    method = attributes.get(_RPC_METHOD)
    if method:
        service = attributes.get(_RPC_SERVICE)
        return f"{service}/{method}" if service and "/" not in method else method.removeprefix("/")
    route = _first(attributes, _HTTP_ROUTES)
    verb = _first(attributes, _HTTP_METHODS)
    if verb and route:
        return f"{verb} {route}"
    return name.removeprefix("/") if name.count("/") > 1 else name


def peer(attributes: Mapping[str, str]) -> str:
    """Who was called, as far as the caller says."""
    return _first(attributes, _PEERS)


def server_address(attributes: Mapping[str, str]) -> str:
    """Where a call went, `host` or `host:port`; empty when the caller doesn't say."""
    for host, port in _SERVERS:
        if attributes.get(host):
            return address_of(attributes[host], attributes.get(port, ""))
    return ""


def timed_out(attributes: Mapping[str, str]) -> bool:
    """Whether the caller gave up waiting."""
    return any(attributes.get(key) in values for key, values in _TIMED_OUT.items())


def _first(attributes: Mapping[str, str], keys: Iterable[str]) -> str:
    return next((value for key in keys if (value := attributes.get(key))), "")
