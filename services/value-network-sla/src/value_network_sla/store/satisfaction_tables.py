"""In which tables do experiences, answers and satisfaction live?"""

from typing import Final

from sqlalchemy import Column, DateTime, LargeBinary, Numeric, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from value_network_sla.store.tables import metadata

_TIME: Final = DateTime(timezone=True)
# Six decimals: a mean of them is the same in whatever order they are added up.
_SCORE: Final = Numeric(9, 6, asdecimal=False)

EXPERIENCE = Table(
    "experience",
    metadata,
    Column("source", Text, primary_key=True),
    Column("experience_id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("service", Text, nullable=False),
    # Of the session; both empty when the reporter didn't know it.
    Column("shard", SmallInteger),
    Column("trace_id", LargeBinary),
    Column("start_time", _TIME, nullable=False),
    Column("score", _SCORE, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)

SURVEY_ANSWER = Table(
    "survey_answer",
    metadata,
    Column("source", Text, primary_key=True),
    Column("answer_id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("service", Text, nullable=False),  # empty: all of them
    Column("scale", Text, nullable=False),
    Column("answer", SmallInteger, nullable=False),
    Column("score", _SCORE, nullable=False),
    Column("answer_time", _TIME, nullable=False),
    Column("trace_id", LargeBinary),
    Column("digest", LargeBinary, nullable=False),
)

CONTACT = Table(
    "contact",
    metadata,
    Column("name", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("start_time", _TIME, nullable=False),
)

SATISFACTION = Table(
    "satisfaction",
    metadata,
    Column("service", Text, primary_key=True),
    Column("end_time", _TIME, primary_key=True),
    Column("partners", ARRAY(Text), nullable=False),
    # Read as a whole; nothing is looked up in it.
    Column("body", JSONB, nullable=False),
)
