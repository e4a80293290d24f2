"""How does JSON become a call, and the answers JSON again?"""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from cxmesh_cli.console import Json
from cxmesh_cli.errors import BadInputError
from cxmesh_cli.rpc.failure import decode
from cxmesh_cli.rpc.reflected import full_path, short_name

UNARY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class TraceStart:
    """The W3C trace context of a call that begins a trace, sampled so that it can be looked at."""

    trace_id: str
    span_id: str

    @classmethod
    def new(cls) -> Self:
        return cls(secrets.token_hex(16), secrets.token_hex(8))

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("traceparent", f"00-{self.trace_id}-{self.span_id}-01"),)


def parse_request(method: MethodDescriptor, text: str, pool: DescriptorPool) -> Message:
    """A request from JSON; field names as in the proto or in lowerCamelCase."""
    request = message_factory.GetMessageClass(method.input_type)()
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadInputError(f"this is not JSON: {error}", hint="quote it for the shell: '{…}'") from error
    if not isinstance(document, dict):
        raise BadInputError(f"the JSON does not fit {method.input_type.name}: it is not an object {{…}}")
    try:
        return json_format.ParseDict(document, request, descriptor_pool=pool)
    except json_format.ParseError as error:
        raise BadInputError(
            f"the JSON does not fit {method.input_type.name}: {error}",
            hint=f"the shape is shown by the same command without JSON: … {method.name}",
        ) from error


def invoke(
    channel: grpc.Channel,
    method: MethodDescriptor,
    request: Message,
    timeout_seconds: float | None,
    metadata: tuple[tuple[str, str], ...] = (),
) -> Iterator[Message]:
    """The answers, one or many; raises grpc.RpcError. Without a time limit a stream has no end of its own."""
    if method.client_streaming:
        raise BadInputError(f"{short_name(method)} takes a stream of requests, which this command cannot send")
    answer_type = message_factory.GetMessageClass(method.output_type)
    if not method.server_streaming:
        unary = channel.unary_unary(full_path(method), _to_wire, answer_type.FromString)
        yield unary(request, timeout=timeout_seconds or UNARY_SECONDS, metadata=metadata)
        return
    stream = channel.unary_stream(full_path(method), _to_wire, answer_type.FromString)
    try:
        yield from stream(request, timeout=timeout_seconds, metadata=metadata)
    except grpc.RpcError as error:
        # A stream that is watched for a given time ends well when the time is over.
        if timeout_seconds is None or decode(error).status is not grpc.StatusCode.DEADLINE_EXCEEDED:
            raise


def _to_wire(message: Message) -> bytes:
    return message.SerializeToString()


def to_json(message: Message, pool: DescriptorPool) -> Json:
    """Field names as in the proto, so that they match errors and documentation; unset fields are left out."""
    document: Json = json_format.MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=pool)
    return document
