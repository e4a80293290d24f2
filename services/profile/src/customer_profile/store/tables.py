"""In which tables does the profile live, and which of their columns hold personal data?"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Interval,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from mesh.store import mesh_tables

SCHEMA: Final = "profile"
PERSONAL: Final = "personal data"
"""The comment on every column that holds some; no other column may."""

metadata = MetaData(schema=SCHEMA)
MESH = mesh_tables(metadata)

_TIME = DateTime(timezone=True)

CUSTOMER = Table(
    "customer",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False, comment=PERSONAL),
    Column("life_cycle_state", Text, nullable=False),
    # Lists that are read and written with the customer as a whole; nothing is looked up in them.
    Column("contact_media", JSONB, nullable=False, comment=PERSONAL),
    Column("language_code", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("region_code", Text, nullable=False),
    Column("preferences", JSONB(none_as_null=True)),
    Column("consents", JSONB, nullable=False),
    Column("source_references", JSONB, nullable=False, comment=PERSONAL),
    Column("create_time", _TIME, nullable=False),
    Column("update_time", _TIME, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Index("customer_by_name", "customer_id"),
)

SUBSCRIPTION = Table(
    "subscription",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("subscription_id", Text, primary_key=True),
    Column("customer_shard", SmallInteger, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("service_type", Text, nullable=False),
    Column("line_identifier", Text, nullable=False, comment=PERSONAL),
    Column("bill_cycle_day", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("activate_time", _TIME, nullable=False),
    Column("end_time", _TIME),
    Column("create_time", _TIME, nullable=False),
    Column("update_time", _TIME, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Index("subscription_by_name", "subscription_id"),
    Index("subscription_by_customer", "customer_shard", "customer_id", "subscription_id"),
)

PLAN_START = Table(
    "plan_start",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("subscription_id", Text, primary_key=True),
    Column("start_time", _TIME, primary_key=True),
    Column("plan", Text, nullable=False),
)

TOUCH_POINT = Table(
    "touch_point",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("touch_point_id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("start_time", _TIME, nullable=False),
    Column("time_spent", Interval),
    Column("first_contact_resolution", Boolean),
    Column("valence", Text, nullable=False),
    Index("touch_point_by_time", "shard", "customer_id", "start_time", "touch_point_id"),
)
