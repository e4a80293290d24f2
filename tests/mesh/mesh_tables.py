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
    named = _named(database, schema)
    found = {}
    for table, columns in _columns(database, schema).items():
        if table not in skipped.tables:
            compared = [column for column in columns if column.name not in skipped.columns]
            found[table] = _rows(database, sql.Identifier(schema, table), compared, named)
    return found


def differences(one: Mapping[str, Counter[str]], other: Mapping[str, Counter[str]]) -> list[str]:
    """The first rows of each table that are in one of two databases alone."""
    found = []
    for table in sorted({*one, *other}):
        for which, rows in (("-", one[table] - other[table]), ("+", other[table] - one[table])):
            found += [f"{which} {table} {row}" for row in sorted(rows)[:3]]
    return found


@dataclass(frozen=True, slots=True)
class _Column:
    """The same name may stand for a number in one table and for a text in another."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class _Named:
    """What a surrogate key stands for: unique columns of a table."""

    table: sql.Identifier
    columns: list[str]


def _columns(database: Database, schema: str) -> dict[str, list[_Column]]:
    found: dict[str, list[_Column]] = {}
    for table, *column in database.rows(_COLUMNS, (schema,)):
        found.setdefault(table, []).append(_Column(*column))
    return found


def _named(database: Database, schema: str) -> dict[_Column, _Named]:
    found: dict[_Column, _Named] = {}
    for table, key, kind, column in database.rows(_UNIQUE, (schema, f"%{SURROGATE}")):
        found.setdefault(_Column(key, kind), _Named(sql.Identifier(schema, table), [])).columns.append(column)
    return found


def _rows(
    database: Database, table: sql.Identifier, columns: Sequence[_Column], named: Mapping[_Column, _Named]
) -> Counter[str]:
    selected: list[sql.Composable] = []
    joins: list[sql.Composable] = []
    for number, column in enumerate(columns):
        name, by = sql.Identifier(column.name), named.get(column)
        if by is None:
            selected.append(sql.SQL("one.{}").format(name))
        elif by.table != table:  # its own number says nothing
            other = sql.Identifier(f"named_{number}")
            selected += [sql.SQL("{}.{}").format(other, sql.Identifier(each)) for each in by.columns]
            joins.append(sql.SQL(" LEFT JOIN {} AS {} ON {}.{} = one.{}").format(by.table, other, other, name, name))
    query = sql.SQL("SELECT ROW({})::text FROM {} AS one{}").format(
        sql.SQL(", ").join(selected), table, sql.SQL("").join(joins)
    )
    return Counter(row for (row,) in database.rows(query))


# Of tables whose primary key is one column with that ending: their other unique columns.
_UNIQUE = """
    SELECT own.table_name, own.column_name, kind.data_type, other.column_name
    FROM information_schema.table_constraints AS one
    JOIN information_schema.key_column_usage AS own USING (constraint_schema, constraint_name)
    JOIN information_schema.columns AS kind
        ON kind.table_schema = own.table_schema AND kind.table_name = own.table_name
            AND kind.column_name = own.column_name
    JOIN information_schema.table_constraints AS two
        ON two.table_schema = one.table_schema AND two.table_name = one.table_name AND two.constraint_type = 'UNIQUE'
    JOIN information_schema.key_column_usage AS other
        ON other.constraint_schema = two.constraint_schema AND other.constraint_name = two.constraint_name
    WHERE one.table_schema = %s AND one.constraint_type = 'PRIMARY KEY' AND own.column_name LIKE %s
        AND (SELECT count(*) FROM information_schema.key_column_usage AS part
             WHERE part.constraint_schema = one.constraint_schema AND part.constraint_name = one.constraint_name) = 1
    ORDER BY own.table_name, other.ordinal_position
"""
_COLUMNS = """
    SELECT table_name, column_name, data_type
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = %s AND table_type = 'BASE TABLE'
    ORDER BY table_name, ordinal_position
"""
