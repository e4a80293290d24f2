"""How does one statement look up, or change, the rows of many ids?"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, CursorResult, Table, TableValuedAlias, and_, cast, func, update
from sqlalchemy.ext.asyncio import AsyncConnection

Columns = Mapping[str, Sequence[Any]]
"""Rows, column by column: names of the table's columns to values of equal number."""


def listed(table: Table, rows: Columns) -> TableValuedAlias:
    """These rows as a table of their own, `listed`, to join `table` with."""
    arrays = [cast(list(values), ARRAY(table.c[name].type, dimensions=1)) for name, values in rows.items()]
    return func.unnest(*arrays).table_valued(*rows).render_derived(name="listed")


async def update_rows(
    connection: AsyncConnection, table: Table, rows: Columns, *, key: Sequence[str]
) -> CursorResult[Any]:
    """Write the columns of `rows` into the rows of `table` that have their `key`, in one statement."""
    new = listed(table, rows)
    changed = {name: new.c[name] for name in rows if name not in key}
    statement = update(table).values(changed).where(and_(*(table.c[name] == new.c[name] for name in key)))
    return await connection.execute(statement)
