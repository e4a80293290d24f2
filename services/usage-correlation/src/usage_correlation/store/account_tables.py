"""In which tables do the accounts of metered plans live, and the books of re-rating?"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSON

from usage_correlation.store.tables import metadata

_TIME: Final = DateTime(timezone=True)

ACCOUNT = Table(
    "account",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("subscription_key", Integer, primary_key=True),
    Column("cycle_start_time", _TIME, primary_key=True),
    Column("cycle_end_time", _TIME, nullable=False),
    Column("rated_until_time", _TIME, nullable=False),
    Column("group_key", Integer),
    # See store/account_states.py.
    Column("stints", JSON, nullable=False),
    Column("passed", JSON),
)
# Whose shared allowances: `{customer}/{plan}`.
ACCOUNT_GROUP = Table(
    "account_group",
    metadata,
    Column("group_key", Integer, Identity(always=True), primary_key=True),
    Column("group_name", Text, nullable=False, unique=True),
)
GROUP_ACCOUNT = Table(
    "group_account",
    metadata,
    Column("group_key", Integer, primary_key=True),
    Column("cycle_start_time", _TIME, primary_key=True),
    Column("cycle_end_time", _TIME, nullable=False),
    Column("rated_until_time", _TIME, nullable=False),
    Column("buckets", JSON, nullable=False),
    Column("passed", JSON),
)
# What re-rating booked, and why; rows are added and never changed.
BOOKING = Table(
    "booking",
    metadata,
    Column("booking_id", BigInteger, Identity(always=True), primary_key=True),
    Column("book_time", _TIME, nullable=False),
    Column("cycle_start_time", _TIME, nullable=False),
    Column("record_count", BigInteger, nullable=False),
    Column("subscription_key", Integer, nullable=False),
    Column("charge_key", Integer, nullable=False),
    Column("shard", SmallInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("scale", Numeric, nullable=False),
    Index("booking_by_cycle", "shard", "subscription_key", "cycle_start_time"),
)
# Which subscriptions are to be rated anew, from which moment on.
RERATING = Table(
    "rerating",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("subscription_key", Integer, primary_key=True),
    Column("from_time", _TIME, nullable=False),
    Column("reason", Text, nullable=False),
    Column("after_transaction", BigInteger),
    Column("due_time", _TIME, nullable=False),
)
# With which tariff the usage under each plan was rated.
RATED_PLAN = Table(
    "rated_plan",
    metadata,
    Column("plan_id", Text, primary_key=True),
    Column("tariff_digest", Text, nullable=False),
    Column("tariff_document", Text, nullable=False),
    Column("changed", Boolean, nullable=False, server_default="false"),
)
