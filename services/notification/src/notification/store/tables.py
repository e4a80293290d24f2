"""In which tables do templates and messages live, and which of their columns hold personal data?"""

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, Index, MetaData, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from mesh.store import mesh_tables

SCHEMA: Final = "notification"
PERSONAL: Final = "personal data"
"""The comment on every column that holds some; no other column may."""

metadata = MetaData(schema=SCHEMA)
MESH = mesh_tables(metadata)

_TIME = DateTime(timezone=True)

TEMPLATE = Table(
    "template",
    metadata,
    Column("template_id", Text, primary_key=True),
    Column("texts", JSONB, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("update_time", _TIME, nullable=False),
)

MESSAGE = Table(
    "message",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("decision", Text, nullable=False),
    # What set off the decision; replicas of before that column leave it empty.
    Column("trigger_resource", Text, nullable=False, server_default=text("''")),
    Column("template", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("language_code", Text, nullable=False),
    Column("subject", Text, nullable=False, comment=PERSONAL),
    Column("body", Text, nullable=False, comment=PERSONAL),
    Column("action_path", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("legs", JSONB, nullable=False, comment=PERSONAL),
    Column("routed_time", _TIME, nullable=False),
    Column("attempts", JSONB, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("next_attempt_time", _TIME),
    Column("expire_time", _TIME, nullable=False),
    Column("read_time", _TIME),
    Column("event_time", _TIME),
    Column("decision_time", _TIME),
    # When a deliverer takes it: the due time, or while one has it, the end of its lease.
    Column("take_time", _TIME),
    Column("urgency", SmallInteger, nullable=False),
    Column("claims", BigInteger, nullable=False, server_default=text("0")),
    Column("traceparent", Text),
    Column("tracestate", Text),
    Index("message_by_time", "create_time", "customer_id", "message_id"),
    Index("message_of_customer", "shard", "customer_id", "create_time", "message_id"),
    Index("message_to_take", "urgency", "take_time", postgresql_where=text("take_time IS NOT NULL")),
)
