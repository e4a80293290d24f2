"""Terms of settlement, value networks, income, statements, contests, the audit log and evidence."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CREATE: tuple[str, ...] = (
    """
    ALTER TABLE sla.agreement
        ADD COLUMN link_terms jsonb,
        ADD COLUMN revenue_terms jsonb,
        ADD COLUMN evidence_detail text NOT NULL DEFAULT 'PSEUDONYMOUS'
    """,
    "ALTER TABLE sla.contribution ADD COLUMN patterns jsonb NOT NULL DEFAULT '[]'",
    """
    ALTER TABLE sla.attainment
        ADD COLUMN sessions bigint NOT NULL DEFAULT 0,
        ADD COLUMN hits bigint NOT NULL DEFAULT 0
    """,
    "CREATE INDEX attainment_by_start ON sla.attainment (window_start)",
    """
    CREATE TABLE sla.window_pattern (
        agreement text COLLATE "C" NOT NULL,
        window_start timestamptz NOT NULL,
        pattern text COLLATE "C" NOT NULL,
        visits bigint NOT NULL,
        PRIMARY KEY (agreement, window_start, pattern)
    )
    """,
    "COMMENT ON TABLE sla.window_pattern IS 'bad visits of a window, by what would have made them good'",
    """
    CREATE TABLE sla.value_network (
        name text COLLATE "C" PRIMARY KEY,
        service text COLLATE "C" NOT NULL,
        policy text NOT NULL,
        budgets jsonb NOT NULL,
        beside jsonb NOT NULL,
        effective_time timestamptz NOT NULL,
        create_time timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE sla.income (
        source text COLLATE "C" NOT NULL,
        income_id text COLLATE "C" NOT NULL,
        service text COLLATE "C" NOT NULL,
        shard smallint,
        trace_id bytea,
        start_time timestamptz NOT NULL,
        end_time timestamptz NOT NULL,
        amount bigint NOT NULL,
        currency text NOT NULL,
        participants text[],
        create_time timestamptz NOT NULL,
        PRIMARY KEY (source, income_id),
        CHECK ((trace_id IS NULL) = (shard IS NULL))
    )
    """,
    "COMMENT ON COLUMN sla.income.amount IS 'in whole smallest units of the currency'",
    "COMMENT ON COLUMN sla.income.participants IS 'agreements with a hand in it; null until that is known'",
    "CREATE INDEX income_by_time ON sla.income (start_time, service)",
    "CREATE INDEX income_unplaced ON sla.income (start_time) WHERE trace_id IS NOT NULL AND participants IS NULL",
    """
    CREATE TABLE sla.statement (
        name text COLLATE "C" PRIMARY KEY,
        partner text COLLATE "C" NOT NULL REFERENCES sla.partner (name),
        period_start timestamptz NOT NULL,
        period_end timestamptz NOT NULL,
        sequence integer NOT NULL,
        corrects text COLLATE "C" REFERENCES sla.statement (name),
        summary jsonb NOT NULL,
        issue_time timestamptz NOT NULL,
        claim_end_time timestamptz NOT NULL,
        UNIQUE (partner, period_start, sequence)
    )
    """,
    """
    CREATE TABLE sla.statement_line (
        statement text COLLATE "C" NOT NULL REFERENCES sla.statement (name),
        number integer NOT NULL,
        kind text NOT NULL,
        key text COLLATE "C" NOT NULL,
        agreement text COLLATE "C" NOT NULL,
        breach text COLLATE "C" NOT NULL,
        description text NOT NULL,
        amount bigint NOT NULL,
        currency text NOT NULL,
        PRIMARY KEY (statement, number)
    )
    """,
    """
    CREATE TABLE sla.contest (
        name text COLLATE "C" PRIMARY KEY,
        partner text COLLATE "C" NOT NULL,
        statement text COLLATE "C" NOT NULL,
        line integer NOT NULL,
        reason text NOT NULL,
        explanation text NOT NULL,
        evidence text[] NOT NULL,
        state text NOT NULL,
        answer text NOT NULL DEFAULT '',
        resolution text NOT NULL DEFAULT '',
        adjustment bigint NOT NULL DEFAULT 0,
        currency text NOT NULL,
        settled_by text COLLATE "C" REFERENCES sla.statement (name),
        open_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL,
        FOREIGN KEY (statement, line) REFERENCES sla.statement_line (statement, number)
    )
    """,
    "CREATE INDEX contest_by_partner ON sla.contest (partner, name)",
    """
    CREATE UNIQUE INDEX contest_pending ON sla.contest (statement, line) WHERE state IN ('OPEN', 'ANSWERED')
    """,
    """
    CREATE TABLE sla.audit_entry (
        partner text COLLATE "C" NOT NULL,
        number bigint NOT NULL,
        subject text NOT NULL,
        action text NOT NULL,
        actor text NOT NULL,
        detail jsonb NOT NULL,
        entry_time timestamptz NOT NULL,
        previous_digest bytea NOT NULL,
        digest bytea NOT NULL,
        PRIMARY KEY (partner, number)
    )
    """,
    """
    CREATE TABLE sla.evidence (
        name text COLLATE "C" PRIMARY KEY,
        parties text[] NOT NULL,
        document bytea NOT NULL,
        sampled boolean NOT NULL,
        create_time timestamptz NOT NULL
    )
    """,
    "CREATE INDEX evidence_by_time ON sla.evidence USING brin (create_time)",
    """
    CREATE FUNCTION sla.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is never changed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$
    """,
    *(
        f"CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON sla.{table} "
        "FOR EACH ROW EXECUTE FUNCTION sla.refuse_change()"
        for table in ("statement", "statement_line", "audit_entry")
    ),
)
_DROP: tuple[str, ...] = (
    "DROP TABLE sla.evidence, sla.audit_entry, sla.contest, sla.statement_line, sla.statement, sla.income",
    "DROP FUNCTION sla.refuse_change()",
    "DROP TABLE sla.value_network, sla.window_pattern",
    "DROP INDEX sla.attainment_by_start",
    "ALTER TABLE sla.attainment DROP COLUMN sessions, DROP COLUMN hits",
    "ALTER TABLE sla.contribution DROP COLUMN patterns",
    """
    ALTER TABLE sla.agreement
        DROP COLUMN link_terms, DROP COLUMN revenue_terms, DROP COLUMN evidence_detail
    """,
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    for statement in _DROP:
        op.execute(statement)
