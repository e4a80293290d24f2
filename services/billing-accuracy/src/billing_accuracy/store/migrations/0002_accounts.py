"""Account entries, and what bills state beside their lines."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CREATE = (
    "ALTER TABLE billing.bill_check ADD COLUMN amount_due_micros bigint",
    "CREATE INDEX bill_check_by_subscription ON billing.bill_check (subscription, period_end)",
    """
    ALTER TABLE billing.finding
        ADD COLUMN follow_on_micros bigint NOT NULL DEFAULT 0,
        ADD COLUMN in_total boolean NOT NULL DEFAULT true,
        ADD COLUMN evidence jsonb NOT NULL DEFAULT '[]'
    """,
    """
    CREATE TABLE billing.account_entry (
        shard smallint NOT NULL,
        subscription text COLLATE "C" NOT NULL,
        effective_time timestamptz NOT NULL,
        source text COLLATE "C" NOT NULL,
        entry_id text COLLATE "C" NOT NULL,
        kind text NOT NULL,
        charge_code text NOT NULL,
        amount_micros bigint,
        currency text NOT NULL,
        tax_exempt boolean NOT NULL,
        reason text NOT NULL,
        reference text NOT NULL,
        digest bytea NOT NULL,
        PRIMARY KEY (source, entry_id)
    )
    """,
    """
    CREATE INDEX account_entry_by_subscription
        ON billing.account_entry (shard, subscription, effective_time, source, entry_id)
    """,
)


def upgrade() -> None:
    """Add them."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them, with all that is in them."""
    op.drop_table("account_entry", schema="billing")
    for column in ("follow_on_micros", "in_total", "evidence"):
        op.drop_column("finding", column, schema="billing")
    op.drop_index("bill_check_by_subscription", table_name="bill_check", schema="billing")
    op.drop_column("bill_check", "amount_due_micros", schema="billing")
