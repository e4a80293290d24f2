"""Which texts of a message hold a NUL, for which PostgreSQL has no place, and which messages carry rules at all?"""

import json
from collections.abc import Iterator
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from buf.validate import validate_pb2

NUL = "\0"


def nul_paths(message: Message) -> Iterator[str]:
    """The fields whose text holds a NUL. Those whose rules the handler checks (`IGNORE_ALWAYS`) are left to it."""
    for field, value in message.ListFields():
        if not _is_left_to_handler(field):
            for path, kind, one in _each(field, value):
                if kind.type == FieldDescriptor.TYPE_STRING:
                    yield from [path] if NUL in one else []
                elif kind.message_type is not None:
                    yield from (f"{path}.{rest}" for rest in nul_paths(one))


def carries_rules(kind: type[Message]) -> bool:
    """Whether the message, or one within it, has a rule of protovalidate."""
    return _carries_rules(cast("Descriptor", kind.DESCRIPTOR), set())


def _each(field: FieldDescriptor, value: Any) -> Iterator[tuple[str, FieldDescriptor, Any]]:
    """Path, kind and value of everything that a field holds; Any: what protobuf's fields may hold."""
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        for key, one in value.items():
            path = f"{field.name}[{json.dumps(key)}]"
            yield path, entry.fields_by_name["key"], key
            yield path, entry.fields_by_name["value"], one
    elif field.is_repeated:
        for number, one in enumerate(value):
            yield f"{field.name}[{number}]", field, one
    else:
        yield field.name, field, value


def _is_left_to_handler(field: FieldDescriptor) -> bool:
    rules = field.GetOptions().Extensions[validate_pb2.field]
    return bool(rules.ignore == validate_pb2.IGNORE_ALWAYS)


def _carries_rules(kind: Descriptor, seen: set[str]) -> bool:
    if kind.full_name in seen:
        return False
    seen.add(kind.full_name)
    return (
        kind.GetOptions().HasExtension(validate_pb2.message)
        or any(one.GetOptions().HasExtension(validate_pb2.oneof) for one in kind.oneofs)
        or any(field.GetOptions().HasExtension(validate_pb2.field) for field in kind.fields)
        or any(_carries_rules(field.message_type, seen) for field in kind.fields if field.message_type is not None)
    )
