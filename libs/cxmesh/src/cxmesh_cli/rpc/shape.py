"""What does a request look like: its JSON, with comments and rules beside each field?"""

import textwrap
from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor

from cxmesh_cli.rpc.comments import Comments
from cxmesh_cli.rpc.reflected import short_name
from cxmesh_cli.rpc.rules import is_output_only, rules_in_words

_INDENT = "  "
_WELL_KNOWN = {
    "google.protobuf.Timestamp": '"2026-01-31T12:00:00Z"',
    "google.protobuf.Duration": '"90s"',
    "google.protobuf.FieldMask": '"field_one,field_two"',
    "google.protobuf.Struct": "{}",
    "google.protobuf.Empty": "{}",
    "google.protobuf.StringValue": '"…"',
    "google.protobuf.BoolValue": "false",
    "google.protobuf.Int32Value": "0",
    "google.protobuf.Int64Value": '"0"',
    "google.protobuf.DoubleValue": "0.0",
}
_SCALARS = {
    FieldDescriptor.TYPE_STRING: '"…"',
    FieldDescriptor.TYPE_BYTES: '"base64"',
    FieldDescriptor.TYPE_BOOL: "false",
    FieldDescriptor.TYPE_DOUBLE: "0.0",
    FieldDescriptor.TYPE_FLOAT: "0.0",
    # JSON numbers lose 64-bit integers, so protobuf writes them as strings.
    FieldDescriptor.TYPE_INT64: '"0"',
    FieldDescriptor.TYPE_UINT64: '"0"',
    FieldDescriptor.TYPE_SINT64: '"0"',
    FieldDescriptor.TYPE_FIXED64: '"0"',
    FieldDescriptor.TYPE_SFIXED64: '"0"',
}


def describe(method: MethodDescriptor, comments: Comments, width: int) -> list[str]:
    """The method's comment, then the shape of its request; lines that begin with // are comments."""
    service = method.containing_service
    name = f"{short_name(method)}{' (stream of answers)' if method.server_streaming else ''}"
    text = comments.of(service.file, method.full_name)
    writer = _ShapeWriter(comments, width)
    return [
        f"// {name}",
        *_wrapped(text, "", width),
        f"// {method.input_type.full_name} → {method.output_type.full_name}",
        *writer.message(method.input_type, "", ()),
    ]


class _ShapeWriter:
    def __init__(self, comments: Comments, width: int) -> None:
        self._comments = comments
        self._width = width

    def message(self, message: Descriptor, indent: str, above: tuple[str, ...]) -> Iterator[str]:
        """From { to }, indented. `above` are the messages around it: none is written out within itself."""
        fields = [field for field in message.fields if not is_output_only(field)]
        if not fields or message.full_name in above:
            yield f"{indent}{{}}"
            return
        yield f"{indent}{{"
        for field in fields:
            last = field is fields[-1]
            yield from self._field(field, indent + _INDENT, (*above, message.full_name), "" if last else ",")
        yield f"{indent}}}"

    def _field(self, field: FieldDescriptor, indent: str, above: tuple[str, ...], comma: str) -> Iterator[str]:
        yield from _wrapped(self._comment(field), indent, self._width)
        yield from _wrapped("; ".join(rules_in_words(field)), indent, self._width)
        opening, closing = ("[", "]") if field.is_repeated else ("", "")
        value = field
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            opening, closing, value = '{"…": ', "}", field.message_type.fields_by_name["value"]
        lines = [line.removeprefix(indent) for line in self._value(value, indent, above)]
        yield f'{indent}"{field.name}": {opening}{lines[0]}' + ("" if lines[1:] else f"{closing}{comma}")
        yield from (f"{indent}{line}" for line in lines[1:-1])
        if lines[1:]:
            yield f"{indent}{lines[-1]}{closing}{comma}"

    def _comment(self, field: FieldDescriptor) -> str:
        parent = field.containing_type
        return self._comments.of(parent.file, field.full_name) if parent is not None else ""

    def _value(self, field: FieldDescriptor, indent: str, above: tuple[str, ...]) -> Iterator[str]:
        if field.message_type is not None:
            known = _WELL_KNOWN.get(field.message_type.full_name)
            if known is None:
                yield from self.message(field.message_type, indent, above)
            else:
                yield indent + known
        elif field.enum_type is not None:
            yield f'{indent}"{_choices(field.enum_type)}"'
        else:
            yield indent + _SCALARS.get(field.type, "0")


def _choices(enum: EnumDescriptor) -> str:
    names = [value.name for value in enum.values if not value.name.endswith("_UNSPECIFIED")]
    return " | ".join(names)


def _wrapped(text: str, indent: str, width: int) -> Iterator[str]:
    for line in text.splitlines():
        prefix = f"{indent}// "
        wrapped = textwrap.wrap(line, max(40, width), initial_indent=prefix, subsequent_indent=prefix)
        yield from wrapped or [prefix.rstrip()]
