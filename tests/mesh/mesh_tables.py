"""What does a schema hold, so that two databases can be compared that came to it on different ways?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, Self

import psycopg
from psycopg import sql

SURROGATE = "_key"
"""Columns that end so hold numbers given out in any order, for longer names in a table of their own."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """What says how something came about, or when, and so differs between two runs that end alike."""

    tables: frozenset[str]
    columns: frozenset[str]


class Database:
    """A connection that is made anew when the server has died."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def rows(
        self, query: LiteralString | sql.Composed, values: Sequence[object] = ()
    ) -> list[tuple[Any, ...]]:  # of the query's types
        """What a query that changes nothing finds."""
        try:
            return self._connected().execute(query, values).fetchall()
        except psycopg.OperationalError:
            return self._connected().execute(query, values).fetchall()

    def do(self, statement: LiteralString) -> None:
        """Change something."""
        self._connected().execute(statement)

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True)
        return self._connection


def contents(database: Database, schema: str, skipped: Skipped) -> dict[str, Counter[str]]:
    """By table, the rows as texts, with surrogate keys replaced by what they stand for."""
    tables = {name: columns for name, columns in _columns(database, schema).items() if name not in skipped.tables}
    names = {columns[0]: name for name, columns in tables.items() if columns[0] == f"{name}{SURROGATE}"}
    return {
        table: _rows(database, schema, table, [c for c in columns if c not in skipped.columns], names, tables)
        for table, columns in tables.items()
    }


def differences(one: Mapping[str, Counter[str]], other: Mapping[str, Counter[str]]) -> list[str]:
    """The first rows of each table that are in one of two databases alone."""
    found = []
    for table in sorted({*one, *other}):
        for which, rows in (("-", one[table] - other[table]), ("+", other[table] - one[table])):
            found += [f"{which} {table} {row}" for row in sorted(rows)[:3]]
    return found


def _columns(database: Database, schema: str) -> dict[str, list[str]]:
    rows = database.rows(_COLUMNS, (schema,))
    found: dict[str, list[str]] = {}
    for table, column in rows:
        found.setdefault(table, []).append(column)
    return found


def _rows(
    database: Database,
    schema: str,
    table: str,
    columns: Sequence[str],
    names: Mapping[str, str],
    tables: Mapping[str, Sequence[str]],
) -> Counter[str]:
    selected: list[sql.Composable] = []
    joins: list[sql.Composable] = []
    for column in columns:
        named = names.get(column)
        if named is None:
            selected.append(sql.Identifier(table, column))
        elif named != table:  # its own number says nothing
            selected += [sql.Identifier(named, name) for name in tables[named] if name != column]
            joins.append(sql.SQL(" JOIN {} USING ({})").format(sql.Identifier(schema, named), sql.Identifier(column)))
        else:
            continue
    query = sql.SQL("SELECT ROW({})::text FROM {}{}").format(
        sql.SQL(", ").join(selected), sql.Identifier(schema, table), sql.SQL("").join(joins)
    )
    return Counter(row for (row,) in database.rows(query))


_COLUMNS = """
    SELECT table_name, column_name
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = %s AND table_type = 'BASE TABLE'
    ORDER BY table_name, ordinal_position
"""
