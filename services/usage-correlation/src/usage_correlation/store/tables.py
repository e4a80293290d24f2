"""In which tables does usage live, and which of their columns hold personal data?"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB

from mesh.store import mesh_tables

SCHEMA: Final = "usage"
PERSONAL: Final = "personal data"
"""The comment on every column that holds some; no other column may."""

metadata = MetaData(schema=SCHEMA)
MESH = mesh_tables(metadata)

_TIME = DateTime(timezone=True)

# Short keys for long names: four bytes in every record and every index instead of up to 63.
SUBSCRIPTION = Table(
    "subscription",
    metadata,
    Column("subscription_key", Integer, Identity(always=True), primary_key=True),
    Column("subscription_id", Text, nullable=False, unique=True),
    # What usage was rated with; NULL until the subscription is first asked for. See store/subscribers.py.
    Column("customer_id", Text),
    Column("bill_cycle_day", SmallInteger),
    Column("time_zone", Text),
    Column("activate_time", _TIME),
    Column("plan_periods", JSON),
    Column("learn_time", _TIME),
)
SOURCE = Table(
    "source",
    metadata,
    Column("source_key", Integer, Identity(always=True), primary_key=True),
    Column("source", Text, nullable=False, unique=True),
)
CHARGE = Table(
    "charge",
    metadata,
    Column("charge_key", Integer, Identity(always=True), primary_key=True),
    Column("plan_id", Text, nullable=False),
    Column("charge_code", Text, nullable=False),
    Column("currency_code", Text, nullable=False),
    UniqueConstraint("plan_id", "charge_code", "currency_code"),
)

# What tells a record that is known from a new one. Apart from the records, because a record lies in the shard of its
# subscription and in the month of its start, and the same (source, record_id) may come again with another subscription
# and another start: that is a conflict, and only an index over all records sees it. It also leaves the records without
# a unique index, so that they can be COPYed in and cut into partitions by month.
USAGE_RECORD_KEY = Table(
    "usage_record_key",
    metadata,
    Column("key_shard", SmallInteger, primary_key=True),
    Column("source_key", Integer, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("content_digest", BigInteger, nullable=False),
)

# Columns by falling alignment, so that no byte of a row is padding.
USAGE_RECORD = Table(
    "usage_record",
    metadata,
    Column("start_time", _TIME, nullable=False),
    Column("arrive_time", _TIME, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("subscription_key", Integer, nullable=False),
    Column("source_key", Integer, nullable=False),
    Column("shard", SmallInteger, nullable=False),
    Column("usage_type", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("destination", Text, nullable=False, comment=PERSONAL),
    Column("visited_network", Text, nullable=False),
    Column("location_id", Text, nullable=False, comment=PERSONAL),
    # The record's own price; NULL for one without, as nearly all are.
    Column("value_micros", BigInteger),
    Column("value_currency", Text),
    Index("usage_record_by_subscription", "shard", "subscription_key", "start_time"),
)

# What a subscription has spent in a bill cycle: the row that whoever adds usage to the subscription locks.
BILL_CYCLE = Table(
    "bill_cycle",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("subscription_key", Integer, primary_key=True),
    Column("cycle_start_time", _TIME, primary_key=True),
    Column("currency_code", Text, primary_key=True),
    Column("cycle_end_time", _TIME, nullable=False),
    # Exact, `spent / scale`: see domain/amounts.py. NUMERIC, since no one knows how fine a tariff's prices will be.
    Column("spent", Numeric, nullable=False),
    Column("scale", Numeric, nullable=False),
    Column("latest_record_time", _TIME, nullable=False),
    # By spend policy, the highest percentage of its limit that was reached; NULL before the first.
    Column("percents_passed", JSONB(none_as_null=True)),
)

USAGE_COUNTER = Table(
    "usage_counter",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("subscription_key", Integer, primary_key=True),
    Column("cycle_start_time", _TIME, primary_key=True),
    Column("charge_key", Integer, primary_key=True),
    Column("record_count", BigInteger, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("scale", Numeric, nullable=False),
)

SPEND_POLICY = Table(
    "spend_policy",
    metadata,
    Column("policy_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("limit_amount", Numeric(28, 9), nullable=False),
    Column("currency_code", Text, nullable=False),
    Column("threshold_percents", ARRAY(SmallInteger), nullable=False),
    Column("plan_id", Text),
    Column("subscription_id", Text),
    Column("paused", Boolean, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("update_time", _TIME, nullable=False),
    Column("threshold_amounts", ARRAY(Numeric(28, 9)), nullable=False, server_default="{}"),
    Index("spend_policy_by_subscription", "subscription_id"),
)

SIGNAL = Table(
    "signal",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("signal_id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subscription_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("event_time", _TIME, nullable=False),
    Column("arrive_time", _TIME, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("evidence_records", ARRAY(Text), nullable=False),
    Column("detail", JSONB, nullable=False),
    Index("signal_by_position", "position"),
    Index("signal_by_subscription", "shard", "subscription_id", "position"),
)

# One row each: the last number given out. Whoever takes the next number holds the row until it commits, so that numbers
# are committed in their order and a reader who has seen one will never find a smaller one that it had not seen. (A
# sequence would give numbers out before their transactions end, in any order.)
SIGNAL_HEAD = Table("signal_head", metadata, Column("position", BigInteger, primary_key=True))
CHANGE_HEAD = Table(
    "change_head",
    metadata,
    Column("version", BigInteger, primary_key=True),
    # What was changed up to this version is no longer listed.
    Column("listed_after", BigInteger, nullable=False),
)
CHANGE = Table(
    "change",
    metadata,
    Column("version", BigInteger, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("changed_id", Text, primary_key=True),
    Column("change_time", _TIME, nullable=False),
)
