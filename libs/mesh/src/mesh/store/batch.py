"""How do thousands of rows get into a table with one statement?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Row, Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy


async def copy_rows(
    connection: AsyncConnection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    """Append rows with COPY, the fastest way in; how many.

    For rows that can't be there yet: one duplicate of a unique key fails them all. Values are Python values, in the
    order of `columns`.
    """
    names = sql.SQL(", ").join(sql.Identifier(table.c[name].name) for name in columns)
    target = sql.Identifier(table.schema or "public", table.name)
    driver = (await connection.get_raw_connection()).driver_connection
    if not isinstance(driver, psycopg.AsyncConnection):
        raise TypeError(f"COPY needs a psycopg connection; got {type(driver).__name__}")
    async with driver.cursor() as cursor:
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(target, names)
        async with cursor.copy(statement) as copy:
            for row in rows:
                await copy.write_row(row)
        return cursor.rowcount


async def insert_ignoring_duplicates(
    connection: AsyncConnection,
    table: Table,
    rows: Mapping[str, Sequence[Any]],
    *,
    key: Sequence[str],
    returning: Sequence[str] = (),
) -> Sequence[Row[Any]]:
    """Insert rows, given as columns of equal length, whose `key` is not there yet; `returning` of the new ones.

    One statement over `unnest`. COPY into a temporary table is up to a quarter faster at thousands of rows, but costs
    a second round trip, fills the catalogue with short-lived tables, and fails behind a pooler that shares sessions.
    """
    lengths = {name: len(values) for name, values in rows.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"columns of {table.name} must have the same length; got {lengths}")
    names = ", ".join(_quoted(table, name) for name in rows)
    arrays = ", ".join(f"CAST(:{name} AS {_type(table, name)}[])" for name in rows)
    conflict = ", ".join(_quoted(table, name) for name in key)
    wanted = ", ".join(_quoted(table, name) for name in (returning or key))
    target = _DIALECT.identifier_preparer.format_table(table)
    statement = (
        f"INSERT INTO {target} ({names}) SELECT * FROM unnest({arrays}) "  # noqa: S608 - names of a Table, quoted
        f"ON CONFLICT ({conflict}) DO NOTHING RETURNING {wanted}"
    )
    return (await connection.execute(text(statement), dict(rows))).all()


def _quoted(table: Table, name: str) -> str:
    return _DIALECT.identifier_preparer.quote(table.c[name].name)


def _type(table: Table, name: str) -> str:
    return str(table.c[name].type.compile(_DIALECT))
