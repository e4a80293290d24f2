"""Patterns recall their past, sources have clocks, batches that fail are put aside, service alerts change."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_UPGRADE: tuple[str, ...] = (
    """
    CREATE TABLE usage.pattern_recall (
        state_key integer NOT NULL,
        lane smallint NOT NULL,
        after_subscription text COLLATE "C" NOT NULL,
        live_micros bigint NOT NULL,
        PRIMARY KEY (state_key, lane)
    )
    """,
    # Updated in place as long as a page has room for the new version of a row.
    """
    CREATE TABLE usage.correlation_source (
        lane smallint NOT NULL,
        source text COLLATE "C" NOT NULL,
        clock_micros bigint NOT NULL,
        as_of_micros bigint NOT NULL,
        PRIMARY KEY (lane, source)
    ) WITH (fillfactor = 70)
    """,
    # What all sources of a lane had come to, until each has a clock of its own.
    """
    INSERT INTO usage.correlation_source
    SELECT lane, '', clock_micros, as_of_micros FROM usage.correlation_lane WHERE clock_micros > 0
    """,
    """
    CREATE TABLE usage.correlation_parked (
        position bigint PRIMARY KEY,
        lane smallint NOT NULL,
        events bytea NOT NULL,
        event_type text NOT NULL,
        event_count integer NOT NULL,
        failed_tries integer NOT NULL,
        reason text NOT NULL,
        park_time timestamptz NOT NULL
    )
    """,
    "COMMENT ON COLUMN usage.correlation_parked.events IS 'personal data'",
    """
    ALTER TABLE usage.correlation_lane
        ADD COLUMN careful_batches smallint NOT NULL DEFAULT 0,
        ADD COLUMN failed_tries integer NOT NULL DEFAULT 0
    """,
    "ALTER TABLE usage.place_event ADD COLUMN revision integer NOT NULL DEFAULT 0",
)
_DOWNGRADE: tuple[str, ...] = (
    "ALTER TABLE usage.place_event DROP COLUMN revision",
    "ALTER TABLE usage.correlation_lane DROP COLUMN careful_batches, DROP COLUMN failed_tries",
    "DROP TABLE usage.correlation_parked, usage.correlation_source, usage.pattern_recall",
)


def upgrade() -> None:
    """Make what is new."""
    for statement in _UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Remove it."""
    for statement in _DOWNGRADE:
        op.execute(statement)
