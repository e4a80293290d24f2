"""How do the mesh's tables come into a service's schema? Called by the first migration of each service.

The statements are written out, not derived from `mesh.store.tables`, because a migration must do the same for ever.
A change to a table is a new function here, for a new migration in every service.
"""

from alembic.operations import Operations

_CREATE = (
    """
    CREATE TABLE {schema}.outbox (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id uuid NOT NULL,
        type text NOT NULL,
        topic text NOT NULL,
        partition smallint NOT NULL,
        key text NOT NULL,
        "time" timestamptz NOT NULL,
        traceparent text,
        tracestate text,
        data bytea NOT NULL,
        sequence bigint
    )
    """,
    "COMMENT ON COLUMN {schema}.outbox.sequence IS 'place in the stream; NULL: not relayed yet'",
    "CREATE INDEX outbox_waiting ON {schema}.outbox (topic, partition, position) WHERE sequence IS NULL",
    """
    CREATE TABLE {schema}.relay_state (
        topic text NOT NULL,
        partition smallint NOT NULL,
        epoch text NOT NULL,
        sequence bigint NOT NULL,
        groups text[] NOT NULL,
        PRIMARY KEY (topic, partition)
    )
    """,
    "CREATE TABLE {schema}.inbox (event_id uuid PRIMARY KEY, handled_time timestamptz NOT NULL)",
    """
    CREATE TABLE {schema}.idempotent_request (
        caller text NOT NULL,
        method text NOT NULL,
        request_id text NOT NULL,
        fingerprint bytea NOT NULL,
        response_type text,
        response bytea,
        created_time timestamptz NOT NULL,
        PRIMARY KEY (caller, method, request_id)
    )
    """,
    "CREATE INDEX idempotent_request_created_time ON {schema}.idempotent_request (created_time)",
)
_TABLES = ("outbox", "relay_state", "inbox", "idempotent_request")


def create_mesh_tables(op: Operations, schema: str) -> None:
    """Create outbox, relay_state, inbox and idempotent_request; pass Alembic's `op`."""
    for statement in _CREATE:
        op.execute(statement.format(schema=schema))


def drop_mesh_tables(op: Operations, schema: str) -> None:
    """Drop what `create_mesh_tables` created, with all that is in it."""
    for table in _TABLES:
        op.drop_table(table, schema=schema)
