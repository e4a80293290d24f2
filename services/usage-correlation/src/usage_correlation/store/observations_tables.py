"""In which tables do observations live?"""

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from usage_correlation.store.tables import PERSONAL, metadata

_TIME: Final = DateTime(timezone=True)

# What tells a known observation from a new one, as usage_record_key does for records.
OBSERVATION_KEY: Final = Table(
    "observation_key",
    metadata,
    Column("key_shard", SmallInteger, primary_key=True),
    Column("source_key", Integer, primary_key=True),
    Column("observation_id", Text, primary_key=True),
    Column("content_digest", BigInteger, nullable=False),
)

OBSERVATION: Final = Table(
    "observation",
    metadata,
    Column("observe_time", _TIME, nullable=False),
    Column("arrive_time", _TIME, nullable=False),
    Column("subscription_key", Integer, nullable=False),
    Column("source_key", Integer, nullable=False),
    Column("shard", SmallInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("observation_id", Text, nullable=False),
    # The fields of its event type; see domain/patterns/event_types.py.
    Column("content", JSONB, nullable=False, comment=PERSONAL),
    Index("observation_by_subscription", "shard", "subscription_key", "observe_time"),
)

# Service alerts and local events: of places, and of no subscriber.
PLACE_EVENT: Final = Table(
    "place_event",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    # Of an alert, its own id: its revisions replace each other.
    Column("observation_id", Text, primary_key=True),
    Column("start_time", _TIME, nullable=False),
    # NULL while nobody knows.
    Column("end_time", _TIME),
    Column("arrive_time", _TIME, nullable=False),
    Column("cells", ARRAY(Text), nullable=False),
    Column("areas", ARRAY(Text), nullable=False),
    Column("content", JSONB, nullable=False),
    Column("revision", Integer, nullable=False, server_default=text("0")),
    Index("place_event_by_start", "start_time"),
)
