"""Which usage is stored, of one subscription page by page and of many in columns?"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from usage_correlation.domain.usage import StoredRecord
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import ExportedUsage, PageStart, Usage

Interval = tuple[int | None, int | None]
"""[start, end) in microseconds; None is open."""

FULL_PART: Final = 10_000
"""Records after which a part of an export is sent; the last subscription in it may bring it up to MOST_IN_PART."""
MOST_IN_PART: Final = 50_000


async def list_usage_records(
    directory: Directory, usage: Usage, subscription: str, interval: Interval, after: PageStart | None, size: int
) -> Sequence[StoredRecord]:
    """One page. Raises SubscriptionNotFound."""
    await directory.subscriber(subscription)
    return await usage.page(subscription, interval, after, size)


@dataclass(slots=True)
class ExportPart:
    """What is sent as one: whole subscriptions, unless one of them alone is too long."""

    pieces: list[ExportedUsage] = field(default_factory=list)
    records: int = 0

    def add(self, piece: ExportedUsage) -> None:
        """Take one in."""
        self.pieces.append(piece)
        self.records += len(piece.usage_types)


async def export_usage(
    usage: Usage, subscriptions: Collection[str], interval: tuple[int, int], *, with_record_ids: bool
) -> AsyncIterator[ExportPart]:
    """All records of the subscriptions, ordered by subscription and start.

    A subscription that has no usage does not appear; nor does one that nobody has, for none can be told from the other
    here.
    """
    part = ExportPart()
    pieces = usage.export(sorted(set(subscriptions)), interval, with_record_ids=with_record_ids)
    async for piece in pieces:
        # The store cuts a subscription at MOST_IN_PART: a piece that doesn't fit begins a part of its own.
        if part.records and part.records + len(piece.usage_types) > MOST_IN_PART:
            yield part
            part = ExportPart()
        part.add(piece)
        if part.records >= FULL_PART:
            yield part
            part = ExportPart()
    if part.records:
        yield part
