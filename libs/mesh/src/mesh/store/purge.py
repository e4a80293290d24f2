"""How long are events and answers kept, and who throws them away?"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mesh.store.event_ids import first_event_id

_BATCH = 5_000
_MAX_BATCHES = 200
"""Bounds one call; what is left falls to the next."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each kind of row is kept."""

    outbox: timedelta = timedelta(days=7)
    """How far back events can be relayed again after Redis lost its data."""
    inbox: timedelta = timedelta(days=14)
    """How old an event may be and still be known as handled; longer than any publisher's outbox."""
    requests: timedelta = timedelta(days=7)
    """How long a request_id is remembered."""

    def __post_init__(self) -> None:
        """The inbox must outlast the outbox: an event that is relayed again must be recognised."""
        if self.inbox <= self.outbox:
            raise ValueError(f"inbox retention ({self.inbox}) must be longer than the outbox's ({self.outbox})")


@dataclass(frozen=True, slots=True)
class Purged:
    """How many rows went."""

    outbox: int
    inbox: int
    requests: int


async def purge(engine: AsyncEngine, schema: str, now: datetime, retention: Retention) -> Purged:
    """Delete what is past its retention, in short transactions; events that wait for the relay stay."""
    return Purged(
        outbox=await _delete(engine, _OUTBOX, schema, {"before": now - retention.outbox}),
        inbox=await _delete(engine, _INBOX, schema, {"before": first_event_id(now - retention.inbox)}),
        requests=await _delete(engine, _REQUESTS, schema, {"before": now - retention.requests}),
    )


async def _delete(engine: AsyncEngine, statement: str, schema: str, parameters: dict[str, object]) -> int:
    total = 0
    for _ in range(_MAX_BATCHES):
        async with engine.begin() as connection:
            done = await connection.execute(text(statement.format(schema=schema)), {**parameters, "batch": _BATCH})
        total += done.rowcount
        if done.rowcount < _BATCH:
            break
    return total


# Positions and ids grow with time: the oldest rows are found at the start of the primary key, without an index on time.
_OUTBOX = """
    DELETE FROM {schema}.outbox WHERE position IN (
        SELECT position FROM (SELECT position, "time", sequence FROM {schema}.outbox ORDER BY position LIMIT :batch)
        AS oldest WHERE "time" < :before AND sequence IS NOT NULL
    )
"""
_INBOX = """
    DELETE FROM {schema}.inbox WHERE event_id IN (
        SELECT event_id FROM {schema}.inbox WHERE event_id < :before ORDER BY event_id LIMIT :batch
    )
"""
_REQUESTS = """
    DELETE FROM {schema}.idempotent_request WHERE (caller, method, request_id) IN (
        SELECT caller, method, request_id FROM {schema}.idempotent_request
        WHERE created_time < :before ORDER BY created_time LIMIT :batch
    )
"""
