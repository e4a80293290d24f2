"""The migrations make the tables that the code describes, and take them away again."""

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import apply_migrations, pending_migrations
from mesh.store.engine import driver_url
from mesh.testkit import Servers
from offer_decision.store.tables import CAMPAIGN, DECISION, PLAN, RECOVERY, SCHEMA, metadata

MIGRATIONS = "offer_decision.store.migrations"
_BYTE_BY_BYTE = ' COLLATE "C"'
"""How ids are compared is the migrations' matter."""


async def test_the_tables_are_as_described(connection: AsyncConnection):
    def look(sync, table):
        seen = inspect(sync)
        columns = {
            one["name"]: (str(one["type"]).removesuffix(_BYTE_BY_BYTE), one["nullable"])
            for one in seen.get_columns(table.name, SCHEMA)
        }
        indexes = {one["name"]: one["column_names"] for one in seen.get_indexes(table.name, SCHEMA)}
        return columns, seen.get_pk_constraint(table.name, SCHEMA)["constrained_columns"], indexes

    for table in (PLAN, CAMPAIGN, DECISION, RECOVERY):
        columns, key, indexes = await connection.run_sync(look, table)
        dialect = connection.dialect
        assert columns == {one.name: (_spelled(one.type.compile(dialect)), one.nullable) for one in table.columns}
        assert key == [one.name for one in table.primary_key]
        assert indexes == {index.name: [one.name for one in index.columns] for index in table.indexes}


def _spelled(kind: str) -> str:
    """PostgreSQL's inspector leaves out that a time has a zone."""
    return kind.removesuffix(" WITH TIME ZONE")


def test_migrations_go_up_and_down_and_up_again(servers: Servers):
    with servers.database() as url:
        apply_migrations(url, SCHEMA, MIGRATIONS)
        assert _tables(url) == {"alembic_version", *(table.name for table in metadata.sorted_tables)}
        assert pending_migrations(url, SCHEMA, MIGRATIONS) == []

        _go_down(url)
        assert _tables(url) == {"alembic_version"}

        apply_migrations(url, SCHEMA, MIGRATIONS)
        assert "decision" in _tables(url)


def _tables(url: str) -> set[str]:
    engine = create_engine(driver_url(url))
    try:
        return set(inspect(engine).get_table_names(SCHEMA))
    finally:
        engine.dispose()


def _go_down(url: str) -> None:
    import offer_decision.store.migrations as scripts  # noqa: PLC0415 - its place is what is needed

    directory = ScriptDirectory(scripts.__path__[0], version_locations=list(scripts.__path__))
    engine = create_engine(driver_url(url))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table_schema": SCHEMA,
                "fn": lambda revision, _context: directory._downgrade_revs("base", revision),
            },
        )
        with Operations.context(context), context.begin_transaction():
            context.run_migrations()
        connection.commit()
    engine.dispose()
