"""What is usual, and who is suspected."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CREATE: tuple[str, ...] = (
    # Spans were rows of their own. They are kept for days alone, and nothing was released with them.
    "DROP TABLE sla.span",
    """
    CREATE TABLE sla.span_chunk (
        shard smallint NOT NULL,
        trace_id bytea NOT NULL,
        sender text COLLATE "C" NOT NULL,
        service text NOT NULL,
        instance text NOT NULL,
        span_count integer NOT NULL,
        spans bytea NOT NULL,
        receive_time timestamptz NOT NULL
    )
    """,
    "COMMENT ON COLUMN sla.span_chunk.spans IS 'see store/span_codec.py'",
    # The spans are compressed nowhere: they are read within seconds, and most are ids, which don't compress.
    "ALTER TABLE sla.span_chunk ALTER COLUMN spans SET STORAGE EXTERNAL",
    "CREATE INDEX span_chunk_by_trace ON sla.span_chunk (shard, trace_id)",
    "CREATE INDEX span_chunk_by_receive_time ON sla.span_chunk USING brin (receive_time)",
    """
    ALTER TABLE sla.session
        ADD COLUMN flags text[] NOT NULL DEFAULT '{}',
        ADD COLUMN fault jsonb,
        ADD COLUMN drop_spans_time timestamptz
    """,
    "CREATE INDEX session_without_evidence ON sla.session (drop_spans_time) WHERE drop_spans_time > '1970-01-01+00'",
    """
    CREATE TABLE sla.usual_call (
        service text COLLATE "C" NOT NULL,
        caller text COLLATE "C" NOT NULL,
        partner text COLLATE "C" NOT NULL,
        operation text COLLATE "C" NOT NULL,
        hour timestamptz NOT NULL,
        calls bigint NOT NULL,
        own_p95_ns bigint NOT NULL,
        late_ns bigint NOT NULL,
        gap_p50_ns bigint NOT NULL,
        gap_p75_ns bigint NOT NULL,
        failed_ppm integer NOT NULL,
        PRIMARY KEY (service, hour, caller, partner, operation)
    )
    """,
    "COMMENT ON TABLE sla.usual_call IS 'how each kind of call was in each hour; budgets are learned from it'",
    """
    CREATE TABLE sla.path_rule (
        service text COLLATE "C" PRIMARY KEY,
        rule text NOT NULL,
        update_time timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE sla.sender_token (
        name text COLLATE "C" PRIMARY KEY,
        partner text COLLATE "C" NOT NULL REFERENCES sla.partner (name),
        digest bytea NOT NULL UNIQUE,
        create_time timestamptz NOT NULL,
        expire_time timestamptz NOT NULL,
        revoke_time timestamptz
    )
    """,
    "CREATE INDEX sender_token_by_partner ON sla.sender_token (partner, name)",
)
_DROP: tuple[str, ...] = (
    "DROP TABLE sla.sender_token",
    "DROP TABLE sla.path_rule",
    "DROP TABLE sla.usual_call",
    "DROP INDEX sla.session_without_evidence",
    "ALTER TABLE sla.session DROP COLUMN drop_spans_time, DROP COLUMN fault, DROP COLUMN flags",
    "DROP TABLE sla.span_chunk",
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
    "CREATE INDEX span_by_receive_time ON sla.span USING brin (receive_time)",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    for statement in _DROP:
        op.execute(statement)
