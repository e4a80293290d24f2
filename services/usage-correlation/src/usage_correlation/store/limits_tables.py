"""In which tables do limits live?"""

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, Numeric, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from usage_correlation.store.tables import PERSONAL, metadata

_TIME: Final = DateTime(timezone=True)

LIMIT_POLICY: Final = Table(
    "limit_policy",
    metadata,
    Column("policy_id", Text, primary_key=True),
    # Read and written as a whole; nothing is looked up in them.
    Column("terms", JSONB, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("update_time", _TIME, nullable=False),
)

# Every revision that a policy had: events say under which they happened.
LIMIT_POLICY_REVISION: Final = Table(
    "limit_policy_revision",
    metadata,
    Column("policy_id", Text, primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("terms", JSONB, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("update_time", _TIME, nullable=False),
)

# What a subscription's customer said about a policy: the row that whoever changes anything about the two locks.
LIMIT_CHOICE: Final = Table(
    "limit_choice",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("subscription_key", Integer, primary_key=True),
    Column("policy_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("limit_nanos", BigInteger, nullable=False),
)

LIMIT_STANDING: Final = Table(
    "limit_standing",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("subscription_key", Integer, primary_key=True),
    Column("policy_id", Text, primary_key=True),
    Column("period_start_time", _TIME, primary_key=True),
    Column("period_end_time", _TIME, nullable=False),
    Column("state", Text, nullable=False),
    # Exact: both over `scale`, see domain/amounts.py.
    Column("spent", Numeric, nullable=False),
    Column("not_charged", Numeric, nullable=False),
    Column("scale", Numeric, nullable=False),
    Column("consents", Integer, nullable=False),
    Column("consents_in_period", Integer, nullable=False),
    Column("round", Integer, nullable=False),
    Column("percent", SmallInteger, nullable=False),
    Column("stop_time", _TIME),
    Column("open_from_time", _TIME),
    # What the customer was asked to consent to, while stopped.
    Column("consent_terms", JSONB(none_as_null=True)),
    Index("limit_standing_stopped", "policy_id", postgresql_where="state = 'STOPPED'"),
)

# Rows are added, never changed: a trigger refuses it.
LIMIT_EVENT: Final = Table(
    "limit_event",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("subscription_key", Integer, primary_key=True),
    Column("sequence", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("policy_id", Text, nullable=False),
    Column("period_start_time", _TIME),
    Column("period_end_time", _TIME),
    Column("event_time", _TIME, nullable=False),
    Column("record_time", _TIME, nullable=False),
    Column("facts", JSONB, nullable=False, comment=PERSONAL),
)

LIMIT_STOP: Final = Table(
    "limit_stop",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("subscription_key", Integer, primary_key=True),
    Column("policy_id", Text, primary_key=True),
    Column("period_start_time", _TIME, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("start_time", _TIME, nullable=False),
    Column("effective_time", _TIME, nullable=False),
    Column("end_time", _TIME, nullable=False),
    # The policy's then, so that a stop says what it stopped when the policy is gone.
    Column("scope", JSONB, nullable=False),
)

UNCHARGED_USAGE: Final = Table(
    "uncharged_usage",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("subscription_key", Integer, primary_key=True),
    Column("source_key", Integer, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("charge_key", Integer, primary_key=True),
    Column("start_time", _TIME, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("scale", Numeric, nullable=False),
    Column("policy_id", Text, nullable=False),
    Column("decide_time", _TIME, nullable=False),
    Index("uncharged_usage_by_start", "shard", "subscription_key", "start_time"),
)
