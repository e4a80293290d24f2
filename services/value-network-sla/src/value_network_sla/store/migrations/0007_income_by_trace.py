"""The income of a trace is found by it."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """For traces that are no sessions after all, whose income nobody had a hand in."""
    op.execute("CREATE INDEX income_by_trace ON sla.income (shard, trace_id) WHERE trace_id IS NOT NULL")


def downgrade() -> None:
    """Look through all of it."""
    op.execute("DROP INDEX sla.income_by_trace")
