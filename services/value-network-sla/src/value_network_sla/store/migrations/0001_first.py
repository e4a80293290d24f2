"""Partners, agreements, spans, sessions, windows, breaches."""

from alembic import op

from mesh.store import create_mesh_tables, drop_mesh_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Names compare byte by byte, whatever the database's language: pages by name are the same everywhere.
_CREATE = (
    """
    CREATE TABLE sla.partner (
        name text COLLATE "C" PRIMARY KEY,
        display_name text NOT NULL,
        role text NOT NULL,
        create_time timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE sla.agreement (
        name text COLLATE "C" PRIMARY KEY,
        partner text COLLATE "C" NOT NULL REFERENCES sla.partner (name),
        service text NOT NULL,
        operation text NOT NULL,
        latency_budget_ns bigint NOT NULL CHECK (latency_budget_ns > 0),
        objective_ppm integer NOT NULL CHECK (objective_ppm BETWEEN 1 AND 1000000),
        window_seconds integer NOT NULL CHECK (window_seconds > 0),
        min_visits integer NOT NULL CHECK (min_visits >= 0),
        penalty_micros bigint CHECK (penalty_micros >= 0),
        penalty_currency text,
        effective_time timestamptz NOT NULL,
        create_time timestamptz NOT NULL,
        CHECK ((penalty_micros IS NULL) = (penalty_currency IS NULL))
    )
    """,
    "CREATE INDEX agreement_by_partner ON sla.agreement (partner, name)",
    """
    CREATE TABLE sla.span (
        shard smallint NOT NULL,
        trace_id bytea NOT NULL,
        span_id bytea NOT NULL,
        parent_id bytea NOT NULL,
        sender text NOT NULL,
        service text NOT NULL,
        operation text NOT NULL,
        kind text NOT NULL,
        start_ns bigint NOT NULL,
        end_ns bigint NOT NULL,
        error boolean NOT NULL,
        status_message text NOT NULL,
        session_service text NOT NULL,
        customer text NOT NULL,
        sender_mismatch boolean NOT NULL,
        receive_time timestamptz NOT NULL,
        PRIMARY KEY (shard, trace_id, span_id)
    )
    """,
    # Spans come in by time, so a summary of each stretch of the table finds the old ones and costs next to nothing.
    "CREATE INDEX span_by_receive_time ON sla.span USING brin (receive_time)",
    """
    CREATE TABLE sla.open_trace (
        shard smallint NOT NULL,
        trace_id bytea NOT NULL,
        open_time timestamptz NOT NULL,
        last_span_time timestamptz NOT NULL,
        PRIMARY KEY (shard, trace_id)
    )
    """,
    "CREATE INDEX open_trace_by_last_span_time ON sla.open_trace (last_span_time)",
    "CREATE INDEX open_trace_by_open_time ON sla.open_trace (open_time)",
    """
    CREATE TABLE sla.session (
        shard smallint NOT NULL,
        trace_id bytea NOT NULL,
        root_span_id bytea NOT NULL,
        service text NOT NULL,
        customer text NOT NULL,
        start_ns bigint NOT NULL,
        duration_ns bigint NOT NULL,
        lateness_ns bigint NOT NULL,
        partial boolean NOT NULL,
        error boolean NOT NULL,
        visits jsonb NOT NULL,
        shares jsonb NOT NULL,
        share_error_ns bigint NOT NULL,
        first_close_time timestamptz NOT NULL,
        close_time timestamptz NOT NULL,
        PRIMARY KEY (shard, trace_id)
    )
    """,
    "CREATE INDEX session_by_start ON sla.session (start_ns, trace_id)",
    "CREATE INDEX session_late_by_start ON sla.session (start_ns, trace_id) WHERE lateness_ns > 0",
    "CREATE INDEX session_by_service ON sla.session (service, start_ns, trace_id)",
    """
    CREATE TABLE sla.contribution (
        shard smallint NOT NULL,
        trace_id bytea NOT NULL,
        agreement text COLLATE "C" NOT NULL,
        window_start timestamptz NOT NULL,
        root_span_id bytea NOT NULL,
        customer text COLLATE "C" NOT NULL,
        start_ns bigint NOT NULL,
        visits integer NOT NULL,
        good integer NOT NULL,
        hit boolean NOT NULL,
        lateness jsonb NOT NULL,
        PRIMARY KEY (shard, trace_id, agreement, window_start)
    )
    """,
    "COMMENT ON TABLE sla.contribution IS 'what each session put into the windows, so that it can be corrected'",
    """
    CREATE INDEX contribution_evidence ON sla.contribution (agreement, window_start, hit, start_ns)
    WHERE good < visits
    """,
    "CREATE INDEX contribution_by_start ON sla.contribution USING brin (start_ns)",
    """
    CREATE TABLE sla.attainment (
        agreement text COLLATE "C" NOT NULL,
        window_start timestamptz NOT NULL,
        visits bigint NOT NULL,
        good bigint NOT NULL,
        settled boolean NOT NULL,
        PRIMARY KEY (agreement, window_start)
    )
    """,
    "CREATE INDEX attainment_open ON sla.attainment (agreement, window_start) WHERE NOT settled",
    """
    CREATE TABLE sla.window_lateness (
        agreement text COLLATE "C" NOT NULL,
        window_start timestamptz NOT NULL,
        party_kind text COLLATE "C" NOT NULL,
        partner text COLLATE "C" NOT NULL,
        lateness_ns bigint NOT NULL,
        PRIMARY KEY (agreement, window_start, party_kind, partner)
    )
    """,
    """
    CREATE TABLE sla.breach (
        agreement text COLLATE "C" NOT NULL,
        window_start timestamptz NOT NULL,
        name text COLLATE "C" NOT NULL UNIQUE,
        partner text COLLATE "C" NOT NULL,
        visits bigint NOT NULL,
        good bigint NOT NULL,
        detect_time timestamptz NOT NULL,
        withdraw_time timestamptz,
        PRIMARY KEY (agreement, window_start)
    )
    """,
    "CREATE INDEX breach_by_time ON sla.breach (detect_time, name)",
    "CREATE INDEX breach_by_partner ON sla.breach (partner, detect_time, name)",
    """
    CREATE TABLE sla.breach_customer (
        agreement text COLLATE "C" NOT NULL,
        window_start timestamptz NOT NULL,
        customer text COLLATE "C" NOT NULL,
        start_ns bigint NOT NULL,
        PRIMARY KEY (agreement, window_start, customer)
    )
    """,
    "CREATE INDEX breach_customer_by_customer ON sla.breach_customer (customer)",
)
_TABLES = (
    "breach_customer",
    "breach",
    "window_lateness",
    "attainment",
    "contribution",
    "session",
    "open_trace",
    "span",
    "agreement",
    "partner",
)


def upgrade() -> None:
    """Create the mesh's tables and the value network's."""
    create_mesh_tables(op, "sla")  # type: ignore[arg-type]  # Alembic's proxy of Operations is a module
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them, with all that is in them."""
    for table in _TABLES:
        op.drop_table(table, schema="sla")
    drop_mesh_tables(op, "sla")  # type: ignore[arg-type]  # see upgrade
