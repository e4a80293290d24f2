"""In which tables is kept what is said of whole bill runs?"""

from typing import Final

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, DateTime, Numeric, Table, Text

from billing_accuracy.store.tables import metadata

_TIME = DateTime(timezone=True)

RUN_PROGRESS: Final = Table(
    "run_progress",
    metadata,
    Column("bill_run_id", Text, primary_key=True),
    Column("plan", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("bills", BigInteger, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("first_check_time", _TIME, nullable=False),
    Column("last_check_time", _TIME, nullable=False),
)

RUN_EXPOSURE: Final = Table(
    "run_exposure",
    metadata,
    Column("bill_run_id", Text, primary_key=True),
    Column("finding_class", Text, primary_key=True),
    Column("charge_code", Text, primary_key=True),
    Column("cause", Text, primary_key=True),
    Column("plan", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("bills", BigInteger, nullable=False),
    Column("findings", BigInteger, nullable=False),
    Column("overcharge_micros", Numeric, nullable=False),
    Column("leakage_micros", Numeric, nullable=False),
    Column("examples", ARRAY(Text), nullable=False),
)

SYSTEMATIC_ERROR: Final = Table(
    "systematic_error",
    metadata,
    Column("bill_run_id", Text, primary_key=True),
    Column("finding_class", Text, primary_key=True),
    Column("charge_code", Text, primary_key=True),
    Column("cause", Text, primary_key=True),
    Column("plan", Text, primary_key=True),
    Column("checked", BigInteger, nullable=False),
    Column("bills", BigInteger, nullable=False),
    Column("findings", BigInteger, nullable=False),
    Column("overcharge_micros", Numeric, nullable=False),
    Column("leakage_micros", Numeric, nullable=False),
    Column("examples", ARRAY(Text), nullable=False),
    Column("find_time", _TIME, nullable=False),
)

BILL_STREAM: Final = Table(
    "bill_stream",
    metadata,
    Column("bill_run_id", Text, primary_key=True),
    Column("stream_id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("update_time", _TIME, nullable=False),
)

REJECTED_BILL: Final = Table(
    "rejected_bill",
    metadata,
    Column("bill_run_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("reject_time", _TIME, nullable=False),
)

CATALOGUE_CHANGE: Final = Table(
    "catalogue_change",
    metadata,
    # One row: how often plans were told to have changed.
    Column("only_one", Boolean, primary_key=True),
    Column("count", BigInteger, nullable=False),
)
