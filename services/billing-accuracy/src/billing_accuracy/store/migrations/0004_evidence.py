"""Charges and tariffs between networks."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CREATE = (
    """
    CREATE TABLE billing.wholesale_charge (
        source text COLLATE "C" NOT NULL,
        record_id text COLLATE "C" NOT NULL,
        sequence integer NOT NULL,
        partner text COLLATE "C" NOT NULL,
        subscription text COLLATE "C" NOT NULL,
        event_time timestamptz NOT NULL,
        item text NOT NULL,
        amount numeric NOT NULL,
        currency text NOT NULL,
        digest bytea NOT NULL,
        PRIMARY KEY (source, record_id, sequence)
    )
    """,
    "CREATE INDEX wholesale_charge_by_partner ON billing.wholesale_charge (partner, event_time)",
    """
    CREATE TABLE billing.inter_operator_tariff (
        partner text COLLATE "C" PRIMARY KEY,
        document text NOT NULL,
        digest text NOT NULL,
        update_time timestamptz NOT NULL
    )
    """,
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them, with all that is in them."""
    for table in ("inter_operator_tariff", "wholesale_charge"):
        op.drop_table(table, schema="billing")
