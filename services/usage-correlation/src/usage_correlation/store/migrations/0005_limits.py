"""Spending limits, consents and proofs of notice."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_CREATE: tuple[str, ...] = (
    """
    CREATE TABLE usage.limit_policy (
        policy_id text COLLATE "C" PRIMARY KEY,
        terms jsonb NOT NULL,
        revision bigint NOT NULL,
        create_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE usage.limit_policy_revision (
        policy_id text COLLATE "C" NOT NULL,
        revision bigint NOT NULL,
        terms jsonb NOT NULL,
        create_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL,
        PRIMARY KEY (policy_id, revision)
    )
    """,
    """
    CREATE TABLE usage.limit_choice (
        shard smallint NOT NULL,
        subscription_key integer NOT NULL,
        policy_id text COLLATE "C" NOT NULL,
        kind text NOT NULL,
        limit_nanos bigint NOT NULL,
        PRIMARY KEY (shard, subscription_key, policy_id)
    )
    """,
    # Updated in place as long as a page has room for the new version of a row, like bill cycles.
    """
    CREATE TABLE usage.limit_standing (
        shard smallint NOT NULL,
        subscription_key integer NOT NULL,
        policy_id text COLLATE "C" NOT NULL,
        period_start_time timestamptz NOT NULL,
        period_end_time timestamptz NOT NULL,
        state text NOT NULL,
        spent numeric NOT NULL,
        not_charged numeric NOT NULL,
        scale numeric NOT NULL CHECK (scale > 0),
        consents integer NOT NULL,
        consents_in_period integer NOT NULL,
        round integer NOT NULL,
        percent smallint NOT NULL,
        stop_time timestamptz,
        open_from_time timestamptz,
        consent_terms jsonb,
        PRIMARY KEY (shard, subscription_key, policy_id, period_start_time)
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX limit_standing_stopped ON usage.limit_standing (policy_id) WHERE state = 'STOPPED'",
    """
    CREATE TABLE usage.limit_event (
        shard smallint NOT NULL,
        subscription_key integer NOT NULL,
        sequence bigint GENERATED ALWAYS AS IDENTITY,
        kind text NOT NULL,
        policy_id text COLLATE "C" NOT NULL,
        period_start_time timestamptz,
        period_end_time timestamptz,
        event_time timestamptz NOT NULL,
        record_time timestamptz NOT NULL,
        facts jsonb NOT NULL,
        PRIMARY KEY (shard, subscription_key, sequence)
    )
    """,
    "COMMENT ON COLUMN usage.limit_event.facts IS 'personal data'",
    # What a regulator is shown was written when it happened.
    """
    CREATE FUNCTION usage.refuse_to_change_limit_events() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'limit events are added, never changed'; END $$
    """,
    """
    CREATE TRIGGER limit_event_is_kept BEFORE UPDATE ON usage.limit_event
    FOR EACH ROW EXECUTE FUNCTION usage.refuse_to_change_limit_events()
    """,
    """
    CREATE TABLE usage.limit_stop (
        shard smallint NOT NULL,
        subscription_key integer NOT NULL,
        policy_id text COLLATE "C" NOT NULL,
        period_start_time timestamptz NOT NULL,
        round integer NOT NULL,
        start_time timestamptz NOT NULL,
        effective_time timestamptz NOT NULL,
        end_time timestamptz NOT NULL,
        scope jsonb NOT NULL,
        PRIMARY KEY (shard, subscription_key, policy_id, period_start_time, round)
    )
    """,
    """
    CREATE TABLE usage.uncharged_usage (
        shard smallint NOT NULL,
        subscription_key integer NOT NULL,
        source_key integer NOT NULL,
        record_id text COLLATE "C" NOT NULL,
        charge_key integer NOT NULL,
        start_time timestamptz NOT NULL,
        amount numeric NOT NULL,
        scale numeric NOT NULL CHECK (scale > 0),
        policy_id text COLLATE "C" NOT NULL,
        decide_time timestamptz NOT NULL,
        PRIMARY KEY (shard, subscription_key, source_key, record_id, charge_key)
    )
    """,
    "CREATE INDEX uncharged_usage_by_start ON usage.uncharged_usage (shard, subscription_key, start_time)",
)
_TABLES = (
    "uncharged_usage",
    "limit_stop",
    "limit_event",
    "limit_standing",
    "limit_choice",
    "limit_policy_revision",
    "limit_policy",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    for table in _TABLES:
        op.drop_table(table, schema="usage")
    op.execute("DROP FUNCTION usage.refuse_to_change_limit_events()")
