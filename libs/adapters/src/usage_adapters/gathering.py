"""How do rows that are read one by one come together in chunks?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord
from usage_adapters.reading import CHUNK_BYTES, CHUNK_ROWS, Chunk, Mark, Reject, kept


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a file, read: its records, or why there are none, and where the next begins."""

    place: int
    end: int
    """Offset of the first byte after it."""
    raw: bytes
    records: tuple[UsageRecord, ...] = ()
    """Several when a row holds several; none and no rejects: it is skipped on purpose."""
    rejects: tuple[Reject, ...] = ()
    """Those without a raw row of their own get the item's."""
    state: str = ""
    """See Mark.state."""
    context: str = ""
    """See Chunk.context."""


def gather(items: Iterable[Item], start: Mark) -> Iterator[Chunk]:
    """Chunks of the items; reading began at `start`. An item's records stay in one chunk."""
    mark, chunk, size = start, Chunk(), 0
    for item in items:
        rows = max(1, len(item.records) + len(item.rejects))
        if chunk.rows and (chunk.rows + rows > CHUNK_ROWS or size > CHUNK_BYTES or chunk.context != item.context):
            chunk.end = mark
            yield chunk
            chunk, size = Chunk(), 0
        _add(chunk, item)
        size += len(item.raw)
        mark = Mark(item.end, mark.rows + rows, item.place, item.state)
    if chunk.rows:
        chunk.end = mark
        yield chunk


def _add(chunk: Chunk, item: Item) -> None:
    chunk.context = item.context
    chunk.records.extend(item.records)
    chunk.places.extend([item.place] * len(item.records))
    chunk.raws.extend([item.raw] * len(item.records))
    raw, complete = kept(item.raw)
    chunk.rejects.extend(
        reject if reject.raw else replace(reject, raw=raw, raw_complete=complete) for reject in item.rejects
    )
    if not item.records and not item.rejects:
        chunk.skipped += 1
