"""How does a subscription's stored usage look to those who rate it again?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rating import UsageColumns
from usage_correlation.domain.values import ValueColumn

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class History:
    """Stored records of one subscription in columns, by start."""

    columns: UsageColumns
    """As the rater wants them, but for their own prices: see `in_currency`. Starts in whole seconds."""
    start_micros: Integers
    keys: Sequence[tuple[str, str]] = ()
    """(source, record_id) of each; empty unless they were asked for."""
    values: ValueColumn | None = None
    """None when no record has one."""

    def __len__(self) -> int:
        return len(self.start_micros)

    def between(self, start_micros: int, end_micros: int) -> "History":
        """Those that began in [start, end)."""
        low, high = (int(at) for at in np.searchsorted(self.start_micros, [start_micros, end_micros]))
        rows = slice(low, high)
        values = None if self.values is None else self.values.rows(rows)
        return History(self.columns.rows(rows), self.start_micros[rows], self.keys[rows], values)

    def in_currency(self, currency: str) -> "History":
        """The same, whose columns have the records' own prices as the rater wants them under tariffs in a currency."""
        if self.values is None:
            return self
        return replace(self, columns=replace(self.columns, value_micros=self.values.in_currency(currency)))


def no_history() -> History:
    """Of a subscription that has no usage."""
    nothing = np.zeros(0, np.int64)
    return History(UsageColumns.of(service=[], start=nothing, quantity=nothing), nothing)
