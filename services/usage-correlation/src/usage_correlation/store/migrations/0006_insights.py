"""What the shipped signals are made from."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CREATE: tuple[str, ...] = (
    # Updated in place as long as a page has room for the new version of a row.
    """
    CREATE TABLE usage.roaming_presence (
        shard smallint NOT NULL,
        subscription_key integer NOT NULL,
        place text COLLATE "C" NOT NULL,
        start_time timestamptz,
        PRIMARY KEY (shard, subscription_key)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE usage.insight_round (
        insight text COLLATE "C" NOT NULL,
        shard smallint NOT NULL,
        done_until_time timestamptz NOT NULL,
        target_time timestamptz,
        after_key integer NOT NULL,
        PRIMARY KEY (insight, shard)
    )
    """,
    """
    CREATE TABLE usage.shipped_pattern (
        pattern_id text COLLATE "C" PRIMARY KEY,
        document_digest text COLLATE "C" NOT NULL,
        install_time timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE usage.care_contact (
        customer_id text COLLATE "C" NOT NULL,
        contact_time timestamptz NOT NULL,
        touch_point_id text COLLATE "C" NOT NULL,
        PRIMARY KEY (customer_id, contact_time, touch_point_id)
    )
    """,
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    op.execute("DROP TABLE usage.roaming_presence, usage.insight_round, usage.shipped_pattern, usage.care_contact")
