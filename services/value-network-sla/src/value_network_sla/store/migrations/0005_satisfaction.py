"""Experience and satisfaction."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_CREATE: tuple[str, ...] = (
    """
    CREATE TABLE sla.experience (
        source text COLLATE "C" NOT NULL,
        experience_id text COLLATE "C" NOT NULL,
        customer text COLLATE "C" NOT NULL,
        service text NOT NULL,
        shard smallint,
        trace_id bytea,
        start_time timestamptz NOT NULL,
        score numeric(9, 6) NOT NULL CHECK (score BETWEEN 0 AND 100),
        digest bytea NOT NULL,
        PRIMARY KEY (source, experience_id),
        CHECK ((shard IS NULL) = (trace_id IS NULL))
    )
    """,
    "COMMENT ON TABLE sla.experience IS 'what customers experienced, on a scale from 0 to 100; names only, no person'",
    "CREATE INDEX experience_by_service ON sla.experience (service, start_time)",
    "CREATE INDEX experience_by_customer ON sla.experience (customer, start_time)",
    "CREATE INDEX experience_by_start ON sla.experience USING brin (start_time)",
    """
    CREATE TABLE sla.survey_answer (
        source text COLLATE "C" NOT NULL,
        answer_id text COLLATE "C" NOT NULL,
        customer text COLLATE "C" NOT NULL,
        service text NOT NULL,
        scale text NOT NULL,
        answer smallint NOT NULL,
        score numeric(9, 6) NOT NULL CHECK (score BETWEEN 0 AND 100),
        answer_time timestamptz NOT NULL,
        trace_id bytea,
        digest bytea NOT NULL,
        PRIMARY KEY (source, answer_id)
    )
    """,
    "CREATE INDEX survey_answer_by_time ON sla.survey_answer (answer_time)",
    "CREATE INDEX survey_answer_by_customer ON sla.survey_answer (customer, answer_time)",
    """
    CREATE TABLE sla.contact (
        name text COLLATE "C" PRIMARY KEY,
        customer text COLLATE "C" NOT NULL,
        start_time timestamptz NOT NULL
    )
    """,
    "COMMENT ON TABLE sla.contact IS 'negative touch-points, as the profile tells of them'",
    "CREATE INDEX contact_by_time ON sla.contact (start_time)",
    "CREATE INDEX contact_by_customer ON sla.contact (customer, start_time)",
    """
    CREATE TABLE sla.satisfaction (
        service text COLLATE "C" NOT NULL,
        end_time timestamptz NOT NULL,
        partners text[] NOT NULL,
        body jsonb NOT NULL,
        PRIMARY KEY (service, end_time)
    )
    """,
    "CREATE INDEX satisfaction_by_time ON sla.satisfaction (end_time, service)",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    for table in ("satisfaction", "contact", "survey_answer", "experience"):
        op.drop_table(table, schema="sla")
