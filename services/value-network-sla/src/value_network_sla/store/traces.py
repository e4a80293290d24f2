"""How are spans kept, and which traces are waiting to be closed?"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import copy_rows, insert_ignoring_duplicates
from value_network_sla.domain.shard import shard_of
from value_network_sla.domain.span import Span, SpanKind
from value_network_sla.errors import TraceNotFound
from value_network_sla.handlers.kept import KeptSpan, SpanColumns
from value_network_sla.store.tables import SPAN


class TraceRows:
    """Spans in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, spans: SpanColumns, now: datetime) -> None:
        """Keep the spans that are new, and open their traces.

        A trace is opened after its spans are written, in the same transaction: whoever closes it sees them, or waits
        for this transaction and leaves the trace open for the next one.
        """
        columns: dict[str, Sequence[object]] = {"shard": [shard_of(trace_id) for trace_id in spans.trace_id]}
        columns.update((name, getattr(spans, name)) for name in SpanColumns.__slots__)
        columns["receive_time"] = [now] * len(spans)
        await self._add_rows(columns)
        # In one order everywhere, so that two senders' parts of the same traces wait for each other, not both for both.
        traces = sorted(set(spans.trace_id))
        rows = {"shards": [shard_of(trace_id) for trace_id in traces], "traces": traces, "now": now}
        await self._connection.execute(_OPEN, rows)

    async def _add_rows(self, columns: Mapping[str, Sequence[object]]) -> None:
        """Spans seldom come twice: COPY takes them several times as fast, as long as none of them is there already."""
        try:
            async with self._connection.begin_nested():
                await copy_rows(self._connection, SPAN, tuple(columns), zip(*columns.values(), strict=True))
        except UniqueViolation:
            key = ("shard", "trace_id", "span_id")
            await insert_ignoring_duplicates(self._connection, SPAN, columns, key=key, returning=("shard",))

    async def take_quiet(self, quiet_since: datetime, open_since: datetime, traces: int) -> Sequence[bytes]:
        """Trace ids that nobody else has taken: without a new span since `quiet_since`, or open since `open_since`."""
        due = {"quiet_since": quiet_since, "open_since": open_since, "most": traces}
        return [row.trace_id for row in await self._connection.execute(_TAKE, due)]

    async def spans_of(self, trace_ids: Collection[bytes]) -> Mapping[bytes, Sequence[Span]]:
        """All spans of the traces."""
        found: dict[bytes, list[Span]] = {trace_id: [] for trace_id in trace_ids}
        rows = {"shards": [shard_of(trace_id) for trace_id in found], "traces": list(found)}
        for trace_id, *values in await self._connection.execute(_SPANS, rows):
            found[trace_id].append(_span(*values))
        return found

    async def get(self, trace_id: bytes) -> Sequence[KeptSpan]:
        """The spans of a trace by start; raises TraceNotFound."""
        query = (
            select(SPAN)
            .where(SPAN.c.shard == shard_of(trace_id), SPAN.c.trace_id == trace_id)
            .order_by(SPAN.c.start_ns, SPAN.c.end_ns.desc(), SPAN.c.span_id)
        )
        rows = (await self._connection.execute(query)).all()
        if not rows:
            raise TraceNotFound(f"traces/{trace_id.hex()}")
        return [_kept(row) for row in rows]


_KINDS = {kind.value: kind for kind in SpanKind}


def _span(  # noqa: PLR0917 - a row, in the order of its columns
    span_id: bytes,
    parent_id: bytes,
    sender: str,
    operation: str,
    kind: str,
    start_ns: int,
    end_ns: int,
    error: bool,
    session_service: str,
    customer: str,
) -> Span:
    return Span(span_id, parent_id, sender, operation, _KINDS[kind], start_ns, end_ns, error, session_service, customer)


def _kept(row: Row[Any]) -> KeptSpan:
    return KeptSpan(
        span=_span(
            row.span_id,
            row.parent_id,
            row.sender,
            row.operation,
            row.kind,
            row.start_ns,
            row.end_ns,
            row.error,
            row.session_service,
            row.customer,
        ),
        service=row.service,
        status_message=row.status_message,
        sender_mismatch=row.sender_mismatch,
    )


_OPEN = text(
    """
    INSERT INTO sla.open_trace AS kept (shard, trace_id, open_time, last_span_time)
    SELECT shard, trace_id, :now, :now
    FROM unnest(CAST(:shards AS smallint[]), CAST(:traces AS bytea[])) AS new (shard, trace_id)
    ON CONFLICT (shard, trace_id) DO UPDATE
    SET last_span_time = greatest(kept.last_span_time, excluded.last_span_time)
    """
)
_TAKE = text(
    """
    DELETE FROM sla.open_trace WHERE (shard, trace_id) IN (
        SELECT shard, trace_id FROM sla.open_trace
        WHERE last_span_time <= :quiet_since OR open_time <= :open_since
        ORDER BY last_span_time LIMIT :most FOR UPDATE SKIP LOCKED
    )
    RETURNING trace_id
    """
)
_SPANS = text(
    """
    SELECT trace_id, span_id, parent_id, sender, operation, kind, start_ns, end_ns, error, session_service, customer
    FROM unnest(CAST(:shards AS smallint[]), CAST(:traces AS bytea[])) AS wanted (shard, trace_id)
    JOIN sla.span USING (shard, trace_id)
    """
)
