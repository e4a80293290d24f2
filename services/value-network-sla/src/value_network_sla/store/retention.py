"""How long are spans and sessions kept, and who throws them away?"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from mesh.store import Store

_BATCH = 5_000
_MAX_BATCHES = 200
"""Bounds one run; what is left falls to the next."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each kind of row is kept. Counts of windows and breaches are kept for good."""

    spans: timedelta
    sessions: timedelta


async def purge(store: Store, now: datetime, retention: Retention) -> int:
    """Delete what is past its retention, in short transactions; how many rows."""
    spans = await _delete(store, _SPANS, now - retention.spans) + await _delete(store, _NO_EVIDENCE, now)
    sessions = await _delete(store, _SESSIONS, _nanoseconds(now - retention.sessions))
    parts = await _delete(store, _CONTRIBUTIONS, _nanoseconds(now - retention.sessions))
    return spans + sessions + parts


async def _delete(store: Store, statement: str, before: datetime | int) -> int:
    total = 0
    for _ in range(_MAX_BATCHES):
        async with store.unit_of_work() as uow:
            done = await uow.connection.execute(text(statement), {"before": before, "batch": _BATCH})
        total += done.rowcount
        if done.rowcount < _BATCH:
            break
    return total


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000


# Rows are found by their place, since the index on the time tells of stretches of the table rather than of rows.
_SPANS = """
    DELETE FROM sla.span_chunk WHERE ctid IN (SELECT ctid FROM sla.span_chunk WHERE receive_time < :before LIMIT :batch)
"""
# Sessions of which the spans are no evidence that anybody asks for; they are marked, or they would be found again.
_NO_EVIDENCE = """
    WITH due AS (
        UPDATE sla.session SET drop_spans_time = '1970-01-01+00'
        WHERE ctid IN (
            SELECT ctid FROM sla.session
            WHERE drop_spans_time > '1970-01-01+00' AND drop_spans_time < :before LIMIT :batch FOR UPDATE SKIP LOCKED
        )
        RETURNING shard, trace_id
    )
    DELETE FROM sla.span_chunk AS chunk USING due WHERE chunk.shard = due.shard AND chunk.trace_id = due.trace_id
"""
_SESSIONS = """
    DELETE FROM sla.session WHERE ctid IN (SELECT ctid FROM sla.session WHERE start_ns < :before LIMIT :batch)
"""
_CONTRIBUTIONS = """
    DELETE FROM sla.contribution WHERE ctid IN (SELECT ctid FROM sla.contribution WHERE start_ns < :before LIMIT :batch)
"""
