"""Truth in PostgreSQL: units of work with their events, idempotent requests, batches, pages, migrations."""

from mesh.store.batch import copy_rows, insert_ignoring_duplicates
from mesh.store.engine import PoolSettings
from mesh.store.errors import (
    EventTooLarge,
    InvalidPageToken,
    MigrationBlocked,
    RequestIdReused,
    SchemaIsNewer,
    StoreError,
)
from mesh.store.keys import listed, update_rows
from mesh.store.migrations import Migration, apply_migrations, pending_migrations
from mesh.store.pages import after, decode_page_token, encode_page_token, filter_digest
from mesh.store.schema import create_mesh_tables, drop_mesh_tables
from mesh.store.store import Store
from mesh.store.tables import MeshTables, mesh_tables
from mesh.store.unit_of_work import UnitOfWork

__all__ = [
    "EventTooLarge",
    "InvalidPageToken",
    "MeshTables",
    "Migration",
    "MigrationBlocked",
    "PoolSettings",
    "RequestIdReused",
    "SchemaIsNewer",
    "Store",
    "StoreError",
    "UnitOfWork",
    "after",
    "apply_migrations",
    "copy_rows",
    "create_mesh_tables",
    "decode_page_token",
    "drop_mesh_tables",
    "encode_page_token",
    "filter_digest",
    "insert_ignoring_duplicates",
    "listed",
    "mesh_tables",
    "pending_migrations",
    "update_rows",
]
