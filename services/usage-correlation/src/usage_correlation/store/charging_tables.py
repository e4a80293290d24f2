"""In which tables do charging sessions live, and which of their columns hold personal data?"""

from sqlalchemy import BigInteger, Column, DateTime, Index, LargeBinary, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from usage_correlation.store.tables import PERSONAL, metadata

_TIME = DateTime(timezone=True)

CHARGING_SESSION = Table(
    "charging_session",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("session_id", Text, primary_key=True),
    Column("caller", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("subscription_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("update_time", _TIME, nullable=False),
    # Of an open session: when it is given up; of one that has ended: when it is forgotten.
    Column("expire_time", _TIME, nullable=False),
    # What its requests said once, for those that follow.
    Column("kind", Text, nullable=False),
    Column("destination", Text, nullable=False, comment=PERSONAL),
    Column("visited_network", Text, nullable=False),
    Column("location_id", Text, nullable=False, comment=PERSONAL),
    Column("home_networks", ARRAY(Text), nullable=False),
    Index("charging_session_by_expiry", "expire_time"),
)

CHARGING_ANSWER = Table(
    "charging_answer",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("session_id", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("request_digest", LargeBinary, nullable=False),
    Column("grants", JSONB, nullable=False),
    Column("answer_time", _TIME, nullable=False),
    Index("charging_answer_by_time", "answer_time"),
)

CHARGING_RESERVATION = Table(
    "charging_reservation",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("subscription_id", Text, primary_key=True),
    Column("session_id", Text, primary_key=True),
    Column("rating_group", BigInteger, primary_key=True),
    Column("usage_type", Text, nullable=False),
    Column("start_time", _TIME, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("destination", Text, nullable=False, comment=PERSONAL),
    Column("visited_network", Text, nullable=False),
    # Usage of requests with this number or a higher one is taken from it.
    Column("first_sequence", BigInteger, nullable=False),
    Column("expire_time", _TIME, nullable=False),
)

# Usage that was reported and refused: kept with the session, so that it can be repaired and recorded.
CHARGING_REFUSAL = Table(
    "charging_refusal",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("session_id", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("rating_group", BigInteger, primary_key=True),
    Column("local_sequence", BigInteger, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("description", Text, nullable=False),
    # NULL where it could not be read as usage.
    Column("usage_type", Text),
    Column("start_time", _TIME),
    Column("quantity", BigInteger),
    Column("destination", Text, comment=PERSONAL),
    Column("visited_network", Text),
    Column("location_id", Text, comment=PERSONAL),
)

SUBSCRIBER_IDENTIFIER = Table(
    "subscriber_identifier",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("identifier", Text, primary_key=True, comment=PERSONAL),
    Column("subscription_id", Text, nullable=False),
    Column("update_time", _TIME, nullable=False),
)
