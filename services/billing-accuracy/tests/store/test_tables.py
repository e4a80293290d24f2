"""Do the migrations make the tables that the code describes, and take them away again?"""

import asyncio
import importlib
from importlib.resources import files
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Table, create_engine, inspect
from sqlalchemy.pool import NullPool

from billing_accuracy.store.run_tables import (
    BILL_STREAM,
    CATALOGUE_CHANGE,
    REJECTED_BILL,
    RUN_EXPOSURE,
    RUN_PROGRESS,
    SYSTEMATIC_ERROR,
)
from billing_accuracy.store.tables import ACCOUNT_ENTRY, BILL_CHECK, BILL_RUN, DISPUTE, FINDING, MESH, QUOTE, metadata
from billing_accuracy.store.wholesale_tables import INTER_OPERATOR_TARIFF, WHOLESALE_CHARGE
from mesh.store import Store, apply_migrations, pending_migrations

SCRIPTS = "billing_accuracy.store.migrations"
WHOLESALE = {INTER_OPERATOR_TARIFF, WHOLESALE_CHARGE}
RUNS = WHOLESALE | {BILL_STREAM, CATALOGUE_CHANGE, REJECTED_BILL, RUN_EXPOSURE, RUN_PROGRESS, SYSTEMATIC_ERROR}


def _columns(connection: Connection, table: Table) -> dict[str, tuple[bool, str]]:
    described = inspect(connection).get_columns(table.name, schema=table.schema)
    # Ids compare byte by byte in the database; queries need not know.
    types = {each["name"]: str(each["type"].as_generic()).removesuffix(' COLLATE "C"') for each in described}
    return {each["name"]: (each["nullable"], types[each["name"]]) for each in described}


def _indexes(connection: Connection, table: Table) -> dict[str | None, list[Any]]:
    return {each["name"]: each["column_names"] for each in inspect(connection).get_indexes(table.name, table.schema)}


def _key(connection: Connection, table: Table) -> list[str]:
    return inspect(connection).get_pk_constraint(table.name, table.schema)["constrained_columns"]


async def test_the_tables_are_as_described(store: Store) -> None:
    async with store.engine.connect() as connection:
        for table in (BILL_RUN, BILL_CHECK, FINDING, ACCOUNT_ENTRY, DISPUTE, QUOTE, *RUNS):
            expected = {each.name: (each.nullable, str(each.type.as_generic())) for each in table.columns}
            assert await connection.run_sync(_columns, table) == expected
            assert await connection.run_sync(_key, table) == [column.name for column in table.primary_key]
            indexes = {index.name: [column.name for column in index.columns] for index in table.indexes}
            assert await connection.run_sync(_indexes, table) == indexes


async def test_the_schema_holds_nothing_else(store: Store) -> None:
    mesh = {MESH.outbox, MESH.relay_state, MESH.inbox, MESH.idempotent_request}
    assert set(metadata.tables.values()) == {ACCOUNT_ENTRY, BILL_RUN, BILL_CHECK, DISPUTE, FINDING, QUOTE} | RUNS | mesh
    async with store.engine.connect() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names("billing"))
    assert set(names) == {table.name for table in metadata.tables.values()} | {"alembic_version"}


async def test_a_migrated_schema_stays_as_it_is(store: Store, postgres_url: str) -> None:
    assert await asyncio.to_thread(pending_migrations, postgres_url, "billing", SCRIPTS) == []
    assert await asyncio.to_thread(apply_migrations, postgres_url, "billing", SCRIPTS) == []


def test_what_was_made_can_be_taken_away(servers: Any) -> None:
    with servers.database() as url:
        steps = apply_migrations(url, "billing", SCRIPTS)
        assert (steps[0].revision, steps[0].summary) == ("0001", "Bill runs, bill checks, findings.")
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)
        with engine.begin() as connection:
            with Operations.context(MigrationContext.configure(connection)):
                for name in sorted(_scripts(), reverse=True):
                    importlib.import_module(f"{SCRIPTS}.{name}").downgrade()
            assert inspect(connection).get_table_names("billing") == ["alembic_version"]


def _scripts() -> list[str]:
    return [path.name.removesuffix(".py") for path in files(SCRIPTS).iterdir() if path.name[:4].isdigit()]
