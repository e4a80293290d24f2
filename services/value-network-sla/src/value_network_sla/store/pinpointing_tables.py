"""In which tables does what is usual live, and who may send by which token?"""

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, Table, Text

from value_network_sla.store.tables import metadata

_TIME = DateTime(timezone=True)

USUAL_CALL: Final = Table(
    "usual_call",
    metadata,
    Column("service", Text, primary_key=True),
    Column("caller", Text, primary_key=True),
    Column("partner", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("hour", _TIME, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("own_p95_ns", BigInteger, nullable=False),
    Column("late_ns", BigInteger, nullable=False),
    Column("gap_p50_ns", BigInteger, nullable=False),
    Column("gap_p75_ns", BigInteger, nullable=False),
    Column("failed_ppm", Integer, nullable=False),
)
PATH_RULE: Final = Table(
    "path_rule",
    metadata,
    Column("service", Text, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("update_time", _TIME, nullable=False),
)
SENDER_TOKEN: Final = Table(
    "sender_token",
    metadata,
    Column("name", Text, primary_key=True),
    Column("partner", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("expire_time", _TIME, nullable=False),
    Column("revoke_time", _TIME),
)
