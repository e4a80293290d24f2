"""What does a checked CEL expression consist of?

The library gives a checked expression away as a serialized `cel.expr.CheckedExpr` (cel-spec, proto/cel/expr/checked.proto)
in an Any. This reads what is needed of it: the tree, the variables that names resolve to, and the types.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
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
    checked = dict(_fields(_bytes(dict(_fields(serialized))[2])))
    names: dict[int, str] = {}
    types: dict[int, str] = {}
    for number, value in _fields(_bytes(dict(_fields(serialized))[2])):
        if number == 2:  # noqa: PLR2004 - CheckedExpr.reference_map
            key, reference = _entry(value)
            fields = dict(_fields(reference))
            if 3 not in fields:  # a function's overloads
                names[key] = _text(fields.get(1, b""))
        elif number == 3:  # noqa: PLR2004 - CheckedExpr.type_map
            key, kind = _entry(value)
            types[key] = _PRIMITIVES.get(_int(dict(_fields(kind)).get(3, 0)), "")
    builder = _Builder(names, types)
    root = builder.node(_bytes(checked[4]))
    return Tree(root, frozenset(names.values()))


class _Builder:
    def __init__(self, names: dict[int, str], types: dict[int, str]) -> None:
        self._names = names
        self._types = types

    def node(self, data: bytes) -> Node:
        """An Expr."""
        fields = dict(_fields(data))
        identity = _int(fields.get(2, 0))
        if identity in self._names:
            return Variable(self._names[identity])
        if 3 in fields:
            return Literal(_constant(_bytes(fields[3])))
        if 6 in fields:
            return self._call(_bytes(fields[6]), self._types.get(identity, ""))
        if 7 in fields:
            elements = [value for number, value in _fields(_bytes(fields[7])) if number == 1]
            return ListOf(tuple(self.node(_bytes(each)) for each in elements))
        return Other()

    def _call(self, data: bytes, kind: str) -> Call:
        target: list[Node] = []
        arguments: list[Node] = []
        function = ""
        for number, value in _fields(data):
            if number == 1:
                target.append(self.node(_bytes(value)))
            elif number == 2:  # noqa: PLR2004 - Call.function
                function = _text(value)
            elif number == 3:  # noqa: PLR2004 - Call.args
                arguments.append(self.node(_bytes(value)))
        return Call(function, (*target, *arguments), kind)


def _constant(data: bytes) -> Constant:
    fields = dict(_fields(data))
    if 2 in fields:
        return bool(fields[2])
    if 3 in fields:
        value = _int(fields[3])
        return value - (1 << 64) if value >= 1 << 63 else value
    if 5 in fields:
        number: float = struct.unpack("<d", _bytes(fields[5]))[0]
        return number
    return _text(fields[6]) if 6 in fields else None


def _entry(value: Value) -> tuple[int, bytes]:
    fields = dict(_fields(_bytes(value)))
    return _int(fields.get(1, 0)), _bytes(fields.get(2, b""))


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
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follows
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
