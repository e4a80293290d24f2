"""Are the tables what the code says they are, and which hold personal data?"""

import asyncio
from dataclasses import fields
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from sqlalchemy import Connection, inspect
from sqlalchemy.dialects import postgresql

from mesh.store import Store
from usage_correlation import store as store_package
from usage_correlation.store import migrations
from usage_correlation.store.tables import MESH, PERSONAL, SCHEMA, metadata

# Each feature declares its own; all of them together are the schema.
for _module in iter_modules(store_package.__path__):
    if _module.name.endswith(("_tables", "allowance_policies")):
        import_module(f"{store_package.__name__}.{_module.name}")
_SCRIPTS = sorted(each.name for each in iter_modules(migrations.__path__))

_OF_THE_MESH = {getattr(MESH, each.name) for each in fields(MESH)}
"""They are compared where they are made."""


def described(connection: Connection) -> dict[str, dict[str, Any]]:
    inspector = inspect(connection)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    return {
        table: {
            "columns": {
                column["name"]: (_plain(column["type"].compile(dialect)), column["nullable"], column["comment"])
                for column in inspector.get_columns(table, SCHEMA)
            },
            "key": inspector.get_pk_constraint(table, SCHEMA)["constrained_columns"],
            "indexes": sorted(
                tuple(index["column_names"])
                for index in inspector.get_indexes(table, SCHEMA)
                if "duplicates_constraint" not in index
            ),
        }
        for table in inspector.get_table_names(SCHEMA)
        if table != "alembic_version"
    }


def declared() -> dict[str, dict[str, Any]]:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    return {
        table.name: {
            "columns": {
                column.name: (column.type.compile(dialect), column.nullable, column.comment) for column in table.columns
            },
            "key": [column.name for column in table.primary_key.columns],
            "indexes": sorted(tuple(column.name for column in index.columns) for index in table.indexes),
        }
        for table in metadata.tables.values()
        if table not in _OF_THE_MESH
    }


def _plain(kind: str) -> str:
    return kind.removesuffix(' COLLATE "C"')


async def test_the_migrated_tables_are_those_declared(store: Store) -> None:
    async with store.engine.connect() as connection:
        found = await connection.run_sync(described)
    assert found.keys() == {table.name for table in metadata.tables.values()}
    assert {name: found[name] for name in declared()} == declared()


def test_personal_data_is_in_these_columns() -> None:
    personal = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if column.comment == PERSONAL
    }
    assert {"usage_record.destination", "usage_record.location_id", "limit_event.facts"} <= personal


async def test_hot_keys_begin_with_the_shard(store: Store) -> None:
    async with store.engine.connect() as connection:
        found = await connection.run_sync(described)
    for table in ("bill_cycle", "usage_counter", "signal"):
        assert found[table]["key"][0] == "shard"
    assert found["usage_record_key"]["key"][0] == "key_shard"
    assert found["usage_record"]["indexes"] == [("shard", "subscription_key", "start_time")]


async def test_the_migration_can_be_taken_back(servers: Any) -> None:
    """Any: the testkit's servers."""
    from alembic.migration import MigrationContext  # noqa: PLC0415 - this test alone needs it
    from alembic.operations import Operations  # noqa: PLC0415 - the same
    from sqlalchemy import create_engine  # noqa: PLC0415 - the same

    from mesh.store import apply_migrations  # noqa: PLC0415 - the same

    def back(url: str) -> list[str]:
        apply_migrations(url, "usage", migrations.__name__)
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
            for script in reversed(_SCRIPTS):
                import_module(f"{migrations.__name__}.{script}").downgrade()
        with engine.connect() as connection:
            left = inspect(connection).get_table_names("usage")
        engine.dispose()
        return left

    with servers.database() as url:
        assert await asyncio.to_thread(back, url) == ["alembic_version"]
