"""How are spans kept, and which traces are waiting to be closed?"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from apportioning.assembly import Assembly, SessionFlag, assemble
from apportioning.span import is_partner
from value_network_sla.domain.shard import shard_of
from value_network_sla.errors import TraceNotFound
from value_network_sla.handlers.kept import Chunk, KeptSpan, KeptTrace, SpanRow
from value_network_sla.store.chunk_copy import copy_chunks
from value_network_sla.store.span_codec import any_mismatch, decode, decode_kept, encode
from value_network_sla.store.trace_ids import WANTED, ids_of

MOST_SPANS = 20_000
"""Of one trace that are read; what is beyond is kept, and flagged."""
_SPANS_A_ROW = 1_000


class TraceRows:
    """Spans in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, chunks: Sequence[Chunk], now: datetime) -> None:
        """Keep the spans, and open their traces.

        A trace is opened after its spans are written, in the same transaction: whoever closes it sees them, or waits
        for this transaction and leaves the trace open for the next one.
        """
        rows = (
            (
                shard_of(chunk.trace_id),
                chunk.trace_id,
                chunk.sender,
                chunk.service,
                chunk.instance,
                len(part),
                encode(part),
            )
            for chunk in chunks
            for part in _parts(chunk.rows)
        )
        await copy_chunks(self._connection, rows, now)
        # In one order everywhere, so that two senders' parts of the same traces wait for each other, not both for both.
        traces = sorted({chunk.trace_id for chunk in chunks})
        await self._connection.execute(_OPEN, {"ids": ids_of(traces), "now": now})

    async def take_quiet(self, quiet_since: datetime, open_since: datetime, traces: int) -> Sequence[bytes]:
        """Trace ids that nobody else has taken: without a new span since `quiet_since`, or open since `open_since`."""
        due = {"quiet_since": quiet_since, "open_since": open_since, "most": traces}
        return [row.trace_id for row in await self._connection.execute(_TAKE, due)]

    async def sizes(self, trace_ids: Collection[bytes]) -> Mapping[bytes, int]:
        """How many spans came of each, those that came twice included; no more than are read of one."""
        rows = await self._connection.execute(_SIZES, {"ids": ids_of(trace_ids)})
        return {row.trace_id: min(row.spans, MOST_SPANS) for row in rows}

    async def spans_of(self, trace_ids: Collection[bytes]) -> Mapping[bytes, Assembly]:
        """The spans of the traces, of giant ones MOST_SPANS."""
        parts: dict[bytes, list[Any]] = {trace_id: [] for trace_id in trace_ids}
        for row in await self._connection.execute(_CHUNKS, {"ids": ids_of(trace_ids), "most": MOST_SPANS}):
            parts[row.trace_id].append(row)
        return {trace_id: _assembly(rows) for trace_id, rows in parts.items()}

    async def get(self, trace_id: bytes) -> KeptTrace:
        """The spans of a trace by start; raises TraceNotFound."""
        found = await self._connection.execute(_CHUNKS, {"ids": trace_id, "most": MOST_SPANS})
        rows = found.all()
        if not rows:
            raise TraceNotFound(f"traces/{trace_id.hex()}")
        chosen = {(span.span_id, span.sender) for span in _assembly(rows).spans}
        spans: dict[tuple[bytes, str], KeptSpan] = {}
        for row in _in_order(rows):
            for kept in decode_kept(row.spans, row.sender, row.service, row.instance):
                key = (kept.span.span_id, kept.span.sender)
                if key in chosen:
                    spans.setdefault(key, kept)
        ordered = sorted(spans.values(), key=lambda kept: (kept.span.start_ns, -kept.span.end_ns, kept.span.span_id))
        return KeptTrace(ordered, truncated=_is_truncated(rows))


def _parts(rows: Sequence[SpanRow]) -> Iterator[Sequence[SpanRow]]:
    if len(rows) <= _SPANS_A_ROW:
        yield rows
        return
    for first in range(0, len(rows), _SPANS_A_ROW):
        yield rows[first : first + _SPANS_A_ROW]


def _in_order(rows: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """As they came; of those that came in one moment, in an order of their own, the same every time."""
    return sorted(rows, key=lambda row: (row.receive_time, row.sender, row.spans)) if len(rows) > 1 else rows


def _is_truncated(rows: Sequence[Row[Any]]) -> bool:
    return sum(row.span_count for row in rows) < rows[0].whole if rows else False


def _assembly(rows: Sequence[Row[Any]]) -> Assembly:
    flags = []
    if _is_truncated(rows):
        flags.append(SessionFlag.TRUNCATED)
    if any(any_mismatch(row.spans) for row in rows if is_partner(row.sender)):
        flags.append(SessionFlag.SENDER_MISMATCH)
    return assemble((decode(row.spans, row.sender, row.service, row.instance) for row in _in_order(rows)), flags)


_OPEN = text(
    f"""
    INSERT INTO sla.open_trace AS kept (shard, trace_id, open_time, last_span_time)
    SELECT shard, trace_id, :now, :now FROM {WANTED} AS new
    ON CONFLICT (shard, trace_id) DO UPDATE
    SET last_span_time = greatest(kept.last_span_time, excluded.last_span_time)
    """  # noqa: S608 - a constant
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
_SIZES = text(
    f"""
    SELECT trace_id, sum(span_count) AS spans FROM {WANTED} AS wanted JOIN sla.span_chunk USING (shard, trace_id)
    GROUP BY trace_id
    """  # noqa: S608 - a constant
)
# Of a giant trace our own spans come first, which tell of everybody's part; then what came first.
_CHUNKS = text(
    f"""
    SELECT trace_id, sender, service, instance, span_count, spans, receive_time, whole FROM {WANTED} AS wanted
    CROSS JOIN LATERAL (
        SELECT sender, service, instance, span_count, spans, receive_time,
            sum(span_count) OVER () AS whole,
            sum(span_count) OVER (
                ORDER BY starts_with(sender, 'partners/'), receive_time, sender, spans ROWS UNBOUNDED PRECEDING
            ) AS so_far
        FROM sla.span_chunk AS chunk WHERE chunk.shard = wanted.shard AND chunk.trace_id = wanted.trace_id
    ) AS part
    WHERE so_far <= :most
    """  # noqa: S608 - a constant
)
