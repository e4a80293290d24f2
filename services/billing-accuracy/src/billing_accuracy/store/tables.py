"""In which tables do bill runs, checks and findings live?"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from mesh.store import mesh_tables

SCHEMA: Final = "billing"

metadata = MetaData(schema=SCHEMA)
MESH = mesh_tables(metadata)

_TIME = DateTime(timezone=True)

BILL_RUN = Table(
    "bill_run",
    metadata,
    Column("bill_run_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("create_time", _TIME, nullable=False),
)

BILL_CHECK = Table(
    "bill_check",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("bill_run_id", Text, primary_key=True),
    Column("bill_id", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("subscription", Text, nullable=False),
    Column("customer", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("period_start", _TIME, nullable=False),
    Column("period_end", _TIME, nullable=False),
    Column("currency", Text, nullable=False),
    Column("billed_micros", BigInteger, nullable=False),
    Column("expected_micros", BigInteger, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("hold_state", Text, nullable=False),
    # Read and written with the check as a whole; nothing is looked up in it.
    Column("correction", JSONB, nullable=False),
    Column("line_count", Integer, nullable=False),
    Column("record_count", BigInteger, nullable=False),
    Column("check_time", _TIME, nullable=False),
    Column("release_kind", Text),
    Column("released_by", Text),
    Column("release_agent", Text),
    Column("release_reason", Text),
    Column("release_time", _TIME),
    # As the bill states it; NULL when it doesn't.
    Column("amount_due_micros", BigInteger),
    # The customer's IANA time zone.
    Column("region", Text, nullable=False, server_default=""),
    Index("bill_check_by_name", "bill_run_id", "bill_id"),
    Index("bill_check_by_customer", "customer", "bill_run_id", "bill_id"),
    Index("bill_check_by_hold_state", "hold_state", "bill_run_id", "bill_id"),
    Index("bill_check_by_subscription", "subscription", "period_end"),
)

FINDING = Table(
    "finding",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("bill_run_id", Text, primary_key=True),
    Column("bill_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("finding_class", Text, nullable=False),
    Column("charge_code", Text, nullable=False),
    Column("billed_micros", BigInteger, nullable=False),
    Column("expected_micros", BigInteger, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("line_ids", JSONB, nullable=False),
    Column("derivation", JSONB, nullable=False),
    Column("follow_on_micros", BigInteger, nullable=False, server_default="0"),
    Column("in_total", Boolean, nullable=False, server_default="true"),
    Column("evidence", JSONB, nullable=False, server_default="[]"),
    Column("cause", Text, nullable=False, server_default=""),
    Index("finding_by_run", "bill_run_id", "finding_class"),
)

ACCOUNT_ENTRY = Table(
    "account_entry",
    metadata,
    Column("shard", SmallInteger, nullable=False),
    Column("subscription", Text, nullable=False),
    Column("effective_time", _TIME, nullable=False),
    Column("source", Text, primary_key=True),
    Column("entry_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("charge_code", Text, nullable=False),
    Column("amount_micros", BigInteger),
    Column("currency", Text, nullable=False),
    Column("tax_exempt", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Index("account_entry_by_subscription", "shard", "subscription", "effective_time", "source", "entry_id"),
)

DISPUTE = Table(
    "dispute",
    metadata,
    Column("dispute_id", Text, primary_key=True),
    Column("bill_check_id", Text, nullable=False),
    Column("subscription", Text, nullable=False),
    Column("customer", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("resolve_time", _TIME),
    # All of it, as store/disputes.py writes it: it is read and written as a whole.
    Column("document", JSONB, nullable=False, comment="personal data"),
    Index("dispute_by_bill", "bill_check_id"),
    Index("dispute_by_subscription", "subscription", "create_time"),
    Index("dispute_by_customer", "customer", "create_time", "dispute_id"),
    Index("dispute_by_state", "state", "create_time", "dispute_id"),
    Index("dispute_by_time", "create_time", "dispute_id"),
)

QUOTE = Table(
    "quote",
    metadata,
    Column("source", Text, primary_key=True),
    Column("quote_id", Text, primary_key=True),
    Column("subscription", Text, nullable=False),
    Column("promise_time", _TIME, nullable=False),
    Column("plan", Text, nullable=False),
    Column("currency", Text, nullable=False),
    # Charge code, type of line and micro-units of each item.
    Column("items", JSONB, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Index("quote_by_subscription", "subscription", "promise_time"),
)
