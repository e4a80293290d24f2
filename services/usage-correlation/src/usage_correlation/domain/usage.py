"""What is a batch of usage records, and when are two records the same?"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Final

import numpy as np

from rating import SERVICES, UsageColumns
from usage_correlation.domain.moments import MICROS
from usage_correlation.domain.values import Value, ValueColumn

MAX_QUANTITY: Final = 2**50
"""In one record: a pebibyte, or 35 million years of talking. Sums of thousands still fit 64 bits."""

RecordKey = tuple[str, str]
"""(source, record_id): what identifies a record."""


@dataclass(frozen=True, slots=True)
class UsageBatch:
    """Usage records, a list a field, all of one length: a field is touched once, not once a record and step.

    Every record keeps its own rules, as the contract states them.
    """

    positions: list[int]
    """Where in the request each record stood."""
    sources: list[str]
    record_ids: list[str]
    subscriptions: list[str]
    """Ids, without `subscriptions/`."""
    services: list[int]
    """Index in `rating.SERVICES`."""
    starts: list[int]
    """Microseconds since 1970."""
    quantities: list[int]
    destinations: list[str]
    """Personal data."""
    visited_networks: list[str]
    location_ids: list[str]
    """Personal data."""
    values: list[Value | None] = field(default_factory=list)
    """Records' own prices; empty when none of them has one, as nearly always."""

    def __len__(self) -> int:
        return len(self.positions)

    @classmethod
    def empty(cls) -> "UsageBatch":
        """No records."""
        return cls([], [], [], [], [], [], [], [], [], [])

    @classmethod
    def joined(cls, batches: Sequence["UsageBatch"]) -> "UsageBatch":
        """One batch of several, in their order; each record keeps its position in its own request."""
        if len(batches) == 1:
            return batches[0]
        joined = cls.empty()
        for batch in batches:
            for each in fields(cls):
                getattr(joined, each.name).extend(getattr(batch, each.name))
        if joined.values:
            joined.values[:] = [value for batch in batches for value in batch.values or [None] * len(batch)]
        return joined

    def key(self, row: int) -> RecordKey:
        """What identifies the record."""
        return self.sources[row], self.record_ids[row]

    def digests(self) -> list[int]:
        """Of each record's content, without its key, 64 bits with a sign: the same if it is the same record again.

        64 bits: they tell a mistake of the source from a repetition, for one pair of records at a time.
        """
        contents = zip(
            self.subscriptions,
            [SERVICES[service] for service in self.services],
            map(str, self.starts),
            map(str, self.quantities),
            self.destinations,
            self.visited_networks,
            self.location_ids,
            strict=True,
        )
        blake2b, from_bytes = hashlib.blake2b, int.from_bytes
        return [
            # No text holds NUL, so that fields can't run into one another.
            from_bytes(blake2b("\0".join(content).encode(), digest_size=8).digest(), "little", signed=True)
            for content in (self._with_values(contents) if self.values else contents)
        ]

    def _with_values(self, contents: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
        """A record without a value has the content that it had before there were values."""
        for content, value in zip(contents, self.values, strict=True):
            yield content if value is None else (*content, str(value.micros), value.currency)

    def columns(self, rows: Sequence[int], currency: str) -> UsageColumns:
        """Some of the records as the rater wants them under a tariff in a currency, in the order of the rows."""
        everything = len(rows) == len(self) and list(rows) == list(range(len(self)))

        def chosen(values: list[str]) -> list[str]:
            return values if everything else [values[row] for row in rows]

        return UsageColumns.of(
            service=np.array(self.services, np.uint8)[rows],
            start=np.array(self.starts, np.int64)[rows] // MICROS,
            quantity=np.array(self.quantities, np.int64)[rows],
            destination=chosen(self.destinations),
            visited_network=chosen(self.visited_networks),
            value_micros=ValueColumn.of(self.values).in_currency(currency)[rows] if self.values else None,
        )


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One record as it is kept."""

    source: str
    record_id: str
    subscription: str
    usage_type: str
    start_micros: int
    quantity: int
    destination: str
    visited_network: str
    location_id: str
    value: Value | None = None
