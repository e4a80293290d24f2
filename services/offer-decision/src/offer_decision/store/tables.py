"""In which tables do plans, campaigns and decisions live?"""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, MetaData, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from mesh.store import mesh_tables

SCHEMA: Final = "offer"

metadata = MetaData(schema=SCHEMA)
MESH = mesh_tables(metadata)

_TIME = DateTime(timezone=True)

PLAN = Table(
    "plan",
    metadata,
    Column("plan_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("tariff_document", Text, nullable=False),
    Column("tariff_digest", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("update_time", _TIME, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

CAMPAIGN = Table(
    "campaign",
    metadata,
    Column("campaign_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("min_threshold_percent", Integer, nullable=False),
    Column("recommend_plan", Boolean, nullable=False),
    Column("min_saving_micros", BigInteger),
    Column("min_saving_currency", Text),
    Column("max_messages", Integer, nullable=False),
    Column("window_days", Integer, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("update_time", _TIME, nullable=False),
    # Read and written as a whole.
    Column("recovery", JSONB(none_as_null=True)),
)

DECISION = Table(
    "decision",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("decision_id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("subscription", Text, nullable=False),
    Column("trigger_kind", Text, nullable=False),
    Column("trigger_resource", Text, nullable=False),
    Column("event_time", _TIME, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("campaign_id", Text, nullable=False),  # empty when silent
    # Read and written with the decision as a whole; nothing is looked up in them.
    Column("message", JSONB),
    Column("recommendation", JSONB),
    Column("reasons", JSONB, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("outcome", Text),
    Column("outcome_time", _TIME),
    Index("decision_by_time", "create_time", "decision_id"),
    Index("decision_by_customer", "shard", "customer", "create_time", "decision_id"),
    Index("decision_by_campaign", "campaign_id", "create_time", "decision_id"),
)

RECOVERY = Table(
    "recovery",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("decision_id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("fault_time", _TIME, nullable=False),
    Column("credit_micros", BigInteger),
    Column("credit_currency", Text),
    Column("subscription", Text, nullable=False),
    Column("voucher", Text, nullable=False),
    Column("credit_state", Text),
    Column("refusal", Text, nullable=False),
    Column("decide_time", _TIME, nullable=False),
    Index("recovery_by_customer", "shard", "customer", "service", "fault_time"),
    Index("recovery_pending", "decide_time", "decision_id"),
)
