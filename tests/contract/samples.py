"""One sample of every message in the contracts, with every field set: what the golden files are made of."""

from __future__ import annotations

import importlib
import json
import zlib
from pathlib import Path
from typing import Final, TypedDict

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

import cxmesh

GOLDEN: Final = Path(__file__).parent / "golden"
MAX_DEPTH: Final = 4
"""Messages that hold themselves end somewhere."""


class Golden(TypedDict):
    """A message on the wire, in both of its forms."""

    binary: str
    """Hexadecimal."""
    json: dict[str, object]


def message_types() -> dict[str, Descriptor]:
    """Every top-level message of the contracts, by full name."""
    found: dict[str, Descriptor] = {}
    for root in cxmesh.__path__:
        for path in sorted(Path(root).rglob("*_pb2.py")):
            module = importlib.import_module("cxmesh." + ".".join(path.relative_to(root).with_suffix("").parts))
            for descriptor in module.DESCRIPTOR.message_types_by_name.values():
                found[descriptor.full_name] = descriptor
    return found


def sample(descriptor: Descriptor, depth: int = 0) -> Message:
    """A message with every field set to a value that follows from the field's name."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.containing_oneof is not None and field.containing_oneof.fields[0] is not field:
            continue
        _set(message, field, depth)
    return message


def golden_of(message: Message) -> Golden:
    """Both forms of a message."""
    return {
        "binary": message.SerializeToString(deterministic=True).hex(),
        "json": json_format.MessageToDict(message),
    }


def golden_files() -> dict[str, dict[str, Golden]]:
    """The recorded forms, by package and message."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))}


def _set(message: Message, field: FieldDescriptor, depth: int) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        getattr(message, field.name)["key"] = _scalar(field.message_type.fields_by_name["value"])
    elif field.message_type is not None:
        if depth < MAX_DEPTH:
            inner = _well_known(field.message_type) or sample(field.message_type, depth + 1)
            target = getattr(message, field.name)
            (target.add() if field.is_repeated else target).CopyFrom(inner)
    elif field.is_repeated:
        getattr(message, field.name).append(_scalar(field))
    else:
        setattr(message, field.name, _scalar(field))


def _well_known(descriptor: Descriptor) -> Message | None:
    """Times, durations and masks have rules of their own in JSON."""
    if descriptor.full_name in {"google.protobuf.Timestamp", "google.protobuf.Duration"}:
        return GetMessageClass(descriptor)(seconds=1_700_000_000, nanos=250_000_000)
    if descriptor.full_name == "google.protobuf.FieldMask":
        return GetMessageClass(descriptor)(paths=["display_name"])
    return None


def _scalar(field: FieldDescriptor) -> object:
    number = zlib.crc32(field.name.encode()) % 1000 + 1
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            return field.name.encode() if field.type == FieldDescriptor.TYPE_BYTES else field.name
        case FieldDescriptor.CPPTYPE_BOOL:
            return True
        case FieldDescriptor.CPPTYPE_ENUM:
            return field.enum_type.values[-1].number
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            return number + 0.5
        case _:
            return number


def record() -> int:
    """Write the golden form of messages that have none yet, and leave the others alone; how many were added."""
    known = golden_files()
    added = 0
    for full_name, descriptor in message_types().items():
        package = descriptor.file.package
        if full_name not in known.setdefault(package, {}):
            known[package][full_name] = golden_of(sample(descriptor))
            added += 1
    GOLDEN.mkdir(exist_ok=True)
    for package, messages in known.items():
        (GOLDEN / f"{package}.json").write_text(json.dumps(dict(sorted(messages.items())), indent=1) + "\n")
    return added


if __name__ == "__main__":
    print(f"recorded {record()} messages that had no golden form")
