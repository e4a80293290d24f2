"""Charging sessions and quotas."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CREATE: tuple[str, ...] = (
    """
    CREATE TABLE usage.charging_session (
        shard smallint NOT NULL,
        session_id text COLLATE "C" NOT NULL,
        caller text COLLATE "C" NOT NULL,
        source text COLLATE "C" NOT NULL,
        subscription_id text COLLATE "C" NOT NULL,
        state text NOT NULL,
        last_sequence bigint NOT NULL,
        create_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL,
        expire_time timestamptz NOT NULL,
        kind text NOT NULL,
        destination text COLLATE "C" NOT NULL,
        visited_network text COLLATE "C" NOT NULL,
        location_id text COLLATE "C" NOT NULL,
        home_networks text[] NOT NULL,
        PRIMARY KEY (shard, session_id)
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX charging_session_by_expiry ON usage.charging_session (expire_time)",
    """
    CREATE TABLE usage.charging_answer (
        shard smallint NOT NULL,
        session_id text COLLATE "C" NOT NULL,
        sequence bigint NOT NULL,
        request_digest bytea NOT NULL,
        grants jsonb NOT NULL,
        answer_time timestamptz NOT NULL,
        PRIMARY KEY (shard, session_id, sequence)
    )
    """,
    "CREATE INDEX charging_answer_by_time ON usage.charging_answer (answer_time)",
    """
    CREATE TABLE usage.charging_reservation (
        shard smallint NOT NULL,
        subscription_id text COLLATE "C" NOT NULL,
        session_id text COLLATE "C" NOT NULL,
        rating_group bigint NOT NULL,
        usage_type text NOT NULL,
        start_time timestamptz NOT NULL,
        quantity bigint NOT NULL CHECK (quantity >= 0),
        destination text COLLATE "C" NOT NULL,
        visited_network text COLLATE "C" NOT NULL,
        first_sequence bigint NOT NULL,
        expire_time timestamptz NOT NULL,
        PRIMARY KEY (shard, subscription_id, session_id, rating_group)
    )
    """,
    """
    CREATE TABLE usage.charging_refusal (
        shard smallint NOT NULL,
        session_id text COLLATE "C" NOT NULL,
        sequence bigint NOT NULL,
        rating_group bigint NOT NULL,
        local_sequence bigint NOT NULL,
        reason text NOT NULL,
        field text NOT NULL,
        description text NOT NULL,
        usage_type text,
        start_time timestamptz,
        quantity bigint,
        destination text COLLATE "C",
        visited_network text COLLATE "C",
        location_id text COLLATE "C",
        PRIMARY KEY (shard, session_id, sequence, rating_group, local_sequence)
    )
    """,
    """
    CREATE TABLE usage.subscriber_identifier (
        shard smallint NOT NULL,
        identifier text COLLATE "C" NOT NULL,
        subscription_id text COLLATE "C" NOT NULL,
        update_time timestamptz NOT NULL,
        PRIMARY KEY (shard, identifier)
    )
    """,
    "COMMENT ON COLUMN usage.charging_session.destination IS 'personal data'",
    "COMMENT ON COLUMN usage.charging_session.location_id IS 'personal data'",
    "COMMENT ON COLUMN usage.charging_reservation.destination IS 'personal data'",
    "COMMENT ON COLUMN usage.charging_refusal.destination IS 'personal data'",
    "COMMENT ON COLUMN usage.charging_refusal.location_id IS 'personal data'",
    "COMMENT ON COLUMN usage.subscriber_identifier.identifier IS 'personal data'",
)
_TABLES = (
    "subscriber_identifier",
    "charging_refusal",
    "charging_reservation",
    "charging_answer",
    "charging_session",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    for table in _TABLES:
        op.drop_table(table, schema="usage")
