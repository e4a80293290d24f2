"""Records have prices of their own, of which tariffs may charge a percentage."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Nullable and without a default: nothing is rewritten, and a version that knows nothing of them goes on as it did.
_UPGRADE = "ALTER TABLE usage.usage_record ADD COLUMN value_micros bigint, ADD COLUMN value_currency text"
_DOWNGRADE = "ALTER TABLE usage.usage_record DROP COLUMN value_micros, DROP COLUMN value_currency"


def upgrade() -> None:
    """Make what is new."""
    op.execute(_UPGRADE)


def downgrade() -> None:
    """Remove it."""
    op.execute(_DOWNGRADE)
