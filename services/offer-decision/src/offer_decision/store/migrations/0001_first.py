"""Plans, campaigns, decisions."""

from alembic import op

from mesh.store import create_mesh_tables, drop_mesh_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Ids compare byte by byte, whatever the database's language: pages by name are the same everywhere.
_CREATE = (
    """
    CREATE TABLE offer.plan (
        plan_id text COLLATE "C" PRIMARY KEY,
        display_name text NOT NULL,
        description text NOT NULL,
        state text NOT NULL,
        tariff_document text NOT NULL,
        tariff_digest text NOT NULL,
        currency text NOT NULL,
        create_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL,
        revision bigint NOT NULL
    )
    """,
    """
    CREATE TABLE offer.campaign (
        campaign_id text COLLATE "C" PRIMARY KEY,
        display_name text NOT NULL,
        state text NOT NULL,
        trigger text NOT NULL,
        purpose text NOT NULL,
        template text NOT NULL,
        priority integer NOT NULL,
        min_threshold_percent integer NOT NULL,
        recommend_plan boolean NOT NULL,
        min_saving_micros bigint,
        min_saving_currency text,
        max_messages integer NOT NULL,
        window_days integer NOT NULL,
        create_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL,
        CHECK ((min_saving_micros IS NULL) = (min_saving_currency IS NULL))
    )
    """,
    """
    CREATE TABLE offer.decision (
        shard smallint NOT NULL,
        decision_id text COLLATE "C" NOT NULL,
        customer text NOT NULL,
        subscription text NOT NULL,
        trigger_kind text NOT NULL,
        trigger_resource text NOT NULL,
        event_time timestamptz NOT NULL,
        verdict text NOT NULL,
        campaign_id text NOT NULL,
        message jsonb,
        recommendation jsonb,
        reasons jsonb NOT NULL,
        create_time timestamptz NOT NULL,
        outcome text,
        outcome_time timestamptz,
        PRIMARY KEY (shard, decision_id)
    )
    """,
    "CREATE INDEX decision_by_time ON offer.decision (create_time, decision_id)",
    "CREATE INDEX decision_by_customer ON offer.decision (shard, customer, create_time, decision_id)",
    "CREATE INDEX decision_by_campaign ON offer.decision (campaign_id, create_time, decision_id)",
)


def upgrade() -> None:
    """Create the mesh's tables and those of offers."""
    create_mesh_tables(op, "offer")  # type: ignore[arg-type]  # Alembic's proxy of Operations is a module
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them, with all that is in them."""
    for table in ("decision", "campaign", "plan"):
        op.drop_table(table, schema="offer")
    drop_mesh_tables(op, "offer")  # type: ignore[arg-type]  # see upgrade
