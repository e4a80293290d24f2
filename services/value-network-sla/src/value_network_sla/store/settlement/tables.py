"""In which tables do settlements live?"""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, LargeBinary, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from value_network_sla.store.tables import metadata

_TIME: Final = DateTime(timezone=True)

VALUE_NETWORK = Table(
    "value_network",
    metadata,
    Column("name", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("budgets", JSONB, nullable=False),
    Column("beside", JSONB, nullable=False),
    Column("effective_time", _TIME, nullable=False),
    Column("create_time", _TIME, nullable=False),
)

INCOME = Table(
    "income",
    metadata,
    Column("source", Text, primary_key=True),
    Column("income_id", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Column("shard", SmallInteger),
    Column("trace_id", LargeBinary),
    Column("start_time", _TIME, nullable=False),
    Column("end_time", _TIME, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("participants", ARRAY(Text)),
    Column("create_time", _TIME, nullable=False),
)

STATEMENT = Table(
    "statement",
    metadata,
    Column("name", Text, primary_key=True),
    Column("partner", Text, nullable=False),
    Column("period_start", _TIME, nullable=False),
    Column("period_end", _TIME, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("corrects", Text),
    # Shown with the statement as a whole; nothing is looked up in it.
    Column("summary", JSONB, nullable=False),
    Column("issue_time", _TIME, nullable=False),
    Column("claim_end_time", _TIME, nullable=False),
)

STATEMENT_LINE = Table(
    "statement_line",
    metadata,
    Column("statement", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("agreement", Text, nullable=False),
    Column("breach", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
)

CONTEST = Table(
    "contest",
    metadata,
    Column("name", Text, primary_key=True),
    Column("partner", Text, nullable=False),
    Column("statement", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("evidence", ARRAY(Text), nullable=False),
    Column("state", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("resolution", Text, nullable=False),
    Column("adjustment", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("settled_by", Text),
    Column("open_time", _TIME, nullable=False),
    Column("update_time", _TIME, nullable=False),
)

AUDIT_ENTRY = Table(
    "audit_entry",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Column("entry_time", _TIME, nullable=False),
    Column("previous_digest", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)

EVIDENCE = Table(
    "evidence",
    metadata,
    Column("name", Text, primary_key=True),
    Column("parties", ARRAY(Text), nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("sampled", Boolean, nullable=False),
    Column("create_time", _TIME, nullable=False),
)
