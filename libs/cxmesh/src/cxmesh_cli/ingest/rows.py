"""What does a reader of any format make of a file: rows that are records, and rows that can't be?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord

BATCH_ROWS = 1000
"""The most that RecordUsage takes."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that did not get in, and why."""

    line: int
    """In the file, from 1."""
    reason: str
    """As in cxmesh.usage.v1.ErrorReason."""
    field: str
    description: str
    source: str = ""
    record_id: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    line: int
    content: UsageRecord | Reject


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive rows of a file; the records among them are sent together."""

    rows: int
    records: list[UsageRecord] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    """The line of each record."""
    rejects: list[Reject] = field(default_factory=list)
    """Rows that are no records."""

    @classmethod
    def of(cls, rows: list[Row]) -> "Batch":
        batch = cls(len(rows))
        for row in rows:
            if isinstance(row.content, Reject):
                batch.rejects.append(row.content)
            else:
                batch.records.append(row.content)
                batch.lines.append(row.line)
        return batch


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one batch."""

    rows: int
    accepted: int
    duplicates: int
    rejects: list[Reject]


def in_batches(rows: Iterable[Row]) -> Iterator[Batch]:
    remaining = iter(rows)
    while chunk := list(islice(remaining, BATCH_ROWS)):
        yield Batch.of(chunk)
