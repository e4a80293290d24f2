"""What text does a field get from a row: columns, constants, joined, digested, looked up, normalised?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from usage_adapters.reading import Reason
from usage_adapters.table import Fault, Table

_DIGEST_BYTES: Final = 16

Step = Callable[[str], str]
"""Turns one value into another, or raises Fault."""


class Base(Protocol):
    """Where a text comes from."""

    def values(self, table: Table) -> Sequence[str]:
        """One for each row."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str

    def values(self, table: Table) -> Sequence[str]:
        return table.columns[self.name]


@dataclass(frozen=True, slots=True)
class Constant:
    text: str

    def values(self, table: Table) -> Sequence[str]:
        return [self.text] * len(table)


@dataclass(frozen=True, slots=True)
class HeaderValue:
    """A value of the file's header record."""

    name: str

    def values(self, table: Table) -> Sequence[str]:
        return [table.constants[self.name]] * len(table)


@dataclass(frozen=True, slots=True)
class Joined:
    """Parts with something between them; empty when a part is empty."""

    parts: tuple[Base, ...]
    between: str

    def values(self, table: Table) -> Sequence[str]:
        join = self.between.join
        return [
            join(parts) if all(parts) else ""
            for parts in zip(*(part.values(table) for part in self.parts), strict=True)
        ]


@dataclass(frozen=True, slots=True)
class FirstOf:
    """The first that is not empty."""

    choices: tuple[Base, ...]

    def values(self, table: Table) -> Sequence[str]:
        return [next(filter(None, row), "") for row in zip(*(base.values(table) for base in self.choices), strict=True)]


@dataclass(frozen=True, slots=True)
class Digest:
    """32 hexadecimal digits over columns, or over the whole raw row without its line end when there are none."""

    parts: tuple[Base, ...]

    def values(self, table: Table) -> Sequence[str]:
        digest = hashlib.blake2b
        if not self.parts:
            return [digest(raw.rstrip(b"\r\n"), digest_size=_DIGEST_BYTES).hexdigest() for raw in table.raws]
        # The separator can't come from a field's own text in any format that is read here.
        rows = zip(*(part.values(table) for part in self.parts), strict=True)
        return [digest("\x1f".join(row).encode(), digest_size=_DIGEST_BYTES).hexdigest() for row in rows]


@dataclass(frozen=True, slots=True)
class TextRule:
    """A field's text: from a base, through steps; what is empty then is the default."""

    field: str
    base: Base
    steps: tuple[Step, ...] = ()
    default: str = ""
    required: str = ""
    """What is expected when it is empty in the end; may be empty itself: then the field may be."""

    def values(self, table: Table) -> Sequence[str]:
        values = self.base.values(table)
        if self.steps:
            values = self._stepped(table, values)
        if self.default:
            values = [value or self.default for value in values]
        if self.required and "" in values:
            fault = Fault(self.required, Reason.MISSING_VALUE)
            for row, value in enumerate(values):
                if not value:
                    table.refuse(row, self.field, "", fault)
        return values

    def _stepped(self, table: Table, values: Sequence[str]) -> list[str]:
        known: dict[str, str] = {"": ""}
        result = []
        for row, value in enumerate(values):
            after = known.get(value)
            if after is None:
                try:
                    after = known[value] = self._step(value)
                except Fault as fault:
                    table.refuse(row, self.field, value, fault)
                    after = ""
            result.append(after)
        return result

    def _step(self, value: str) -> str:
        for step in self.steps:
            value = step(value)
        return value


def lookup(entries: Mapping[str, str], what: str, otherwise: str | None = None) -> Step:
    """The entry of a value; of values without one `otherwise`, or a fault when that is None."""

    def step(value: str) -> str:
        found = entries.get(value, otherwise)
        if found is None:
            raise Fault(what, Reason.NOT_IN_TABLE)
        return found

    return step


def prefixed(prefix: str) -> Step:
    """The value with a prefix, unless it has it already or is empty."""
    return lambda value: value if not value or value.startswith(prefix) else prefix + value


def without_prefixes(prefixes: Sequence[str]) -> Step:
    """The value without the first of these prefixes that it has."""

    def step(value: str) -> str:
        for prefix in prefixes:
            if value.startswith(prefix):
                return value[len(prefix) :]
        return value

    return step
