"""Which tables does every service have beside its own?"""

from dataclasses import dataclass

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

_TIME = DateTime(timezone=True)


@dataclass(frozen=True, slots=True)
class MeshTables:
    """The tables that make events and requests effectively once."""

    outbox: Table
    """Events, written in the transaction of the change that they tell of; kept for a while after relaying."""
    relay_state: Table
    """How far each stream is relayed, and into which life of the Redis data."""
    inbox: Table
    """Events that were handled, written in the transaction of their effect."""
    idempotent_request: Table
    """Answers given, by caller, method and request_id."""


def mesh_tables(metadata: MetaData) -> MeshTables:
    """Describe the mesh's tables in `metadata`, in its schema; `create_mesh_tables` makes them."""
    return MeshTables(
        outbox=_outbox(metadata),
        relay_state=_relay_state(metadata),
        inbox=_inbox(metadata),
        idempotent_request=_idempotent_request(metadata),
    )


def _outbox(metadata: MetaData) -> Table:
    return Table(
        "outbox",
        metadata,
        Column("position", BigInteger, Identity(always=True), primary_key=True),
        Column("id", Uuid, nullable=False),
        Column("type", Text, nullable=False),
        Column("topic", Text, nullable=False),
        Column("partition", SmallInteger, nullable=False),
        Column("key", Text, nullable=False),
        Column("time", _TIME, nullable=False),
        Column("traceparent", Text),
        Column("tracestate", Text),
        Column("data", LargeBinary, nullable=False),
        Column("sequence", BigInteger, comment="place in the stream; NULL: not relayed yet"),
        Index("outbox_waiting", "topic", "partition", "position", postgresql_where=text("sequence IS NULL")),
    )


def _relay_state(metadata: MetaData) -> Table:
    return Table(
        "relay_state",
        metadata,
        Column("topic", Text, primary_key=True),
        Column("partition", SmallInteger, primary_key=True),
        Column("epoch", Text, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("groups", ARRAY(Text), nullable=False),
    )


def _inbox(metadata: MetaData) -> Table:
    return Table(
        "inbox",
        metadata,
        Column("event_id", Uuid, primary_key=True),
        Column("handled_time", _TIME, nullable=False),
    )


def _idempotent_request(metadata: MetaData) -> Table:
    return Table(
        "idempotent_request",
        metadata,
        Column("caller", Text, primary_key=True),
        Column("method", Text, primary_key=True),
        Column("request_id", Text, primary_key=True),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("response_type", Text),
        Column("response", LargeBinary),
        Column("created_time", _TIME, nullable=False),
        Index("idempotent_request_created_time", "created_time"),
    )
