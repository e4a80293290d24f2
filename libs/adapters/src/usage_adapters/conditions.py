"""Which rows are no usage on purpose?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from usage_adapters.table import Table


@dataclass(frozen=True, slots=True)
class ColumnIs:
    """A row whose value in a column meets a test is skipped."""

    column: str
    test: Callable[[str], bool]

    def rows(self, table: Table) -> set[int]:
        values, test = table.columns[self.column], self.test
        met = {value for value in set(values) if test(value)}
        return {row for row, value in enumerate(values) if value in met} if met else set()


def is_in(values: frozenset[str]) -> Callable[[str], bool]:
    return lambda value: value in values


def is_not_in(values: frozenset[str]) -> Callable[[str], bool]:
    return lambda value: value not in values


def is_empty(wanted: bool) -> Callable[[str], bool]:
    return lambda value: (not value) is wanted


def matches(pattern: str) -> Callable[[str], bool]:
    """Raises re.error for a pattern that can't be compiled."""
    fits = re.compile(pattern).fullmatch
    return lambda value: fits(value) is not None
