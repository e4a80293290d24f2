"""In which tables do charges and tariffs between networks live?"""

from typing import Final

from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, Numeric, Table, Text

from billing_accuracy.store.tables import metadata

_TIME = DateTime(timezone=True)

WHOLESALE_CHARGE: Final = Table(
    "wholesale_charge",
    metadata,
    Column("source", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("partner", Text, nullable=False),
    Column("subscription", Text, nullable=False),
    Column("event_time", _TIME, nullable=False),
    Column("item", Text, nullable=False),
    # Exact: TAP has up to nine decimals.
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Index("wholesale_charge_by_partner", "partner", "event_time"),
)

INTER_OPERATOR_TARIFF: Final = Table(
    "inter_operator_tariff",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("document", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("update_time", _TIME, nullable=False),
)
