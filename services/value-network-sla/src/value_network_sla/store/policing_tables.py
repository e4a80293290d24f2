"""In which tables do objectives, counts, alerts and measurements live?"""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Double, Integer, LargeBinary, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from value_network_sla.store.tables import metadata

_TIME: Final = DateTime(timezone=True)

OBJECTIVE = Table(
    "objective",
    metadata,
    Column("name", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("partner", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("effective_time", _TIME, nullable=False),
    # Read as a whole; nothing is looked up in it.
    Column("definition", JSONB, nullable=False),
)

OBJECTIVE_INPUT = Table(
    "objective_input",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("objective", Text, primary_key=True),
)

OBJECTIVE_EXCLUSION = Table(
    "objective_exclusion",
    metadata,
    Column("name", Text, primary_key=True),
    Column("partner", Text, nullable=False),
    Column("objective", Text, nullable=False),
    Column("definition", JSONB, nullable=False),
    Column("create_time", _TIME, nullable=False),
)

OBJECTIVE_STATE = Table(
    "objective_state",
    metadata,
    Column("objective", Text, primary_key=True),
    Column("judged_until", _TIME, nullable=False),
    Column("due_time", _TIME, nullable=False),
)

OBJECTIVE_MARK = Table(
    "objective_mark",
    metadata,
    Column("objective", Text, nullable=False),
    Column("minute", _TIME, nullable=False),
)

OBJECTIVE_PART = Table(
    "objective_part",
    metadata,
    Column("shard", SmallInteger, primary_key=True),
    Column("trace_id", LargeBinary, primary_key=True),
    Column("objective", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("slice", _TIME, nullable=False),
    Column("minute", _TIME, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("events", Integer, nullable=False),
    Column("good", Integer, nullable=False),
)

OBJECTIVE_MINUTE = Table(
    "objective_minute",
    metadata,
    Column("objective", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("slice", _TIME, primary_key=True),
    Column("minute", _TIME, primary_key=True),
    Column("events", BigInteger, nullable=False),
    Column("good", BigInteger, nullable=False),
)

OBJECTIVE_HOUR = Table(
    "objective_hour",
    metadata,
    Column("objective", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("hour", _TIME, primary_key=True),
    Column("events", BigInteger, nullable=False),
    Column("good", BigInteger, nullable=False),
    Column("slices", BigInteger, nullable=False),
    Column("good_slices", BigInteger, nullable=False),
    Column("ratios", BigInteger, nullable=False),
)

OBJECTIVE_VIOLATION = Table(
    "objective_violation",
    metadata,
    Column("name", Text, primary_key=True),
    Column("objective", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("partner", Text, nullable=False),
    Column("rolling", Boolean, nullable=False),
    Column("start_time", _TIME, nullable=False),
    Column("end_time", _TIME, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("good", BigInteger, nullable=False),
    Column("slices", BigInteger, nullable=False),
    Column("good_slices", BigInteger, nullable=False),
    Column("ratios", BigInteger, nullable=False),
    Column("detect_time", _TIME, nullable=False),
    Column("kept_again_time", _TIME),
    Column("withdraw_time", _TIME),
)

BURN_ALERT = Table(
    "burn_alert",
    metadata,
    Column("name", Text, primary_key=True),
    Column("objective", Text, nullable=False),
    Column("partner", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("fire_time", _TIME),
    Column("body", JSONB, nullable=False),
)

BURN_ALERT_CHANGE = Table(
    "burn_alert_change",
    metadata,
    Column("position", BigInteger, primary_key=True),
    Column("body", JSONB, nullable=False),
)

MEASUREMENT = Table(
    "measurement",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("measurement_id", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("measure_time", _TIME, nullable=False),
)

MEASUREMENT_VALUE = Table(
    "measurement_value",
    metadata,
    Column("partner", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("minute", _TIME, nullable=False),
    Column("measure_time", _TIME, nullable=False),
    Column("service", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("customer", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("measurement_id", Text, nullable=False),
    Column("value", Double, nullable=False),
    Column("usable", Boolean, nullable=False),
)
