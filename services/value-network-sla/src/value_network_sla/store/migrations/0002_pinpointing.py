"""What is usual, and who is suspected."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CREATE: tuple[str, ...] = ()


def upgrade() -> None:
    """Make the tables."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
