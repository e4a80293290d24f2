"""Customers, subscriptions with their plans, touch-points."""

from alembic import op

from mesh.store import create_mesh_tables, drop_mesh_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Ids compare byte by byte, whatever the database's language: pages by name are the same everywhere.
# Foreign keys join rows of one shard only: a subscription and its holder may live on different machines. Whoever adds
# a subscription locks the holder, and nothing is ever deleted.
_CREATE = (
    """
    CREATE TABLE profile.customer (
        shard smallint NOT NULL,
        customer_id text COLLATE "C" NOT NULL,
        display_name text NOT NULL,
        life_cycle_state text NOT NULL,
        contact_media jsonb NOT NULL,
        language_code text NOT NULL,
        time_zone text NOT NULL,
        region_code text NOT NULL,
        preferences jsonb,
        consents jsonb NOT NULL,
        source_references jsonb NOT NULL,
        create_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL,
        revision bigint NOT NULL,
        PRIMARY KEY (shard, customer_id)
    )
    """,
    "COMMENT ON COLUMN profile.customer.display_name IS 'personal data'",
    "COMMENT ON COLUMN profile.customer.contact_media IS 'personal data'",
    "COMMENT ON COLUMN profile.customer.source_references IS 'personal data'",
    "CREATE INDEX customer_by_name ON profile.customer (customer_id)",
    """
    CREATE TABLE profile.subscription (
        shard smallint NOT NULL,
        subscription_id text COLLATE "C" NOT NULL,
        customer_shard smallint NOT NULL,
        customer_id text COLLATE "C" NOT NULL,
        service_type text NOT NULL,
        line_identifier text NOT NULL,
        bill_cycle_day smallint NOT NULL CHECK (bill_cycle_day BETWEEN 1 AND 31),
        state text NOT NULL,
        activate_time timestamptz NOT NULL,
        end_time timestamptz,
        create_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL,
        revision bigint NOT NULL,
        PRIMARY KEY (shard, subscription_id)
    )
    """,
    "COMMENT ON COLUMN profile.subscription.line_identifier IS 'personal data'",
    "CREATE INDEX subscription_by_name ON profile.subscription (subscription_id)",
    "CREATE INDEX subscription_by_customer ON profile.subscription (customer_shard, customer_id, subscription_id)",
    """
    CREATE TABLE profile.plan_start (
        shard smallint NOT NULL,
        subscription_id text COLLATE "C" NOT NULL,
        start_time timestamptz NOT NULL,
        plan text NOT NULL,
        PRIMARY KEY (shard, subscription_id, start_time),
        FOREIGN KEY (shard, subscription_id) REFERENCES profile.subscription (shard, subscription_id)
    )
    """,
    """
    CREATE TABLE profile.touch_point (
        shard smallint NOT NULL,
        customer_id text COLLATE "C" NOT NULL,
        touch_point_id text COLLATE "C" NOT NULL,
        channel text NOT NULL,
        reason text NOT NULL,
        outcome text NOT NULL,
        start_time timestamptz NOT NULL,
        time_spent interval,
        first_contact_resolution boolean,
        valence text NOT NULL,
        PRIMARY KEY (shard, customer_id, touch_point_id),
        FOREIGN KEY (shard, customer_id) REFERENCES profile.customer (shard, customer_id)
    )
    """,
    "CREATE INDEX touch_point_by_time ON profile.touch_point (shard, customer_id, start_time, touch_point_id)",
)


def upgrade() -> None:
    """Create the mesh's tables and the profile's."""
    create_mesh_tables(op, "profile")  # type: ignore[arg-type]  # Alembic's proxy of Operations is a module
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them, with all that is in them."""
    for table in ("touch_point", "plan_start", "subscription", "customer"):
        op.drop_table(table, schema="profile")
    drop_mesh_tables(op, "profile")  # type: ignore[arg-type]  # see upgrade
