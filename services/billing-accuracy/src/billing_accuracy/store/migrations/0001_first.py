"""Bill runs, bill checks, findings."""

from alembic import op

from mesh.store import create_mesh_tables, drop_mesh_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Ids compare byte by byte, whatever the database's language: pages by name are the same everywhere.
_CREATE = (
    """
    CREATE TABLE billing.bill_run (
        bill_run_id text COLLATE "C" PRIMARY KEY,
        display_name text NOT NULL,
        currency text NOT NULL,
        create_time timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE billing.bill_check (
        shard smallint NOT NULL,
        bill_run_id text COLLATE "C" NOT NULL,
        bill_id text COLLATE "C" NOT NULL,
        digest bytea NOT NULL,
        subscription text NOT NULL,
        customer text NOT NULL,
        plan text NOT NULL,
        period_start timestamptz NOT NULL,
        period_end timestamptz NOT NULL,
        currency text NOT NULL,
        billed_micros bigint NOT NULL,
        expected_micros bigint NOT NULL,
        verdict text NOT NULL,
        hold_state text NOT NULL,
        correction jsonb NOT NULL,
        line_count integer NOT NULL,
        record_count bigint NOT NULL,
        check_time timestamptz NOT NULL,
        release_kind text,
        released_by text,
        release_agent text,
        release_reason text,
        release_time timestamptz,
        PRIMARY KEY (shard, bill_run_id, bill_id)
    )
    """,
    "CREATE INDEX bill_check_by_name ON billing.bill_check (bill_run_id, bill_id)",
    "CREATE INDEX bill_check_by_customer ON billing.bill_check (customer, bill_run_id, bill_id)",
    "CREATE INDEX bill_check_by_hold_state ON billing.bill_check (hold_state, bill_run_id, bill_id)",
    """
    CREATE TABLE billing.finding (
        shard smallint NOT NULL,
        bill_run_id text COLLATE "C" NOT NULL,
        bill_id text COLLATE "C" NOT NULL,
        position integer NOT NULL,
        finding_class text NOT NULL,
        charge_code text NOT NULL,
        billed_micros bigint NOT NULL,
        expected_micros bigint NOT NULL,
        explanation text NOT NULL,
        line_ids jsonb NOT NULL,
        derivation jsonb NOT NULL,
        PRIMARY KEY (shard, bill_run_id, bill_id, position),
        FOREIGN KEY (shard, bill_run_id, bill_id) REFERENCES billing.bill_check (shard, bill_run_id, bill_id)
    )
    """,
    "CREATE INDEX finding_by_run ON billing.finding (bill_run_id, finding_class)",
)


def upgrade() -> None:
    """Create the mesh's tables and those of billing."""
    create_mesh_tables(op, "billing")  # type: ignore[arg-type]  # Alembic's proxy of Operations is a module
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them, with all that is in them."""
    for table in ("finding", "bill_check", "bill_run"):
        op.drop_table(table, schema="billing")
    drop_mesh_tables(op, "billing")  # type: ignore[arg-type]  # see upgrade
