"""Which CEL expressions can be worked out for whole columns, and how?

What is done here gives the same as the library gives row by row, or is not done: arithmetic of ints can overflow, which
is an error in CEL and not in numpy, so only that of constants is worked out.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from usage_correlation.domain.patterns.cel_tree import Call, ListOf, Literal, Node, Variable
from usage_correlation.domain.patterns.columns import Column, Texts
from usage_correlation.domain.patterns.event_types import LIST_SEPARATOR, Kind


class Scope(Protocol):
    """Events, seen by a condition."""

    def __len__(self) -> int:
        """How many."""

    def column(self, name: str) -> Column:
        """A variable's values, one a row."""


Array = NDArray[Any]
"""Any: of bools, ints or doubles, as the expression's type says."""
Work = Callable[[Scope], Array]
_TextWork = Callable[[Scope], Texts]

_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {  # Any: arrays, or values of one type
    "_==_": lambda left, right: left == right,
    "_!=_": lambda left, right: left != right,
    "_<_": lambda left, right: left < right,
    "_<=_": lambda left, right: left <= right,
    "_>_": lambda left, right: left > right,
    "_>=_": lambda left, right: left >= right,
}
_ARITHMETIC: Final[Mapping[str, Callable[[Any, Any], Any]]] = {  # Any: the same
    "_+_": lambda left, right: left + right,
    "_-_": lambda left, right: left - right,
    "_*_": lambda left, right: left * right,
    "_/_": lambda left, right: left / right,
}
_LOGIC: Final[Mapping[str, Callable[[Any, Any], Any]]] = {  # Any: the same
    "_&&_": np.logical_and,
    "_||_": np.logical_or,
}
_OF_TEXTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": lambda text, part: part in text,
}
_INT_LIMIT: Final = 1 << 63


def column_work(node: Node, kinds: Mapping[str, Kind]) -> Work | None:
    """The work that gives an expression's value for every row; None when only the library can do it."""
    match node:
        case Literal(bool() | int() | float() as value):
            return lambda scope: np.full(len(scope), value)
        case Variable(name) if kinds.get(name) in (Kind.BOOL, Kind.INT, Kind.DOUBLE):
            return lambda scope: _numbers(scope, name)
        case Call():
            return _call(_folded(node), kinds)
    return None


def text_work(node: Node, kinds: Mapping[str, Kind]) -> _TextWork | None:
    """The same for an expression that is a text: a variable or a constant."""
    match node:
        case Literal(str() as value):
            return lambda scope: Texts.same(value, len(scope))
        case Variable(name) if kinds.get(name) is Kind.STRING:
            return lambda scope: _texts(scope, name)
    return None


def _call(node: Node, kinds: Mapping[str, Kind]) -> Work | None:
    match node:
        case Literal():
            return column_work(node, kinds)
        case Call("!_" | "double" | "-_" | "size" as name, (inner,), kind):
            return _of_one(name, inner, kind, kinds)
        case Call("_?_:_", (test, left, right)):
            return _choice([column_work(each, kinds) for each in (test, left, right)])
        case Call(name, (left, right), kind):
            return _of_two(name, (left, right), kind, kinds)
    return None


def _of_one(name: str, inner: Node, kind: str, kinds: Mapping[str, Kind]) -> Work | None:
    if name == "size":
        match inner:
            case Variable(text) if kinds.get(text) is Kind.STRING:
                return lambda scope: _by_text(_texts(scope, text), len, np.int64)
        return None
    if name == "-_" and kind != "double":
        return None
    changes: Mapping[str, Callable[[Any], Any]] = {  # Any: arrays
        "!_": np.logical_not,
        "-_": np.negative,
        "double": lambda values: values.astype(np.float64),
    }
    return _one(column_work(inner, kinds), changes[name])


def _of_two(name: str, sides: tuple[Node, Node], kind: str, kinds: Mapping[str, Kind]) -> Work | None:
    if name in _COMPARISONS or name in _OF_TEXTS or name == "@in":
        return _test(name, *sides, kinds)
    combine = _LOGIC.get(name)
    if combine is None and name in _ARITHMETIC and kind == "double":
        combine = _quiet(_ARITHMETIC[name])
    if combine is None:
        return None
    return _both(column_work(sides[0], kinds), column_work(sides[1], kinds), combine)


def _test(name: str, left: Node, right: Node, kinds: Mapping[str, Kind]) -> Work | None:
    """Two sides compared."""
    match left, right:
        case Variable(text), Literal(str() as value) if kinds.get(text) is Kind.STRING and name != "@in":
            decide = _OF_TEXTS.get(name) or _COMPARISONS[name]
            return lambda scope: _by_text(_texts(scope, text), lambda each: decide(each, value), np.bool_)
        case Literal(str() as value), Variable(text) if kinds.get(text) is Kind.STRING and name in _COMPARISONS:
            return lambda scope: _by_text(_texts(scope, text), lambda each: _COMPARISONS[name](value, each), np.bool_)
        case Literal(str() as value), Variable(text) if name == "@in" and kinds.get(text) is Kind.STRINGS:
            return lambda scope: _by_text(
                _texts(scope, text), lambda each: each != "" and value in each.split(LIST_SEPARATOR), np.bool_
            )
        case _, ListOf(elements) if name == "@in":
            return _among(left, elements, kinds)
    if name not in _COMPARISONS:
        return None
    return _both(column_work(left, kinds), column_work(right, kinds), _COMPARISONS[name])


def _among(left: Node, elements: tuple[Node, ...], kinds: Mapping[str, Kind]) -> Work | None:
    """Whether a value is one of several constants."""
    values = [each.value for each in elements if isinstance(each, Literal)]
    if len(values) != len(elements):
        return None
    match left:
        case Variable(text) if kinds.get(text) is Kind.STRING and all(isinstance(value, str) for value in values):
            among = frozenset(values)
            return lambda scope: _by_text(_texts(scope, text), lambda each: each in among, np.bool_)
        case Variable(number) if kinds.get(number) is Kind.INT and all(type(value) is int for value in values):
            return lambda scope: np.isin(_numbers(scope, number), np.array(values, np.int64))
    return None


def _folded(node: Call) -> Node:
    """Arithmetic of int constants worked out, where it is no error."""
    arguments = tuple(_folded(each) if isinstance(each, Call) else each for each in node.arguments)
    values = [each.value for each in arguments if isinstance(each, Literal) and type(each.value) is int]
    if node.type == "int" and values and len(values) == len(arguments):
        result = _worked_out(node.function, values)
        if result is not None and -_INT_LIMIT <= result < _INT_LIMIT:
            return Literal(result)
    return Call(node.function, arguments, node.type)


def _worked_out(function: str, values: list[int]) -> int | None:
    if function == "-_":
        return -values[0]
    if function in ("_+_", "_-_", "_*_"):
        result: int = _ARITHMETIC[function](*values)
        return result
    return None


def _by_text(column: Texts, decide: Callable[[str], Any], dtype: Any) -> Array:
    """Decide once for each different text; Any: a value of the dtype."""
    return np.array([decide(value) for value in column.values], dtype)[column.codes]


def _both(left: Work | None, right: Work | None, combine: Callable[[Any, Any], Any]) -> Work | None:
    """Any: arrays."""
    if left is None or right is None:
        return None
    return lambda scope: combine(left(scope), right(scope))


def _one(inner: Work | None, change: Callable[[Any], Any]) -> Work | None:
    """Any: arrays."""
    return None if inner is None else lambda scope: change(inner(scope))


def _choice(parts: list[Work | None]) -> Work | None:
    works = [part for part in parts if part is not None]
    if len(works) != len(parts):
        return None
    test, left, right = works
    return lambda scope: np.where(test(scope), left(scope), right(scope))


def _quiet(combine: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Division of doubles by zero gives infinity or NaN, in CEL as here."""

    def work(left: Any, right: Any) -> Any:
        with np.errstate(all="ignore"):
            return combine(left, right)

    return work


def _texts(scope: Scope, name: str) -> Texts:
    column = scope.column(name)
    if not isinstance(column, Texts):
        raise TypeError(f"{name} is no column of texts")
    return column


def _numbers(scope: Scope, name: str) -> Array:
    column = scope.column(name)
    if isinstance(column, Texts):
        raise TypeError(f"{name} is a column of texts")
    return column
