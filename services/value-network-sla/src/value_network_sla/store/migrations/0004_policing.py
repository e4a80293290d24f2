"""Objectives, alerts and measurements."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CREATE: tuple[str, ...] = (
    """
    CREATE TABLE sla.objective (
        name text COLLATE "C" NOT NULL,
        revision integer NOT NULL CHECK (revision > 0),
        partner text COLLATE "C" NOT NULL REFERENCES sla.partner (name),
        source text COLLATE "C" NOT NULL,
        effective_time timestamptz NOT NULL,
        definition jsonb NOT NULL,
        PRIMARY KEY (name, revision)
    )
    """,
    "CREATE INDEX objective_by_partner ON sla.objective (partner, name)",
    """
    CREATE TABLE sla.objective_input (
        objective text COLLATE "C" NOT NULL,
        partner text COLLATE "C" NOT NULL,
        service text COLLATE "C" NOT NULL,
        resource text COLLATE "C" NOT NULL,
        metric text COLLATE "C" NOT NULL,
        PRIMARY KEY (partner, metric, service, resource, objective)
    )
    """,
    "COMMENT ON TABLE sla.objective_input IS 'which measurements tell of which objective, whatever its revision'",
    """
    CREATE TABLE sla.objective_exclusion (
        name text COLLATE "C" PRIMARY KEY,
        partner text COLLATE "C" NOT NULL REFERENCES sla.partner (name),
        objective text COLLATE "C" NOT NULL,
        definition jsonb NOT NULL,
        create_time timestamptz NOT NULL
    )
    """,
    "CREATE INDEX objective_exclusion_by_partner ON sla.objective_exclusion (partner, name)",
    """
    CREATE TABLE sla.objective_state (
        objective text COLLATE "C" PRIMARY KEY,
        judged_until timestamptz NOT NULL,
        due_time timestamptz NOT NULL
    )
    """,
    "CREATE INDEX objective_state_by_due_time ON sla.objective_state (due_time)",
    """
    CREATE TABLE sla.objective_mark (
        objective text COLLATE "C" NOT NULL,
        minute timestamptz NOT NULL
    )
    """,
    "COMMENT ON TABLE sla.objective_mark IS 'minutes that are to be counted anew; never updated, so nobody waits'",
    "CREATE INDEX objective_mark_by_minute ON sla.objective_mark (objective, minute)",
    """
    CREATE TABLE sla.objective_part (
        shard smallint NOT NULL,
        trace_id bytea NOT NULL,
        objective text COLLATE "C" NOT NULL,
        revision integer NOT NULL,
        slice timestamptz NOT NULL,
        minute timestamptz NOT NULL,
        customer text COLLATE "C" NOT NULL,
        start_ns bigint NOT NULL,
        events integer NOT NULL,
        good integer NOT NULL,
        PRIMARY KEY (shard, trace_id, objective, revision, minute)
    )
    """,
    "COMMENT ON TABLE sla.objective_part IS 'what each session put into objectives, so that it can be corrected'",
    "CREATE INDEX objective_part_by_minute ON sla.objective_part (objective, minute)",
    "CREATE INDEX objective_part_bad ON sla.objective_part (objective, minute) WHERE good < events",
    """
    CREATE TABLE sla.objective_minute (
        objective text COLLATE "C" NOT NULL,
        revision integer NOT NULL,
        slice timestamptz NOT NULL,
        minute timestamptz NOT NULL,
        events bigint NOT NULL,
        good bigint NOT NULL,
        PRIMARY KEY (objective, revision, slice, minute)
    )
    """,
    "COMMENT ON COLUMN sla.objective_minute.good IS 'in millionths of an event'",
    "CREATE INDEX objective_minute_by_minute ON sla.objective_minute (objective, minute)",
    """
    CREATE TABLE sla.objective_hour (
        objective text COLLATE "C" NOT NULL,
        revision integer NOT NULL,
        hour timestamptz NOT NULL,
        events bigint NOT NULL,
        good bigint NOT NULL,
        slices bigint NOT NULL,
        good_slices bigint NOT NULL,
        ratios bigint NOT NULL,
        PRIMARY KEY (objective, revision, hour)
    )
    """,
    "COMMENT ON TABLE sla.objective_hour IS 'the slices that begin in an hour, added up from objective_minute'",
    """
    CREATE TABLE sla.objective_violation (
        name text COLLATE "C" PRIMARY KEY,
        objective text COLLATE "C" NOT NULL,
        revision integer NOT NULL,
        partner text COLLATE "C" NOT NULL,
        rolling boolean NOT NULL,
        start_time timestamptz NOT NULL,
        end_time timestamptz NOT NULL,
        events bigint NOT NULL,
        good bigint NOT NULL,
        slices bigint NOT NULL,
        good_slices bigint NOT NULL,
        ratios bigint NOT NULL,
        detect_time timestamptz NOT NULL,
        kept_again_time timestamptz,
        withdraw_time timestamptz
    )
    """,
    "CREATE INDEX objective_violation_by_objective ON sla.objective_violation (objective, end_time)",
    "CREATE INDEX objective_violation_by_time ON sla.objective_violation (detect_time, name)",
    "CREATE INDEX objective_violation_by_partner ON sla.objective_violation (partner, detect_time, name)",
    """
    CREATE TABLE sla.burn_alert (
        name text COLLATE "C" PRIMARY KEY,
        objective text COLLATE "C" NOT NULL,
        partner text COLLATE "C" NOT NULL,
        state text COLLATE "C" NOT NULL,
        fire_time timestamptz,
        body jsonb NOT NULL
    )
    """,
    "CREATE INDEX burn_alert_open ON sla.burn_alert (objective) WHERE state <> 'RESOLVED'",
    "CREATE INDEX burn_alert_by_time ON sla.burn_alert (fire_time, name)",
    "CREATE INDEX burn_alert_by_partner ON sla.burn_alert (partner, fire_time, name)",
    """
    CREATE TABLE sla.burn_alert_change (
        position bigint PRIMARY KEY,
        body jsonb NOT NULL
    )
    """,
    "CREATE TABLE sla.burn_alert_head (only_one boolean PRIMARY KEY CHECK (only_one), position bigint NOT NULL)",
    "COMMENT ON TABLE sla.burn_alert_head IS 'who writes changes holds its row, so positions are in order of commit'",
    """
    CREATE TABLE sla.measurement (
        partner text COLLATE "C" NOT NULL REFERENCES sla.partner (name),
        source text COLLATE "C" NOT NULL,
        measurement_id text COLLATE "C" NOT NULL,
        digest bytea NOT NULL,
        measure_time timestamptz NOT NULL,
        PRIMARY KEY (partner, source, measurement_id)
    )
    """,
    "CREATE INDEX measurement_by_time ON sla.measurement USING brin (measure_time)",
    """
    CREATE TABLE sla.measurement_value (
        partner text COLLATE "C" NOT NULL,
        metric text COLLATE "C" NOT NULL,
        minute timestamptz NOT NULL,
        measure_time timestamptz NOT NULL,
        service text COLLATE "C" NOT NULL,
        resource text COLLATE "C" NOT NULL,
        customer text COLLATE "C" NOT NULL,
        source text COLLATE "C" NOT NULL,
        measurement_id text COLLATE "C" NOT NULL,
        value double precision NOT NULL,
        usable boolean NOT NULL
    )
    """,
    "CREATE INDEX measurement_value_by_minute ON sla.measurement_value (partner, metric, minute)",
    "CREATE INDEX measurement_value_by_resource ON sla.measurement_value (partner, metric, resource, minute)",
    "CREATE INDEX measurement_value_by_time ON sla.measurement_value USING brin (measure_time)",
)
_DROP: tuple[str, ...] = tuple(
    f"DROP TABLE sla.{table}"
    for table in (
        "measurement_value",
        "measurement",
        "burn_alert_head",
        "burn_alert_change",
        "burn_alert",
        "objective_violation",
        "objective_hour",
        "objective_minute",
        "objective_part",
        "objective_mark",
        "objective_state",
        "objective_exclusion",
        "objective_input",
        "objective",
    )
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    for statement in _DROP:
        op.execute(statement)
