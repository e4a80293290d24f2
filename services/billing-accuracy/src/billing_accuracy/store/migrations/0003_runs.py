"""What bill runs report."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CREATE = (
    "ALTER TABLE billing.bill_check ADD COLUMN region text NOT NULL DEFAULT ''",
    "ALTER TABLE billing.finding ADD COLUMN cause text NOT NULL DEFAULT ''",
    """
    CREATE TABLE billing.run_progress (
        bill_run_id text COLLATE "C" NOT NULL,
        plan text COLLATE "C" NOT NULL,
        region text COLLATE "C" NOT NULL,
        bills bigint NOT NULL,
        lines bigint NOT NULL,
        records bigint NOT NULL,
        first_check_time timestamptz NOT NULL,
        last_check_time timestamptz NOT NULL,
        PRIMARY KEY (bill_run_id, plan, region)
    )
    """,
    # Amounts are sums of bigints: they may be larger than one.
    """
    CREATE TABLE billing.run_exposure (
        bill_run_id text COLLATE "C" NOT NULL,
        finding_class text COLLATE "C" NOT NULL,
        charge_code text COLLATE "C" NOT NULL,
        cause text COLLATE "C" NOT NULL,
        plan text COLLATE "C" NOT NULL,
        region text COLLATE "C" NOT NULL,
        bills bigint NOT NULL,
        findings bigint NOT NULL,
        overcharge_micros numeric NOT NULL,
        leakage_micros numeric NOT NULL,
        examples text[] NOT NULL,
        PRIMARY KEY (bill_run_id, finding_class, charge_code, cause, plan, region)
    )
    """,
    """
    CREATE TABLE billing.systematic_error (
        bill_run_id text COLLATE "C" NOT NULL,
        finding_class text COLLATE "C" NOT NULL,
        charge_code text COLLATE "C" NOT NULL,
        cause text COLLATE "C" NOT NULL,
        plan text COLLATE "C" NOT NULL,
        checked bigint NOT NULL,
        bills bigint NOT NULL,
        findings bigint NOT NULL,
        overcharge_micros numeric NOT NULL,
        leakage_micros numeric NOT NULL,
        examples text[] NOT NULL,
        find_time timestamptz NOT NULL,
        PRIMARY KEY (bill_run_id, finding_class, charge_code, cause, plan)
    )
    """,
    """
    CREATE TABLE billing.bill_stream (
        bill_run_id text COLLATE "C" NOT NULL,
        stream_id text COLLATE "C" NOT NULL,
        position bigint NOT NULL,
        update_time timestamptz NOT NULL,
        PRIMARY KEY (bill_run_id, stream_id)
    )
    """,
    """
    CREATE TABLE billing.rejected_bill (
        bill_run_id text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL,
        reason text NOT NULL,
        field text NOT NULL,
        description text NOT NULL,
        reject_time timestamptz NOT NULL,
        PRIMARY KEY (bill_run_id, name)
    )
    """,
    """
    CREATE TABLE billing.catalogue_change (
        only_one boolean PRIMARY KEY CHECK (only_one),
        count bigint NOT NULL
    )
    """,
    "INSERT INTO billing.catalogue_change VALUES (true, 0)",
    # What was checked before belongs to the reports, too.
    """
    INSERT INTO billing.run_progress
    SELECT bill_run_id, plan, region, count(*), sum(line_count), sum(record_count), min(check_time), max(check_time)
    FROM billing.bill_check
    GROUP BY bill_run_id, plan, region
    """,
    """
    INSERT INTO billing.run_exposure
    SELECT bill_run_id, finding_class, charge_code, cause, plan, region, count(DISTINCT bill_id), count(*),
        sum(greatest(difference, 0)), sum(greatest(-difference, 0)), (array_agg(DISTINCT bill_id))[1:5]
    FROM (
        SELECT bill_run_id, bill_id, finding_class, charge_code, cause, plan, region,
            CASE WHEN in_total THEN finding.billed_micros::numeric - finding.expected_micros + follow_on_micros
                         ELSE 0 END AS difference
        FROM billing.finding JOIN billing.bill_check USING (shard, bill_run_id, bill_id)
    ) AS found
    GROUP BY bill_run_id, finding_class, charge_code, cause, plan, region
    """,
)
_TABLES = ("catalogue_change", "rejected_bill", "bill_stream", "systematic_error", "run_exposure", "run_progress")


def upgrade() -> None:
    """Make the tables, and fill them with what was checked before."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them, with all that is in them."""
    for table in _TABLES:
        op.drop_table(table, schema="billing")
    op.drop_column("finding", "cause", schema="billing")
    op.drop_column("bill_check", "region", schema="billing")
