"""Which stored records are one use, reported under two ids?"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rating import SERVICE_CODES, Service, UsageColumns

Ints = NDArray[np.int64]
_LASTING: Final = np.array([SERVICE_CODES[Service.VOICE], SERVICE_CODES[Service.DATA]])
"""Nobody calls one number twice at the same moment and for as long, nor moves the same bytes; two messages to one
number within a second are usual."""


def repeated_rows(columns: UsageColumns, start_micros: Ints, owner: Ints) -> Ints:
    """Rows that repeat an earlier one: alike in owner, service, start, quantity, destination and network.

    `owner` numbers the subscriptions; the rows of one stand together, ordered by start. Of those alike the first is
    left out.
    """
    same_moment = (np.diff(start_micros) == 0) & (np.diff(owner) == 0)
    if not same_moment.any():
        return np.zeros(0, np.int64)
    beside = np.concatenate([[False], same_moment]) | np.concatenate([same_moment, [False]])
    rows = np.flatnonzero(beside & np.isin(columns.service, _LASTING) & (columns.quantity > 0))
    seen: set[tuple[object, ...]] = set()
    found = []
    for row in rows.tolist():
        content = _content(columns, start_micros, row, int(owner[row]))
        if content in seen:
            found.append(row)
        seen.add(content)
    return np.array(found, np.int64)


def alike(columns: UsageColumns, start_micros: Ints, row: int, low: int, high: int) -> list[int]:
    """Rows in [low, high) with the content of one of them, itself among them; all of one owner, ordered by start."""
    moments, moment = start_micros[low:high], start_micros[row]
    first = low + int(np.searchsorted(moments, moment, side="left"))
    last = low + int(np.searchsorted(moments, moment, side="right"))
    content = _content(columns, start_micros, row, 0)
    return [at for at in range(first, last) if _content(columns, start_micros, at, 0) == content]


def _content(columns: UsageColumns, start_micros: Ints, row: int, owner: int) -> tuple[object, ...]:
    network = "" if columns.visited_network is None else str(columns.visited_network[row])
    return (
        owner,
        int(columns.service[row]),
        int(start_micros[row]),
        int(columns.quantity[row]),
        str(columns.destination[row]),
        network,
    )
