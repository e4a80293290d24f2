"""Where partners are called."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Partners that are there declare none."""
    op.execute("ALTER TABLE sla.partner ADD COLUMN server_addresses jsonb NOT NULL DEFAULT '[]'")
    op.execute("COMMENT ON COLUMN sla.partner.server_addresses IS 'hosts, or hosts with ports, where it is called'")


def downgrade() -> None:
    """Forget them."""
    op.execute("ALTER TABLE sla.partner DROP COLUMN server_addresses")
