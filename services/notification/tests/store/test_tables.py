"""The migrations make the tables that the code describes, and personal data has its own columns."""

from sqlalchemy import inspect

from mesh.store import Store
from notification.store.tables import MESSAGE, PERSONAL, TEMPLATE, metadata


def _columns(connection, table) -> dict[str, tuple[bool, str | None]]:
    described = inspect(connection).get_columns(table.name, schema=table.schema)
    return {each["name"]: (each["nullable"], each["comment"]) for each in described}


async def test_the_tables_are_as_described(store: Store):
    async with store.engine.connect() as connection:
        for table in (TEMPLATE, MESSAGE):
            expected = {each.name: (each.nullable, each.comment) for each in table.columns}
            assert await connection.run_sync(_columns, table) == expected
            indexes = await connection.run_sync(lambda sync, t=table: inspect(sync).get_indexes(t.name, t.schema))
            assert {each["name"]: each["column_names"] for each in indexes} == {
                index.name: [column.name for column in index.columns] for index in table.indexes
            }


def test_columns_that_hold_personal_data_say_so():
    commented = {f"{t.name}.{c.name}" for t in metadata.tables.values() for c in t.columns if c.comment == PERSONAL}

    assert commented == {"message.subject", "message.body", "message.legs"}
