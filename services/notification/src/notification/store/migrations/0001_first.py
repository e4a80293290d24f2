"""Templates and messages."""

from alembic import op

from mesh.store import create_mesh_tables, drop_mesh_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Ids compare byte by byte, whatever the database's language: pages by name are the same everywhere.
_CREATE = (
    """
    CREATE TABLE notification.template (
        template_id text COLLATE "C" PRIMARY KEY,
        texts jsonb NOT NULL,
        create_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE notification.message (
        shard smallint NOT NULL,
        customer_id text COLLATE "C" NOT NULL,
        message_id text COLLATE "C" NOT NULL,
        decision text NOT NULL,
        template text NOT NULL,
        purpose text NOT NULL,
        language_code text NOT NULL,
        subject text NOT NULL,
        body text NOT NULL,
        action_path text NOT NULL,
        state text NOT NULL,
        legs jsonb NOT NULL,
        routed_time timestamptz NOT NULL,
        attempts jsonb NOT NULL,
        create_time timestamptz NOT NULL,
        next_attempt_time timestamptz,
        expire_time timestamptz NOT NULL,
        read_time timestamptz,
        event_time timestamptz,
        decision_time timestamptz,
        take_time timestamptz,
        urgency smallint NOT NULL,
        claims bigint NOT NULL DEFAULT 0,
        traceparent text,
        tracestate text,
        PRIMARY KEY (shard, customer_id, message_id)
    )
    """,
    "COMMENT ON COLUMN notification.message.subject IS 'personal data'",
    "COMMENT ON COLUMN notification.message.body IS 'personal data'",
    "COMMENT ON COLUMN notification.message.legs IS 'personal data'",
    "CREATE INDEX message_by_time ON notification.message (create_time, customer_id, message_id)",
    "CREATE INDEX message_of_customer ON notification.message (shard, customer_id, create_time, message_id)",
    "CREATE INDEX message_to_take ON notification.message (urgency, take_time) WHERE take_time IS NOT NULL",
)


def upgrade() -> None:
    """Create the mesh's tables and the service's own."""
    create_mesh_tables(op, "notification")  # type: ignore[arg-type]  # Alembic's proxy of Operations is a module
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them, with all that is in them."""
    for table in ("message", "template"):
        op.drop_table(table, schema="notification")
    drop_mesh_tables(op, "notification")  # type: ignore[arg-type]  # see upgrade
