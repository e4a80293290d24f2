"""How does a subscription's stored usage look to those who rate it again?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rating import UsageColumns

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class History:
    """Stored records of one subscription in columns, by start."""

    columns: UsageColumns
    """As the rater wants them; starts in whole seconds."""
    start_micros: Integers
    keys: Sequence[tuple[str, str]] = ()
    """(source, record_id) of each; empty unless they were asked for."""

    def __len__(self) -> int:
        return len(self.start_micros)

    def between(self, start_micros: int, end_micros: int) -> "History":
        """Those that began in [start, end)."""
        low, high = (int(at) for at in np.searchsorted(self.start_micros, [start_micros, end_micros]))
        return History(self.columns.rows(slice(low, high)), self.start_micros[low:high], self.keys[low:high])


def no_history() -> History:
    """Of a subscription that has no usage."""
    nothing = np.zeros(0, np.int64)
    return History(UsageColumns.of(service=[], start=nothing, quantity=nothing), nothing)
