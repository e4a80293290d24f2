"""What does a checked CEL expression consist of?

The library gives a checked expression away as a serialized `cel.expr.CheckedExpr` in an Any (cel-spec,
proto/cel/expr/checked.proto and syntax.proto). This reads what is needed of it: the tree, the variables that names
resolve to, and the types.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Numbers of fields, by message.
_ANY_VALUE: Final = 2
_CHECKED_REFERENCES, _CHECKED_TYPES, _CHECKED_EXPRESSION = 2, 3, 4
_REFERENCE_NAME, _REFERENCE_OVERLOADS = 1, 3
_TYPE_PRIMITIVE: Final = 3
_EXPR_ID, _EXPR_CONSTANT, _EXPR_CALL, _EXPR_LIST = 2, 3, 6, 7
_CALL_TARGET, _CALL_FUNCTION, _CALL_ARGUMENT = 1, 2, 3
_LIST_ELEMENT: Final = 1
_CONSTANT_BOOL, _CONSTANT_INT, _CONSTANT_DOUBLE, _CONSTANT_TEXT = 2, 3, 5, 6
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_MORE: Final = 0x80
"""The bit of a varint's byte that says that another one follows."""
_PRIMITIVES: Final = {1: "bool", 2: "int", 3: "uint", 4: "double", 5: "string", 6: "bytes"}

Constant = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; None for null, bytes and unsigned ones, which no column compares with."""

    value: Constant


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared variable, by its full name."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator; the target of a method is the first argument."""

    function: str
    arguments: tuple["Node", ...]
    type: str
    """Of the result: "bool", "int", "double", "string", or "" for anything else."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list."""

    elements: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Other:
    """Anything else: macros, maps, messages."""


Node = Literal | Variable | Call | ListOf | Other
Value = int | bytes


@dataclass(frozen=True, slots=True)
class Tree:
    """A checked expression."""

    root: Node
    variables: frozenset[str]
    """All that it names, wherever."""


def tree_of(serialized: bytes) -> Tree:
    """Read what `Expression.serialize` gave."""
    checked = _bytes(dict(_fields(serialized))[_ANY_VALUE])
    names: dict[int, str] = {}
    types: dict[int, str] = {}
    for number, value in _fields(checked):
        if number == _CHECKED_REFERENCES:
            key, reference = _entry(value)
            fields = dict(_fields(reference))
            if _REFERENCE_OVERLOADS not in fields:  # else a function
                names[key] = _text(fields.get(_REFERENCE_NAME, b""))
        elif number == _CHECKED_TYPES:
            key, kind = _entry(value)
            types[key] = _PRIMITIVES.get(_int(dict(_fields(kind)).get(_TYPE_PRIMITIVE, 0)), "")
    root = _Builder(names, types).node(_bytes(dict(_fields(checked))[_CHECKED_EXPRESSION]))
    return Tree(root, frozenset(names.values()))


class _Builder:
    def __init__(self, names: dict[int, str], types: dict[int, str]) -> None:
        self._names = names
        self._types = types

    def node(self, data: bytes) -> Node:
        """An Expr."""
        fields = dict(_fields(data))
        identity = _int(fields.get(_EXPR_ID, 0))
        if identity in self._names:
            return Variable(self._names[identity])
        if _EXPR_CONSTANT in fields:
            return Literal(_constant(_bytes(fields[_EXPR_CONSTANT])))
        if _EXPR_CALL in fields:
            return self._call(_bytes(fields[_EXPR_CALL]), self._types.get(identity, ""))
        if _EXPR_LIST in fields:
            elements = [value for number, value in _fields(_bytes(fields[_EXPR_LIST])) if number == _LIST_ELEMENT]
            return ListOf(tuple(self.node(_bytes(each)) for each in elements))
        return Other()

    def _call(self, data: bytes, kind: str) -> Call:
        target: list[Node] = []
        arguments: list[Node] = []
        function = ""
        for number, value in _fields(data):
            if number == _CALL_TARGET:
                target.append(self.node(_bytes(value)))
            elif number == _CALL_FUNCTION:
                function = _text(value)
            elif number == _CALL_ARGUMENT:
                arguments.append(self.node(_bytes(value)))
        return Call(function, (*target, *arguments), kind)


def _constant(data: bytes) -> Constant:
    fields = dict(_fields(data))
    if _CONSTANT_BOOL in fields:
        return bool(fields[_CONSTANT_BOOL])
    if _CONSTANT_INT in fields:
        value = _int(fields[_CONSTANT_INT])
        return value - (1 << 64) if value >= 1 << 63 else value
    if _CONSTANT_DOUBLE in fields:
        number: float = struct.unpack("<d", _bytes(fields[_CONSTANT_DOUBLE]))[0]
        return number
    return _text(fields[_CONSTANT_TEXT]) if _CONSTANT_TEXT in fields else None


def _entry(value: Value) -> tuple[int, bytes]:
    fields = dict(_fields(_bytes(value)))
    return _int(fields.get(_ENTRY_KEY, 0)), _bytes(fields.get(_ENTRY_VALUE, b""))


def _fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """The fields of a message as they stand; fixed numbers stay bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind} in a checked expression: expected 0, 1, 2 or 5")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < _MORE:
            return value, at
        shift += 7


def _int(value: Value) -> int:
    if isinstance(value, bytes):
        raise TypeError("bytes where a checked expression has a number")
    return value


def _bytes(value: Value) -> bytes:
    if isinstance(value, int):
        raise TypeError("a number where a checked expression has bytes")
    return value


def _text(value: Value) -> str:
    return _bytes(value).decode()
