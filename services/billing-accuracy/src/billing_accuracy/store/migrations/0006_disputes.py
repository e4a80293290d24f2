"""Disputes."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CREATE = (
    """
    CREATE TABLE billing.dispute (
        dispute_id text COLLATE "C" PRIMARY KEY,
        bill_check_id text COLLATE "C" NOT NULL,
        subscription text COLLATE "C" NOT NULL,
        customer text COLLATE "C" NOT NULL,
        state text NOT NULL,
        create_time timestamptz NOT NULL,
        resolve_time timestamptz,
        document jsonb NOT NULL
    )
    """,
    "COMMENT ON COLUMN billing.dispute.document IS 'personal data'",
    "CREATE INDEX dispute_by_bill ON billing.dispute (bill_check_id)",
    "CREATE INDEX dispute_by_subscription ON billing.dispute (subscription, create_time)",
    "CREATE INDEX dispute_by_customer ON billing.dispute (customer, create_time, dispute_id)",
    "CREATE INDEX dispute_by_state ON billing.dispute (state, create_time, dispute_id)",
    "CREATE INDEX dispute_by_time ON billing.dispute (create_time, dispute_id)",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    op.drop_table("dispute", schema="billing")
