"""Quotes, expected bills and explanations."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_CREATE = (
    """
    CREATE TABLE billing.quote (
        source text COLLATE "C" NOT NULL,
        quote_id text COLLATE "C" NOT NULL,
        subscription text COLLATE "C" NOT NULL,
        promise_time timestamptz NOT NULL,
        plan text NOT NULL,
        currency text NOT NULL,
        items jsonb NOT NULL,
        digest bytea NOT NULL,
        PRIMARY KEY (source, quote_id)
    )
    """,
    "CREATE INDEX quote_by_subscription ON billing.quote (subscription, promise_time)",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    op.drop_table("quote", schema="billing")
