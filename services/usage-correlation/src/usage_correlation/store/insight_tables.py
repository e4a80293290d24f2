"""In which tables do the shipped signals keep what they must remember?"""

from typing import Final

from sqlalchemy import Column, DateTime, Integer, SmallInteger, Table, Text

from usage_correlation.store.tables import metadata

_TIME: Final = DateTime(timezone=True)

# Where a subscription was when it was last used abroad, or seen at home between two stays; no row before the first.
ROAMING_PRESENCE = Table(
    "roaming_presence",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("subscription_key", Integer, primary_key=True),
    Column("place", Text, nullable=False),
    # NULL until something is known.
    Column("start_time", _TIME),
)
# How far a job has come that looks at every bill cycle once, when it is over.
INSIGHT_ROUND = Table(
    "insight_round",
    metadata,
    Column("insight", Text, primary_key=True),
    Column("shard", SmallInteger, primary_key=True),
    # Cycles that ended up to here were looked at.
    Column("done_until_time", _TIME, nullable=False),
    # Cycles that ended up to here are being looked at; NULL: none.
    Column("target_time", _TIME),
    # Of those, subscriptions up to this key were.
    Column("after_key", Integer, nullable=False),
)
# When customers had to do with care, for as long as it says something about them.
CARE_CONTACT = Table(
    "care_contact",
    metadata,
    Column("customer_id", Text, primary_key=True),
    Column("contact_time", _TIME, primary_key=True),
    Column("touch_point_id", Text, primary_key=True),
)
# Patterns that came with the service and were installed once; what staff made of them is theirs.
SHIPPED_PATTERN = Table(
    "shipped_pattern",
    metadata,
    Column("pattern_id", Text, primary_key=True),
    # Of the document as it was shipped.
    Column("document_digest", Text, nullable=False),
    Column("install_time", _TIME, nullable=False),
)
