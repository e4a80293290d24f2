"""Which stored records are a subscription's in a stretch of time, and what does the rater see of them?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from billing_accuracy.domain.evidence.repeats import alike, repeated_rows
from rating import Cycle, Tariff, UsageColumns

Ints = NDArray[np.int64]


_NONE = np.zeros(0, np.int64)


_OTHER_CURRENCY = -1
"""In place of a value that no part of can be charged without an exchange rate; the rater refuses negative ones."""


@dataclass(frozen=True, slots=True)
class UsageTable:
    """Stored usage of several subscriptions: the rows of one stand together, ordered by start."""

    columns: UsageColumns
    """Starts in whole seconds."""
    start_micros: Ints
    """Starts as stored: a record belongs to the period in which it began, to the microsecond."""
    ranges: Mapping[str, tuple[int, int]]
    """First row and the one after the last, by subscription."""
    repeats: Ints = field(default_factory=lambda: _NONE)
    """Rows, in order, of records that were reported before under another id: they are not to be billed."""
    value_currencies: NDArray[np.str_] | None = None
    """Of the records' own prices, empty for a record without; None when no record has one."""
    turns: Ints = field(default_factory=lambda: _NONE)
    """By row: its place among records that began at one moment; empty: as the rows stand."""

    @classmethod
    def of(
        cls,
        columns: UsageColumns,
        start_micros: Ints,
        ranges: Mapping[str, tuple[int, int]],
        value_currencies: NDArray[np.str_] | None = None,
        turns: Ints = _NONE,
    ) -> "UsageTable":
        """The table; what is reported twice is looked for."""
        owner = np.zeros(len(start_micros), np.int64)
        for number, (low, high) in enumerate(ranges.values()):
            owner[low:high] = number
        return cls(columns, start_micros, ranges, repeated_rows(columns, start_micros, owner), value_currencies, turns)

    def event_order(self, rows: Ints) -> Ints:
        """Places in `rows`, in the order in which the records draw on what they share."""
        turns = self.turns[rows] if len(self.turns) else rows
        return np.lexsort((rows, turns, self.start_micros[rows]))

    def rows(self, subscription: str, stretch: Cycle) -> tuple[int, int]:
        """First row and the one after the last of what the subscription began to use in a stretch of time."""
        low, high = self.ranges.get(subscription, (0, 0))
        edges = [micros_of(stretch.start), micros_of(stretch.end)]
        first, last = np.searchsorted(self.start_micros[low:high], edges, side="left").tolist()
        return low + first, low + last

    def single_rows(self, subscription: str, stretch: Cycle) -> Ints:
        """The rows of a stretch of time, each use once."""
        first, last = self.rows(subscription, stretch)
        rows = np.arange(first, last, dtype=np.int64)
        return rows[~np.isin(rows, self.repeats)] if len(self.repeats) else rows

    def count(self, subscription: str, stretch: Cycle) -> int:
        """How many uses began in a stretch of time."""
        first, last = self.rows(subscription, stretch)
        return last - first - self._repeats_between(first, last)

    def repeated_rows(self, subscription: str, stretch: Cycle) -> list[int]:
        """Rows of uses that were reported more than once in a stretch of time, all of each."""
        first, last = self.rows(subscription, stretch)
        low, high = np.searchsorted(self.repeats, [first, last]).tolist()
        rows = self.repeats[low:high].tolist()
        found = {at for row in rows for at in alike(self.columns, self.start_micros, row, first, last)}
        return sorted(found)

    def rows_at(self, subscription: str, moments: Iterable[int]) -> list[int]:
        """For each moment in microseconds the first row that began then; -1 where none did."""
        low, high = self.ranges.get(subscription, (0, 0))
        mine = self.start_micros[low:high]
        wanted = np.array(list(moments), np.int64)
        found = np.searchsorted(mine, wanted)
        there = [at < len(mine) and mine[at] == moment for at, moment in zip(found, wanted, strict=True)]
        return [low + int(at) if is_there else -1 for at, is_there in zip(found, there, strict=True)]

    def has_repeats(self, subscription: str) -> bool:
        """Whether some use of a subscription was reported more than once."""
        low, high = self.ranges.get(subscription, (0, 0))
        return self._repeats_between(low, high) > 0

    def as_stored(self) -> "UsageTable":
        """With everything counted as often as it was reported."""
        return replace(self, repeats=_NONE)

    def columns_for(self, tariff: Tariff, rows: Ints) -> UsageColumns:
        """Some rows as the rater wants them under a tariff: a value in another currency than its own has no price."""
        columns = self.columns.rows(rows)
        if self.value_currencies is None or columns.value_micros is None:
            return columns
        currencies = self.value_currencies[rows]
        usable = (currencies == tariff.currency) | (currencies == "")
        return replace(columns, value_micros=np.where(usable, columns.value_micros, _OTHER_CURRENCY))

    def without_values(self) -> "UsageTable":
        """With records that have no prices of their own."""
        return replace(self, columns=replace(self.columns, value_micros=None), value_currencies=None)

    def _repeats_between(self, first: int, last: int) -> int:
        low, high = np.searchsorted(self.repeats, [first, last]).tolist()
        return int(high - low)


def rows_of(held: Sequence[tuple[str, Cycle]], usage: UsageTable) -> tuple[Ints, Ints]:
    """Rows of what subscriptions used in stretches of time, and for each row the place of its stretch."""
    rows = [usage.single_rows(subscription, stretch) for subscription, stretch in held]
    places = np.repeat(np.arange(len(held)), np.array([len(each) for each in rows], np.int64))
    return np.concatenate([_NONE, *rows]), places


def micros_of(moment: datetime) -> int:
    """Microseconds since 1970."""
    seconds = int(moment.replace(microsecond=0).timestamp())
    return seconds * 1_000_000 + moment.microsecond
