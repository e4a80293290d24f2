"""What set off the decision behind a message, so that whoever raised it hears what became of the message."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; replicas that don't know it leave it empty."""
    op.execute("ALTER TABLE notification.message ADD COLUMN trigger_resource text NOT NULL DEFAULT ''")


def downgrade() -> None:
    """Take it away."""
    op.execute("ALTER TABLE notification.message DROP COLUMN trigger_resource")
