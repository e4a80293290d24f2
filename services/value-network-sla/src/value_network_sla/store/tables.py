"""In which tables does the value network live?"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from mesh.store import mesh_tables

SCHEMA: Final = "sla"

metadata = MetaData(schema=SCHEMA)
MESH = mesh_tables(metadata)

_TIME = DateTime(timezone=True)

PARTNER = Table(
    "partner",
    metadata,
    Column("name", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("server_addresses", JSONB, nullable=False),
)

AGREEMENT = Table(
    "agreement",
    metadata,
    Column("name", Text, primary_key=True),
    Column("partner", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("latency_budget_ns", BigInteger, nullable=False),
    Column("objective_ppm", Integer, nullable=False),
    Column("window_seconds", Integer, nullable=False),
    Column("min_visits", Integer, nullable=False),
    Column("penalty_micros", BigInteger),
    Column("penalty_currency", Text),
    Column("effective_time", _TIME, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("link_terms", JSONB),
    Column("revenue_terms", JSONB),
    Column("evidence_detail", Text, nullable=False),
)

SPAN_CHUNK = Table(
    "span_chunk",
    metadata,
    Column("shard", SmallInteger, nullable=False),
    Column("trace_id", LargeBinary, nullable=False),
    Column("sender", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("instance", Text, nullable=False),
    Column("span_count", Integer, nullable=False),
    Column("spans", LargeBinary, nullable=False),
    Column("receive_time", _TIME, nullable=False),
)

OPEN_TRACE = Table(
    "open_trace",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("trace_id", LargeBinary, primary_key=True),
    Column("open_time", _TIME, nullable=False),
    Column("last_span_time", _TIME, nullable=False),
)

SESSION = Table(
    "session",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("trace_id", LargeBinary, primary_key=True),
    Column("root_span_id", LargeBinary, nullable=False),
    Column("service", Text, nullable=False),
    Column("customer", Text, nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("duration_ns", BigInteger, nullable=False),
    Column("lateness_ns", BigInteger, nullable=False),
    Column("partial", Boolean, nullable=False),
    Column("error", Boolean, nullable=False),
    # Read with the session as a whole; nothing is looked up in them.
    Column("visits", JSONB, nullable=False),
    Column("shares", JSONB, nullable=False),
    Column("share_error_ns", BigInteger, nullable=False),
    Column("flags", ARRAY(Text), nullable=False),
    Column("fault", JSONB),
    Column("first_close_time", _TIME, nullable=False),
    Column("close_time", _TIME, nullable=False),
    Column("drop_spans_time", _TIME),
)

CONTRIBUTION = Table(
    "contribution",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("trace_id", LargeBinary, primary_key=True),
    Column("agreement", Text, primary_key=True),
    Column("window_start", _TIME, primary_key=True),
    Column("root_span_id", LargeBinary, nullable=False),
    Column("customer", Text, nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("visits", Integer, nullable=False),
    Column("good", Integer, nullable=False),
    Column("hit", Boolean, nullable=False),
    Column("lateness", JSONB, nullable=False),
    Column("patterns", JSONB, nullable=False),
)

ATTAINMENT = Table(
    "attainment",
    metadata,
    Column("agreement", Text, primary_key=True),
    Column("window_start", _TIME, primary_key=True),
    Column("visits", BigInteger, nullable=False),
    Column("good", BigInteger, nullable=False),
    Column("sessions", BigInteger, nullable=False),
    Column("hits", BigInteger, nullable=False),
    Column("settled", Boolean, nullable=False),
)

WINDOW_LATENESS = Table(
    "window_lateness",
    metadata,
    Column("agreement", Text, primary_key=True),
    Column("window_start", _TIME, primary_key=True),
    Column("party_kind", Text, primary_key=True),
    Column("partner", Text, primary_key=True),
    Column("lateness_ns", BigInteger, nullable=False),
)

BREACH = Table(
    "breach",
    metadata,
    Column("agreement", Text, primary_key=True),
    Column("window_start", _TIME, primary_key=True),
    Column("name", Text, nullable=False),
    Column("partner", Text, nullable=False),
    Column("visits", BigInteger, nullable=False),
    Column("good", BigInteger, nullable=False),
    Column("detect_time", _TIME, nullable=False),
    Column("withdraw_time", _TIME),
)

BREACH_CUSTOMER = Table(
    "breach_customer",
    metadata,
    Column("agreement", Text, primary_key=True),
    Column("window_start", _TIME, primary_key=True),
    Column("customer", Text, primary_key=True),
    Column("start_ns", BigInteger, nullable=False),
)
