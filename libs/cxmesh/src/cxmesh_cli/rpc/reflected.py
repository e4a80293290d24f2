"""What can a running server be asked, as it says itself through reflection?"""

import difflib

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from cxmesh_cli.errors import BadInputError

_PLUMBING = ("grpc.reflection.", "grpc.health.")


class ReflectedServer:
    """Descriptors are asked for on first use and kept; any call may raise grpc.RpcError."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._database = ProtoReflectionDescriptorDatabase(channel)
        self.pool = DescriptorPool(self._database)

    def services(self) -> list[ServiceDescriptor]:
        names = sorted(name for name in self._database.get_services() if not name.startswith(_PLUMBING))
        return [self.pool.FindServiceByName(name) for name in names]

    def methods(self) -> list[MethodDescriptor]:
        return [method for service in self.services() for method in service.methods]

    def find(self, name: str) -> MethodDescriptor:
        """By method name alone, by Service/Method, or by the full name with package."""
        wanted = name.strip("/").replace(".", "/")
        methods = self.methods()
        found = [method for method in methods if _matches(method, wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(short_name(method) for method in found)
            raise BadInputError(f"'{name}' could be any of {names}", hint="name the service as well")
        known = [method.name for method in methods]
        close = difflib.get_close_matches(wanted.rpartition("/")[2], known, n=1, cutoff=0.5)
        raise BadInputError(
            f"this server has no method '{name}'",
            hint=f"did you mean {close[0]}?" if close else f"its methods are {', '.join(known)}",
        )


def short_name(method: MethodDescriptor) -> str:
    return f"{method.containing_service.name}/{method.name}"


def full_path(method: MethodDescriptor) -> str:
    """The path of the RPC on the wire."""
    return f"/{method.containing_service.full_name}/{method.name}"


def _matches(method: MethodDescriptor, wanted: str) -> bool:
    path = full_path(method).replace(".", "/")
    return path.casefold().endswith("/" + wanted.casefold())
