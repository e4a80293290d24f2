"""Which services are here, and what are their messages?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from mesh.rpc.frame import Handler
from mesh.rpc.identity import Identity

_ALPHA = "grpc.reflection.v1alpha.ServerReflection"
_STABLE = "grpc.reflection.v1.ServerReflection"


@dataclass(frozen=True, slots=True)
class AnyIdentity:
    """The gate of reflection: whoever has an identity may look."""

    def check(self, method: str, identity: Identity) -> None:
        """Everyone who got this far has shown an identity."""


def reflection_handlers(services: Sequence[str]) -> Iterator[tuple[str, Handler]]:
    """The handlers of server reflection, by path.

    The stable version differs from v1alpha in its package alone, so the same messages serve both; newer
    clients ask for it first.
    """
    servicer = reflection.aio.ReflectionServicer([*services, _ALPHA, _STABLE])
    handler: Handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    for service in (_ALPHA, _STABLE):
        yield f"/{service}/ServerReflectionInfo", handler
