"""Patterns, observations and what waits to be correlated."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CREATE: tuple[str, ...] = (
    """
    CREATE TABLE usage.pattern (
        pattern_id text COLLATE "C" PRIMARY KEY,
        document text NOT NULL,
        paused boolean NOT NULL,
        revision bigint NOT NULL,
        state_key integer NOT NULL,
        create_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE usage.pattern_state (
        state_key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        pattern_id text COLLATE "C" NOT NULL,
        state_digest text COLLATE "C" NOT NULL,
        UNIQUE (pattern_id, state_digest)
    )
    """,
    """
    CREATE TABLE usage.pattern_event (
        shard smallint NOT NULL,
        state_key integer NOT NULL,
        subscription_key integer NOT NULL,
        event_micros bigint NOT NULL,
        event_class smallint NOT NULL,
        reference text COLLATE "C" NOT NULL,
        arrive_micros bigint NOT NULL,
        value double precision NOT NULL,
        digest bigint NOT NULL,
        group_key text COLLATE "C" NOT NULL,
        cell text COLLATE "C" NOT NULL,
        area text COLLATE "C" NOT NULL,
        PRIMARY KEY (shard, state_key, subscription_key, event_micros, event_class, reference)
    )
    """,
    "COMMENT ON COLUMN usage.pattern_event.group_key IS 'personal data'",
    "COMMENT ON COLUMN usage.pattern_event.cell IS 'personal data'",
    "COMMENT ON COLUMN usage.pattern_event.area IS 'personal data'",
    # Sums are updated in place as long as their page has room for the new version of the row.
    """
    CREATE TABLE usage.pattern_sum (
        shard smallint NOT NULL,
        state_key integer NOT NULL,
        subscription_key integer NOT NULL,
        start_micros bigint NOT NULL,
        group_key text COLLATE "C" NOT NULL,
        event_count bigint NOT NULL,
        total double precision NOT NULL,
        low double precision NOT NULL,
        high double precision NOT NULL,
        first_micros bigint NOT NULL,
        latest_micros bigint NOT NULL,
        latest_arrive_micros bigint NOT NULL,
        latest_reference text COLLATE "C" NOT NULL,
        PRIMARY KEY (shard, state_key, subscription_key, start_micros, group_key)
    ) WITH (fillfactor = 70)
    """,
    "COMMENT ON COLUMN usage.pattern_sum.group_key IS 'personal data'",
    """
    CREATE TABLE usage.pattern_due (
        lane smallint NOT NULL,
        state_key integer NOT NULL,
        subscription_key integer NOT NULL,
        due_micros bigint NOT NULL,
        settle_micros bigint NOT NULL,
        PRIMARY KEY (lane, state_key, subscription_key)
    )
    """,
    "CREATE INDEX pattern_due_by_settlement ON usage.pattern_due (lane, settle_micros)",
    """
    CREATE TABLE usage.correlation_queue (
        lane smallint NOT NULL,
        position bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
        events bytea NOT NULL,
        PRIMARY KEY (lane, position)
    )
    """,
    "COMMENT ON COLUMN usage.correlation_queue.events IS 'personal data'",
    """
    CREATE TABLE usage.correlation_lane (
        lane smallint PRIMARY KEY,
        clock_micros bigint NOT NULL,
        as_of_micros bigint NOT NULL
    )
    """,
    "INSERT INTO usage.correlation_lane SELECT lane, 0, 0 FROM generate_series(0, 3) AS lane",
    """
    CREATE TABLE usage.observation_key (
        key_shard smallint NOT NULL,
        source_key integer NOT NULL,
        observation_id text COLLATE "C" NOT NULL,
        content_digest bigint NOT NULL,
        PRIMARY KEY (key_shard, source_key, observation_id)
    )
    """,
    """
    CREATE TABLE usage.observation (
        observe_time timestamptz NOT NULL,
        arrive_time timestamptz NOT NULL,
        subscription_key integer NOT NULL,
        source_key integer NOT NULL,
        shard smallint NOT NULL,
        kind text COLLATE "C" NOT NULL,
        observation_id text COLLATE "C" NOT NULL,
        content jsonb NOT NULL
    )
    """,
    "COMMENT ON COLUMN usage.observation.content IS 'personal data'",
    "CREATE INDEX observation_by_subscription ON usage.observation (shard, subscription_key, observe_time)",
    """
    CREATE TABLE usage.place_event (
        kind text COLLATE "C" NOT NULL,
        source text COLLATE "C" NOT NULL,
        observation_id text COLLATE "C" NOT NULL,
        start_time timestamptz NOT NULL,
        end_time timestamptz CHECK (end_time > start_time),
        arrive_time timestamptz NOT NULL,
        cells text[] NOT NULL,
        areas text[] NOT NULL,
        content jsonb NOT NULL,
        PRIMARY KEY (kind, source, observation_id)
    )
    """,
    "CREATE INDEX place_event_by_start ON usage.place_event (start_time)",
)
_TABLES = (
    "place_event",
    "observation",
    "observation_key",
    "correlation_lane",
    "correlation_queue",
    "pattern_due",
    "pattern_sum",
    "pattern_event",
    "pattern_state",
    "pattern",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    for table in _TABLES:
        op.drop_table(table, schema="usage")
