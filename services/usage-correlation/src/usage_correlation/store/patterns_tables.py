"""In which tables do patterns live, with what they remember of subscribers and what waits for them?

Moments are kept in microseconds since 1970, as they are compared: nobody but the engine reads these tables.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from usage_correlation.store.tables import PERSONAL, metadata

_TIME: Final = DateTime(timezone=True)

PATTERN: Final = Table(
    "pattern",
    metadata,
    Column("pattern_id", Text, primary_key=True),
    Column("document", Text, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("state_key", Integer, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("update_time", _TIME, nullable=False),
)

# A short key for what a pattern counts: another one as soon as something else is counted.
PATTERN_STATE: Final = Table(
    "pattern_state",
    metadata,
    Column("state_key", Integer, Identity(always=True), primary_key=True),
    Column("pattern_id", Text, nullable=False),
    Column("state_digest", Text, nullable=False),
    UniqueConstraint("pattern_id", "state_digest"),
)

# Events that count, for patterns that look at each of them. The key tells them apart, so that none is kept twice.
PATTERN_EVENT: Final = Table(
    "pattern_event",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("state_key", Integer, primary_key=True),
    Column("subscription_key", Integer, primary_key=True),
    Column("event_micros", BigInteger, primary_key=True),
    Column("event_class", SmallInteger, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("arrive_micros", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
    Column("digest", BigInteger, nullable=False),
    Column("group_key", Text, nullable=False, comment=PERSONAL),
    Column("cell", Text, nullable=False, comment=PERSONAL),
    Column("area", Text, nullable=False, comment=PERSONAL),
)

# Sums by period, for patterns that look at no single event.
PATTERN_SUM: Final = Table(
    "pattern_sum",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("state_key", Integer, primary_key=True),
    Column("subscription_key", Integer, primary_key=True),
    Column("start_micros", BigInteger, primary_key=True),
    Column("group_key", Text, primary_key=True, comment=PERSONAL),
    Column("event_count", BigInteger, nullable=False),
    Column("total", Double, nullable=False),
    Column("low", Double, nullable=False),
    Column("high", Double, nullable=False),
    Column("first_micros", BigInteger, nullable=False),
    Column("latest_micros", BigInteger, nullable=False),
    Column("latest_arrive_micros", BigInteger, nullable=False),
    Column("latest_reference", Text, nullable=False),
)

# Whom to look at again though nothing comes, once the lane's clock is at `settle_micros`.
PATTERN_DUE: Final = Table(
    "pattern_due",
    metadata,
    Column("lane", SmallInteger, primary_key=True),
    Column("state_key", Integer, primary_key=True),
    Column("subscription_key", Integer, primary_key=True),
    Column("due_micros", BigInteger, nullable=False),
    Column("settle_micros", BigInteger, nullable=False),
    Index("pattern_due_by_settlement", "lane", "settle_micros"),
)

# What was stored and not yet looked at: batches of events in columns, see domain/patterns/columns.py.
CORRELATION_QUEUE: Final = Table(
    "correlation_queue",
    metadata,
    Column("lane", SmallInteger, primary_key=True),
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("events", LargeBinary, nullable=False, comment=PERSONAL),
)

# Whoever works on a lane holds its row. Event time stands at `clock_micros` as of `as_of_micros`.
CORRELATION_LANE: Final = Table(
    "correlation_lane",
    metadata,
    Column("lane", SmallInteger, primary_key=True),
    Column("clock_micros", BigInteger, nullable=False),
    Column("as_of_micros", BigInteger, nullable=False),
    # So many batches are worked on one by one, and so often the first has failed.
    Column("careful_batches", SmallInteger, nullable=False, server_default=text("0")),
    Column("failed_tries", Integer, nullable=False, server_default=text("0")),
)

# How far each source has come: its latest event, and when something of it was last taken.
CORRELATION_SOURCE: Final = Table(
    "correlation_source",
    metadata,
    Column("lane", SmallInteger, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("clock_micros", BigInteger, nullable=False),
    Column("as_of_micros", BigInteger, nullable=False),
)

# Batches that failed again and again; the position is that which they had while they waited.
CORRELATION_PARKED: Final = Table(
    "correlation_parked",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("lane", SmallInteger, nullable=False),
    Column("events", LargeBinary, nullable=False, comment=PERSONAL),
    Column("event_type", Text, nullable=False),
    Column("event_count", Integer, nullable=False),
    Column("failed_tries", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("park_time", _TIME, nullable=False),
)

# How far the past of a pattern was looked up in each lane; no row when it is done.
PATTERN_RECALL: Final = Table(
    "pattern_recall",
    metadata,
    Column("state_key", Integer, primary_key=True, autoincrement=False),
    Column("lane", SmallInteger, primary_key=True, autoincrement=False),
    Column("after_subscription", Text, nullable=False),
    Column("live_micros", BigInteger, nullable=False),
)
