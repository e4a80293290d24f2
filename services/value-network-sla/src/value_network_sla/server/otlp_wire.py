"""How is an OTLP export read without decoding what nobody asks for?

The messages here have OTLP's field numbers and fewer fields. Attributes stay the bytes that they came as, and so do
names, whose encoding is then the concern of one span rather than of the whole request.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, Protocol, cast

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClassesForFiles

_FILE: Final = "cxmesh/sla/otlp_wire.proto"
_PACKAGE: Final = "cxmesh.sla.wire"

_Field = FieldDescriptorProto
_MESSAGES: Final[dict[str, tuple[tuple[str, int, Any, bool], ...]]] = {  # a field's type is a number or a name
    # name: (field, number, type or name of another message, repeated)
    "Export": (("resource_spans", 1, "ResourceSpans", True),),
    "ResourceSpans": (("resource", 1, "Resource", False), ("scope_spans", 2, "ScopeSpans", True)),
    "Resource": (("attributes", 1, _Field.TYPE_BYTES, True),),
    "ScopeSpans": (("spans", 2, "Span", True),),
    "Span": (
        ("trace_id", 1, _Field.TYPE_BYTES, False),
        ("span_id", 2, _Field.TYPE_BYTES, False),
        ("parent_span_id", 4, _Field.TYPE_BYTES, False),
        ("name", 5, _Field.TYPE_BYTES, False),
        ("kind", 6, _Field.TYPE_INT32, False),
        ("start_time_unix_nano", 7, _Field.TYPE_FIXED64, False),
        ("end_time_unix_nano", 8, _Field.TYPE_FIXED64, False),
        ("attributes", 9, _Field.TYPE_BYTES, True),
        ("status", 15, "Status", False),
    ),
    "Status": (("message", 2, _Field.TYPE_BYTES, False), ("code", 3, _Field.TYPE_INT32, False)),
}


class WireStatus(Protocol):
    """opentelemetry.proto.trace.v1.Status."""

    message: bytes
    code: int


class WireSpan(Protocol):
    """opentelemetry.proto.trace.v1.Span, as far as it is read."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    name: bytes
    kind: int
    start_time_unix_nano: int
    end_time_unix_nano: int
    attributes: Sequence[bytes]
    """Each a KeyValue."""
    status: WireStatus

    def HasField(self, name: str) -> bool:
        """Whether it was sent."""


class WireResource(Protocol):
    """opentelemetry.proto.resource.v1.Resource."""

    attributes: Sequence[bytes]


class WireScopeSpans(Protocol):
    """opentelemetry.proto.trace.v1.ScopeSpans."""

    spans: Sequence[WireSpan]


class WireResourceSpans(Protocol):
    """opentelemetry.proto.trace.v1.ResourceSpans."""

    resource: WireResource
    scope_spans: Sequence[WireScopeSpans]


class WireExport(Protocol):
    """opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest."""

    resource_spans: Sequence[WireResourceSpans]


def read_export(sent: bytes) -> WireExport:
    """The export; raises DecodeError for bytes that are none."""
    return cast("WireExport", export_class().FromString(sent))


@cache
def export_class() -> Any:  # a message class made at run time: there is nothing for a type checker to know of it
    """The class of exports."""
    file = FileDescriptorProto(name=_FILE, package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in fields:
            _add_field(message, *field)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClassesForFiles([_FILE], pool)[f"{_PACKAGE}.Export"]


def _add_field(
    message: DescriptorProto, name: str, number: int, kind: Any, many: bool
) -> None:  # a type or a name: see _MESSAGES
    field = message.field.add(name=name, number=number)
    field.label = _Field.LABEL_REPEATED if many else _Field.LABEL_OPTIONAL
    if isinstance(kind, str):
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    else:
        field.type = kind
