"""Which rules does the schema set for a field, in words?"""

from collections.abc import Iterator
from typing import Any, cast

from google.api import field_behavior_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import FieldOptions
from google.protobuf.message import Message

from buf.validate import validate_pb2

_WORDS = {
    "min_len": "at least {} characters",
    "max_len": "at most {} characters",
    "len": "exactly {} characters",
    "min_bytes": "at least {} bytes",
    "max_bytes": "at most {} bytes",
    "pattern": "matches {}",
    "prefix": "starts with {}",
    "gte": "≥ {}",
    "gt": "> {}",
    "lte": "≤ {}",
    "lt": "< {}",
    "min_items": "at least {} items",
    "max_items": "at most {} items",
    "min_pairs": "at least {} entries",
    "max_pairs": "at most {} entries",
    "const": "always {}",
    "in": "one of {}",
    "not_in": "none of {}",
}
_FLAGS = {
    "uuid": "a UUID",
    "email": "an e-mail address",
    "uri": "a URI",
    "hostname": "a host name",
    "ip": "an IP address",
    "unique": "no two alike",
    "finite": "finite",
    "defined_only": "",  # the names stand in the value
}


def is_output_only(field: FieldDescriptor) -> bool:
    """Set by the service: what a caller writes there is ignored."""
    return field_behavior_pb2.OUTPUT_ONLY in _behaviours(_options(field))


def rules_in_words(field: FieldDescriptor) -> list[str]:
    options = _options(field)
    rules = options.Extensions[validate_pb2.field]
    words = list(_of_rules(rules))
    if rules.required or field_behavior_pb2.REQUIRED in _behaviours(options):
        words.insert(0, "required")
    if field.containing_oneof is not None and len(field.containing_oneof.fields) > 1:
        others = [other.name for other in field.containing_oneof.fields if other is not field]
        words.append(f"instead of {', '.join(others)}")
    return words


def _options(field: FieldDescriptor) -> FieldOptions:
    """Descriptors from reflection know no extensions; a second parse, with those of this process, does."""
    return FieldOptions.FromString(field.GetOptions().SerializeToString())


def _behaviours(options: FieldOptions) -> list[int]:
    extension: Any = field_behavior_pb2.field_behavior  # its stub does not say which message it extends
    return [int(value) for value in options.Extensions[extension]]


def _of_rules(rules: validate_pb2.FieldRules) -> Iterator[str]:
    for rule in rules.cel:
        yield rule.message or rule.expression
    kind = rules.WhichOneof("type")
    if kind is not None:
        yield from _of_kind(cast("Message", getattr(rules, kind)))


def _of_kind(kind: Message) -> Iterator[str]:
    for descriptor, value in kind.ListFields():
        name = descriptor.name
        if isinstance(value, validate_pb2.FieldRules):  # of items, keys or values
            yield from (f"{name}: {words}" for words in _of_rules(value))
        elif name.startswith("min_") and value == 1:
            yield "not empty"
        elif isinstance(kind, validate_pb2.EnumRules) and name == "not_in" and list(value) == [0]:
            yield "must be given"
        elif name in _WORDS:
            yield _WORDS[name].format(_value(value))
        elif value is True and (words := _FLAGS.get(name, name.replace("_", " "))):
            yield words


def _value(value: object) -> str:
    if isinstance(value, Message):  # a Duration or Timestamp
        return str(value).replace("\n", " ").strip()
    if isinstance(value, str | int | float | bytes):
        return str(value)
    return ", ".join(str(item) for item in cast("list[object]", value))
