"""What does a CEL expression say of each event?"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from cel_expr_python import cel  # type: ignore[import-untyped]  # it ships stubs without a py.typed marker
from numpy.typing import NDArray

from usage_correlation.domain.patterns.cel_columns import Scope, Work, column_work, text_work
from usage_correlation.domain.patterns.cel_tree import Tree, tree_of
from usage_correlation.domain.patterns.columns import Bools, Column, Doubles, Ints, Texts
from usage_correlation.domain.patterns.event_types import LIST_SEPARATOR, Kind

_PLACE: Final = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_TYPES: Final = {
    Kind.STRING: cel.Type.STRING,
    Kind.INT: cel.Type.INT,
    Kind.DOUBLE: cel.Type.DOUBLE,
    Kind.BOOL: cel.Type.BOOL,
    Kind.STRINGS: cel.Type.List(cel.Type.STRING),
}
_FAILED: Final = object()


class CelFault(Exception):  # noqa: N818 - what is wrong with an expression, told with its place in a document
    """An expression can't be taken."""

    def __init__(self, line: int, column: int, expected: str) -> None:
        """`line` and `column` count from 1, within the expression."""
        super().__init__(f"{line}:{column}: {expected}")
        self.line = line
        self.column = column
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression over the variables of some event type."""

    text: str
    type: str
    """BOOL, INT, DOUBLE, STRING …, as the library calls it."""
    tree: Tree
    kinds: Mapping[str, Kind]
    program: Any
    """Any: the library's own, which has no types at run time."""
    work: Work | None
    """For whole columns; None: row by row."""

    def holds(self, scope: Scope) -> Bools:
        """For each row whether it is true; an error is not."""
        if self.work is not None:
            return self.work(scope)
        return np.array([value is True for value in self._each(scope)], np.bool_)

    def numbers(self, scope: Scope) -> Doubles:
        """For each row the number; not a number for an error."""
        if self.work is not None:
            return self.work(scope).astype(np.float64)
        values = self._each(scope)
        return np.array([np.nan if value is _FAILED else float(value) for value in values], np.float64)

    def digests(self, scope: Scope) -> Ints:
        """For each row 64 bits that tell different values apart; those of errors are 0."""
        texts = text_work(self.tree.root, self.kinds)
        if texts is not None:
            column = texts(scope)
            return np.array([_digest(value) for value in column.values], np.int64)[column.codes]
        values = self.work(scope).tolist() if self.work is not None else self._each(scope)
        return np.array([0 if value is _FAILED else _digest(value) for value in values], np.int64)

    def value(self, values: Mapping[str, object]) -> Any:
        """For one set of values; Any: of the expression's type. Raises RuntimeError."""
        found = self.program.eval(data=dict(values))
        if found.type() == cel.Type.ERROR:
            raise RuntimeError(str(found.value()))
        return found.plain_value()

    def _each(self, scope: Scope) -> list[Any]:
        """The library's answer for each row, asked once for each different combination of values; Any: see value."""
        names = sorted(self.tree.variables & self.kinds.keys())
        columns = [scope.column(name) for name in names]
        rows, row_of = _different(columns, len(scope))
        answers = [
            self._answer(
                {name: _shown(column, row, self.kinds[name]) for name, column in zip(names, columns, strict=True)}
            )
            for row in rows.tolist()
        ]
        return [answers[which] for which in row_of.tolist()]

    def _answer(self, values: Mapping[str, object]) -> Any:
        try:
            return self.value(values)
        except RuntimeError:
            return _FAILED


class Compiler:
    """Checks expressions."""

    def __init__(self) -> None:
        self._environments: dict[tuple[tuple[str, Kind], ...], Any] = {}

    def compile(self, text: str, kinds: Mapping[str, Kind], types: Sequence[str]) -> Expression:
        """An expression over variables; raises CelFault unless its type is one of `types`."""
        key = tuple(sorted(kinds.items()))
        environment = self._environments.get(key)
        if environment is None:
            variables = {name: _TYPES[kind] for name, kind in key}
            environment = self._environments[key] = cel.NewEnv(variables=variables)
        try:
            program = environment.compile(text)
        except RuntimeError as error:
            raise _fault(str(error)) from None
        kind = program.return_type().name()
        if kind not in types:
            raise CelFault(1, 1, f"an expression of type {' or '.join(types).lower()}, not {kind.lower()}")
        tree = tree_of(program.serialize())
        return Expression(text, kind, tree, dict(kinds), program, column_work(tree.root, kinds))


def _fault(message: str) -> CelFault:
    found = _PLACE.search(message)
    if found is None:
        return CelFault(1, 1, f"a sound CEL expression ({message})")
    line, column, what = found.groups()
    return CelFault(int(line), int(column), f"a sound CEL expression ({what.removesuffix(' [INVALID_ARGUMENT]')})")


def _different(columns: Sequence[Column], size: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """A row for each different combination of values, and for each row which of them it has."""
    codes = np.zeros(size, np.int64)
    for column in columns:
        each = column.codes if isinstance(column, Texts) else np.unique(column, return_inverse=True)[1]
        _, codes = np.unique(codes * (int(each.max(initial=0)) + 1) + each, return_inverse=True)
    _, rows, row_of = np.unique(codes, return_index=True, return_inverse=True)
    return rows, row_of


def _shown(column: Column, row: int, kind: Kind) -> object:
    if not isinstance(column, Texts):
        return column[row].item()
    text = column[row]
    if kind is Kind.STRINGS:
        return text.split(LIST_SEPARATOR) if text else []
    return text


def _digest(value: object) -> int:
    return int.from_bytes(hashlib.blake2b(repr(value).encode(), digest_size=8).digest(), "little", signed=True)
