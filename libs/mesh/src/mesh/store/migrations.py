"""Is the schema up to date, and how does it get there, when several replicas try at once?

One Alembic history a service, kept in the service's schema. The scripts are modules of a Python package
(`0001_first.py`, ...) with `revision`, `down_revision`, `upgrade()` and `downgrade()`; there is no env.py.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import psycopg.errors
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError, RevisionError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from mesh.store.engine import driver_url
from mesh.store.errors import MigrationBlocked, SchemaIsNewer

_WAIT_SECONDS = 300
_LOCK_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of a schema's history."""

    revision: str
    summary: str
    """The first line of the script's docstring."""


def apply_migrations(database_url: str, schema: str, scripts: str) -> list[Migration]:
    """Bring `schema` up to date with the package `scripts`; what was applied.

    Creates the schema if need be. One process migrates, others wait for it and find nothing to do.
    Raises SchemaIsNewer, or MigrationBlocked when that takes minutes or a statement that runs holds a table.
    """
    directory = _directory(scripts)
    with _connected(database_url) as connection, _locked(connection, schema):
        if not _schema_exists(connection, schema):
            connection.execute(text(f'CREATE SCHEMA "{schema}"'))
            connection.commit()
        pending = _pending(connection, schema, directory)
        if pending:
            _upgrade(connection, schema, directory)
    return pending


def pending_migrations(database_url: str, schema: str, scripts: str) -> list[Migration]:
    """What `apply_migrations` would apply now; changes nothing. Raises SchemaIsNewer."""
    with _connected(database_url) as connection:
        return _pending(connection, schema, _directory(scripts))


def _directory(scripts: str) -> ScriptDirectory:
    folder = files(scripts)
    if not isinstance(folder, Path):
        raise TypeError(f"{scripts} must be a folder with an __init__.py; it is a {type(folder).__name__}")
    return ScriptDirectory(folder, version_locations=[folder])


def _pending(connection: Connection, schema: str, directory: ScriptDirectory) -> list[Migration]:
    current = _context(connection, schema).get_current_revision() if _schema_exists(connection, schema) else None
    connection.rollback()
    try:
        steps = list(directory.iterate_revisions("head", current or "base"))
    except (ResolutionError, RevisionError):
        if current is not None and current not in {script.revision for script in directory.walk_revisions()}:
            raise SchemaIsNewer(schema, current) from None
        raise
    return [Migration(step.revision, step.doc) for step in reversed(steps)]


def _upgrade(connection: Connection, schema: str, directory: ScriptDirectory) -> None:
    context = _context(
        connection,
        schema,
        fn=lambda revision, _context: directory._upgrade_revs("head", revision),  # noqa: SLF001 - as Alembic's command does
        transaction_per_migration=True,
    )
    # A migration waits for locks no longer than this: all traffic on the table queues behind it.
    connection.execute(text(f"SET lock_timeout = '{_LOCK_SECONDS}s'"))
    connection.commit()
    try:
        with Operations.context(context):
            context.run_migrations()
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise MigrationBlocked(
                f"a migration of schema {schema!r} waited {_LOCK_SECONDS} s for a table that a running statement "
                "holds; nothing of that step was changed; try again when it has ended"
            ) from error
        raise


def _context(connection: Connection, schema: str, **options: object) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"version_table_schema": schema, **options})


@contextmanager
def _connected(database_url: str) -> Iterator[Connection]:
    arguments = {"application_name": "migrate", "connect_timeout": 5, "options": "-c timezone=UTC"}
    engine = create_engine(driver_url(database_url), poolclass=NullPool, connect_args=arguments)
    with engine.connect() as connection:
        yield connection


@contextmanager
def _locked(connection: Connection, schema: str) -> Iterator[None]:
    # A lock of the session, not of a transaction: a migration may commit in between.
    key = zlib.crc32(f"migrate {schema}".encode())
    try:
        connection.execute(text(f"SET lock_timeout = '{_WAIT_SECONDS}s'"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
        connection.commit()
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise MigrationBlocked(
                f"another process has been migrating schema {schema!r} for more than {_WAIT_SECONDS} s"
            ) from error
        raise
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
        connection.commit()


def _schema_exists(connection: Connection, schema: str) -> bool:
    found = connection.execute(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": schema})
    return found.one_or_none() is not None
