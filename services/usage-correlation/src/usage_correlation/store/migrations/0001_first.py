"""Usage records, counters, spend policies, signals."""

from alembic import op

from mesh.store import create_mesh_tables, drop_mesh_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Texts that are keys compare byte by byte, whatever the database's language: faster, and pages are the same everywhere.
_CREATE = (
    """
    CREATE TABLE usage.subscription (
        subscription_key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        subscription_id text COLLATE "C" NOT NULL UNIQUE
    )
    """,
    """
    CREATE TABLE usage.source (
        source_key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        source text COLLATE "C" NOT NULL UNIQUE
    )
    """,
    """
    CREATE TABLE usage.charge (
        charge_key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        plan_id text COLLATE "C" NOT NULL,
        charge_code text COLLATE "C" NOT NULL,
        currency_code text COLLATE "C" NOT NULL,
        UNIQUE (plan_id, charge_code, currency_code)
    )
    """,
    """
    CREATE TABLE usage.usage_record_key (
        key_shard smallint NOT NULL,
        source_key integer NOT NULL,
        record_id text COLLATE "C" NOT NULL,
        content_digest bigint NOT NULL,
        PRIMARY KEY (key_shard, source_key, record_id)
    )
    """,
    """
    CREATE TABLE usage.usage_record (
        start_time timestamptz NOT NULL,
        arrive_time timestamptz NOT NULL,
        quantity bigint NOT NULL CHECK (quantity >= 0),
        subscription_key integer NOT NULL,
        source_key integer NOT NULL,
        shard smallint NOT NULL,
        usage_type text COLLATE "C" NOT NULL,
        record_id text COLLATE "C" NOT NULL,
        destination text COLLATE "C" NOT NULL,
        visited_network text COLLATE "C" NOT NULL,
        location_id text COLLATE "C" NOT NULL
    )
    """,
    "COMMENT ON COLUMN usage.usage_record.destination IS 'personal data'",
    "COMMENT ON COLUMN usage.usage_record.location_id IS 'personal data'",
    "CREATE INDEX usage_record_by_subscription ON usage.usage_record (shard, subscription_key, start_time)",
    # Counters are updated in place as long as their page has room for the new version of the row.
    """
    CREATE TABLE usage.bill_cycle (
        shard smallint NOT NULL,
        subscription_key integer NOT NULL,
        cycle_start_time timestamptz NOT NULL,
        currency_code text COLLATE "C" NOT NULL,
        cycle_end_time timestamptz NOT NULL,
        spent numeric NOT NULL,
        scale numeric NOT NULL CHECK (scale > 0),
        record_count bigint NOT NULL,
        latest_record_time timestamptz NOT NULL,
        percents_passed jsonb,
        PRIMARY KEY (shard, subscription_key, cycle_start_time, currency_code)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE usage.usage_counter (
        shard smallint NOT NULL,
        subscription_key integer NOT NULL,
        cycle_start_time timestamptz NOT NULL,
        charge_key integer NOT NULL,
        record_count bigint NOT NULL,
        quantity numeric NOT NULL,
        amount numeric NOT NULL,
        scale numeric NOT NULL CHECK (scale > 0),
        PRIMARY KEY (shard, subscription_key, cycle_start_time, charge_key)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE usage.spend_policy (
        policy_id text COLLATE "C" PRIMARY KEY,
        display_name text NOT NULL,
        limit_amount numeric(28, 9) NOT NULL CHECK (limit_amount > 0),
        currency_code text NOT NULL,
        threshold_percents smallint[] NOT NULL,
        plan_id text COLLATE "C",
        subscription_id text COLLATE "C",
        paused boolean NOT NULL,
        create_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL,
        CHECK (plan_id IS NULL OR subscription_id IS NULL)
    )
    """,
    "CREATE INDEX spend_policy_by_subscription ON usage.spend_policy (subscription_id)",
    """
    CREATE TABLE usage.signal (
        shard smallint NOT NULL,
        signal_id text COLLATE "C" NOT NULL,
        position bigint NOT NULL,
        kind text NOT NULL,
        subscription_id text COLLATE "C" NOT NULL,
        customer_id text COLLATE "C" NOT NULL,
        event_time timestamptz NOT NULL,
        arrive_time timestamptz NOT NULL,
        create_time timestamptz NOT NULL,
        evidence_records text[] NOT NULL,
        detail jsonb NOT NULL,
        PRIMARY KEY (shard, signal_id)
    )
    """,
    "CREATE INDEX signal_by_position ON usage.signal (position)",
    "CREATE INDEX signal_by_subscription ON usage.signal (shard, subscription_id, position)",
    "CREATE TABLE usage.signal_head (position bigint PRIMARY KEY)",
    "INSERT INTO usage.signal_head VALUES (0)",
    "CREATE TABLE usage.change_head (version bigint PRIMARY KEY, listed_after bigint NOT NULL)",
    "INSERT INTO usage.change_head VALUES (0, 0)",
    """
    CREATE TABLE usage.change (
        version bigint NOT NULL,
        kind text COLLATE "C" NOT NULL,
        changed_id text COLLATE "C" NOT NULL,
        change_time timestamptz NOT NULL,
        PRIMARY KEY (version, kind, changed_id)
    )
    """,
)
_TABLES = (
    "change",
    "change_head",
    "signal_head",
    "signal",
    "spend_policy",
    "usage_counter",
    "bill_cycle",
    "usage_record",
    "usage_record_key",
    "charge",
    "source",
    "subscription",
)


def upgrade() -> None:
    """Create all tables."""
    create_mesh_tables(op, "usage")  # type: ignore[arg-type]  # Alembic's proxy module stands in for Operations
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Drop all tables with what is in them."""
    for table in _TABLES:
        op.drop_table(table, schema="usage")
    drop_mesh_tables(op, "usage")  # type: ignore[arg-type]  # see above
