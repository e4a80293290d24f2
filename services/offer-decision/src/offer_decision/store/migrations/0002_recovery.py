"""What makes up for faults."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CREATE = (
    "ALTER TABLE offer.campaign ADD COLUMN recovery jsonb",
    """
    CREATE TABLE offer.recovery (
        shard smallint NOT NULL,
        decision_id text COLLATE "C" NOT NULL,
        customer text NOT NULL,
        service text NOT NULL,
        fault_time timestamptz NOT NULL,
        credit_micros bigint CHECK (credit_micros > 0),
        credit_currency text,
        subscription text NOT NULL,
        voucher text NOT NULL,
        credit_state text,
        refusal text NOT NULL,
        decide_time timestamptz NOT NULL,
        PRIMARY KEY (shard, decision_id),
        CHECK ((credit_micros IS NULL) = (credit_currency IS NULL)),
        CHECK ((credit_micros IS NULL) = (credit_state IS NULL))
    )
    """,
    "CREATE INDEX recovery_by_customer ON offer.recovery (shard, customer, service, fault_time)",
    "CREATE INDEX recovery_pending ON offer.recovery (decide_time, decision_id) WHERE credit_state = 'PENDING'",
)


def upgrade() -> None:
    """Campaigns get a recovery, and decisions what they made up for."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Remove both."""
    op.drop_table("recovery", schema="offer")
    op.drop_column("campaign", "recovery", schema="offer")
