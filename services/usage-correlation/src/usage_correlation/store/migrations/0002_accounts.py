"""Accounts of allowances and tiers, what re-rating booked, and what usage was rated with."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CREATE: tuple[str, ...] = (
    """
    ALTER TABLE usage.subscription
        ADD COLUMN customer_id text COLLATE "C",
        ADD COLUMN bill_cycle_day smallint,
        ADD COLUMN time_zone text,
        ADD COLUMN activate_time timestamptz,
        ADD COLUMN plan_periods json,
        ADD COLUMN learn_time timestamptz
    """,
    "ALTER TABLE usage.bill_cycle DROP COLUMN record_count",
    """
    CREATE TABLE usage.account (
        shard smallint NOT NULL,
        subscription_key integer NOT NULL,
        cycle_start_time timestamptz NOT NULL,
        cycle_end_time timestamptz NOT NULL,
        rated_until_time timestamptz NOT NULL,
        group_key integer,
        stints json NOT NULL,
        passed json,
        PRIMARY KEY (shard, subscription_key, cycle_start_time)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE usage.account_group (
        group_key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        group_name text COLLATE "C" NOT NULL UNIQUE
    )
    """,
    """
    CREATE TABLE usage.group_account (
        group_key integer NOT NULL,
        cycle_start_time timestamptz NOT NULL,
        cycle_end_time timestamptz NOT NULL,
        rated_until_time timestamptz NOT NULL,
        buckets json NOT NULL,
        passed json,
        PRIMARY KEY (group_key, cycle_start_time)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE usage.booking (
        booking_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        book_time timestamptz NOT NULL,
        cycle_start_time timestamptz NOT NULL,
        record_count bigint NOT NULL,
        subscription_key integer NOT NULL,
        charge_key integer NOT NULL,
        shard smallint NOT NULL,
        kind text NOT NULL,
        reason text NOT NULL,
        quantity numeric NOT NULL,
        amount numeric NOT NULL,
        scale numeric NOT NULL CHECK (scale > 0)
    )
    """,
    "CREATE INDEX booking_by_cycle ON usage.booking (shard, subscription_key, cycle_start_time)",
    """
    CREATE TABLE usage.rerating (
        shard smallint NOT NULL,
        subscription_key integer NOT NULL,
        from_time timestamptz NOT NULL,
        reason text NOT NULL,
        after_transaction bigint,
        due_time timestamptz NOT NULL,
        PRIMARY KEY (shard, subscription_key)
    )
    """,
    "ALTER TABLE usage.spend_policy ADD COLUMN threshold_amounts numeric(28, 9)[] NOT NULL DEFAULT '{}'",
    """
    CREATE TABLE usage.allowance_policy (
        policy_id text COLLATE "C" PRIMARY KEY,
        display_name text NOT NULL,
        allowance_id text COLLATE "C",
        threshold_percents smallint[] NOT NULL,
        threshold_quantities bigint[] NOT NULL,
        plan_id text COLLATE "C",
        subscription_id text COLLATE "C",
        paused boolean NOT NULL,
        create_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL,
        CHECK (plan_id IS NULL OR subscription_id IS NULL)
    )
    """,
    "CREATE INDEX allowance_policy_by_subscription ON usage.allowance_policy (subscription_id)",
    """
    CREATE TABLE usage.rated_plan (
        plan_id text COLLATE "C" PRIMARY KEY,
        tariff_digest text NOT NULL,
        tariff_document text NOT NULL,
        changed boolean NOT NULL DEFAULT false
    )
    """,
)
_TABLES = ("rated_plan", "allowance_policy", "rerating", "booking", "group_account", "account_group", "account")
_COLUMNS = ("customer_id", "bill_cycle_day", "time_zone", "activate_time", "plan_periods", "learn_time")


def upgrade() -> None:
    """Make the tables."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    for table in _TABLES:
        op.drop_table(table, schema="usage")
    op.execute("ALTER TABLE usage.bill_cycle ADD COLUMN record_count bigint NOT NULL DEFAULT 0")
    op.drop_column("spend_policy", "threshold_amounts", schema="usage")
    for column in _COLUMNS:
        op.drop_column("subscription", column, schema="usage")
