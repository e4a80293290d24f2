import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg.sql import SQL, Identifier
from sqlalchemy import MetaData, create_engine

from mesh.store import MigrationBlocked, SchemaIsNewer, apply_migrations, mesh_tables, migrations, pending_migrations
from mesh.store.engine import driver_url

SECOND = '''"""Room for a note.

More about it.
"""

import time

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    time.sleep(0.1)
    op.execute("ALTER TABLE {schema}.counter ADD COLUMN note text")


def downgrade():
    op.execute("ALTER TABLE {schema}.counter DROP COLUMN note")
'''
BROKEN = '''"""Half of this works."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    op.execute("CREATE TABLE {schema}.half (id int)")
    op.execute("SELECT 1 FROM {schema}.missing")


def downgrade():
    pass
'''


@pytest.fixture
def schema(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[str]:
    name = f"m{abs(hash(request.node.name)) % 10**8}"
    yield name
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")


@pytest.fixture
def add(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schema: str, scripts: Callable[[str], str]
) -> Callable[..., str]:
    """`add()`: the package with the first migration; `add("0002", SECOND)` adds another to it."""
    package = scripts(schema)

    def add(revision: str | None = None, source: str = "") -> str:
        if revision:
            folder = Path(migrations._directory(package).dir)
            (folder / f"{revision}.py").write_text(source.format(schema=schema))
        return package

    return add


def test_a_schema_is_made_migrated_and_then_left_alone(postgres_url: str, schema: str, add: Callable[..., str]) -> None:
    package = add("0002", SECOND)
    pending = pending_migrations(postgres_url, schema, package)
    assert [(step.revision, step.summary) for step in pending] == [
        ("0001", "The mesh's tables, and counters."),
        ("0002", "Room for a note."),
    ]
    assert apply_migrations(postgres_url, schema, package) == pending
    assert pending_migrations(postgres_url, schema, package) == []
    assert apply_migrations(postgres_url, schema, package) == []


def test_asking_what_is_pending_changes_nothing(postgres_url: str, schema: str, add: Callable[..., str]) -> None:
    pending_migrations(postgres_url, schema, add())
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone()
    assert found is None


def test_replicas_that_migrate_at_once_apply_each_step_once(
    postgres_url: str, schema: str, add: Callable[..., str]
) -> None:
    package = add("0002", SECOND)
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda _: apply_migrations(postgres_url, schema, package), range(4)))
    assert sorted(len(steps) for steps in applied) == [0, 0, 0, 2]


def test_services_share_a_database_without_sharing_a_history(
    postgres_url: str, schema: str, add: Callable[..., str], scripts: Callable[[str], str]
) -> None:
    apply_migrations(postgres_url, schema, add("0002", SECOND))
    other = f"{schema}_other"
    assert [step.revision for step in apply_migrations(postgres_url, other, scripts(other))] == ["0001"]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {other} CASCADE")


def test_a_step_that_fails_leaves_nothing_of_itself_and_keeps_those_before(
    postgres_url: str, schema: str, add: Callable[..., str]
) -> None:
    add("0002", SECOND)
    package = add("0003", BROKEN)
    with pytest.raises(Exception, match="missing"):
        apply_migrations(postgres_url, schema, package)
    assert [step.revision for step in pending_migrations(postgres_url, schema, package)] == ["0003"]
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute(f"SELECT to_regclass('{schema}.half')").fetchone() == (None,)


def test_a_database_of_a_later_version_is_left_alone(postgres_url: str, schema: str, add: Callable[..., str]) -> None:
    package = add()
    apply_migrations(postgres_url, schema, package)
    with psycopg.connect(postgres_url) as connection:
        connection.execute(SQL("UPDATE {} SET version_num = '0099'").format(Identifier(schema, "alembic_version")))
    for act in (apply_migrations, pending_migrations):
        with pytest.raises(SchemaIsNewer, match="'0099', which this version does not know"):
            act(postgres_url, schema, package)


def test_a_migration_gives_up_when_a_statement_holds_its_table(
    postgres_url: str, schema: str, add: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_LOCK_SECONDS", 0.2)
    apply_migrations(postgres_url, schema, add())
    package = add("0002", SECOND)
    with psycopg.connect(postgres_url) as connection:
        connection.execute(SQL("SELECT count(*) FROM {}").format(Identifier(schema, "counter")))
        with pytest.raises(MigrationBlocked, match=r"waited 0\.2 s for a table"):
            apply_migrations(postgres_url, schema, package)
    assert [step.revision for step in apply_migrations(postgres_url, schema, package)] == ["0002"]


def test_waiting_for_another_migration_has_an_end(
    postgres_url: str, schema: str, add: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_WAIT_SECONDS", 0.2)
    package = add("0002", SECOND)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with migrations._connected(postgres_url) as connection, migrations._locked(connection, schema):
            holding.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert holding.wait(10)
    with pytest.raises(MigrationBlocked, match="another process has been migrating"):
        apply_migrations(postgres_url, schema, package)
    done.set()
    thread.join()
    assert len(apply_migrations(postgres_url, schema, package)) == 2


def test_the_tables_that_are_made_are_the_tables_that_are_used(
    postgres_url: str, schema: str, add: Callable[..., str]
) -> None:
    apply_migrations(postgres_url, schema, add())
    metadata = MetaData(schema=schema)
    mesh_tables(metadata)
    engine = create_engine(driver_url(postgres_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _: kind != "schema" or name == schema,
                "compare_server_default": True,
            },
        )
        differences = compare_metadata(context, metadata)
    engine.dispose()
    beside = {"counter", "alembic_version"}
    assert [d for d in differences if not (d[0] == "remove_table" and d[1].name in beside)] == []
