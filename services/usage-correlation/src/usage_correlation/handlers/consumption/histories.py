"""What is stored of the usage of one subscription, or of thousands, for rating it again?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rating import UsageColumns
from usage_correlation.domain.consumption.history import History
from usage_correlation.domain.moments import MICROS
from usage_correlation.domain.values import ValueColumn, joined_values
from usage_correlation.handlers.ports import ExportedUsage, Usage


async def histories(
    usage: Usage, subscriptions: Iterable[str], interval: tuple[int, int], *, with_keys: bool = False
) -> Mapping[str, History]:
    """The records of [start, end) microseconds by subscription, read with one statement; those without have none."""
    pieces: dict[str, list[ExportedUsage]] = {}
    async for piece in usage.export(sorted(set(subscriptions)), interval, with_record_ids=with_keys):
        pieces.setdefault(piece.subscription, []).append(piece)
    return {subscription: _history(found) for subscription, found in pieces.items()}


def _history(pieces: Sequence[ExportedUsage]) -> History:
    starts = np.concatenate([piece.start_micros for piece in pieces])
    keys = [key for piece in pieces for key in zip(piece.sources, piece.record_ids, strict=True)]
    return History(columns_of(pieces, None), starts, keys, values_of(pieces))


def values_of(pieces: Sequence[ExportedUsage]) -> ValueColumn | None:
    """The own prices of stored records; None when none has one."""
    return joined_values([(piece.values, len(piece.start_micros)) for piece in pieces])


def columns_of(pieces: Sequence[ExportedUsage], currency: str | None) -> UsageColumns:
    """Stored records as the rater wants them under tariffs in a currency, in the order in which they come.

    None: without their own prices.
    """
    values = None if currency is None else values_of(pieces)
    nothing: NDArray[Any] = np.empty(0, np.int64)  # Any: numpy's own
    return UsageColumns.of(
        service=[service for piece in pieces for service in piece.usage_types],  # type: ignore[misc]  # names of Services will do
        start=np.concatenate([nothing, *(piece.start_micros for piece in pieces)]) // MICROS,
        quantity=np.concatenate([nothing, *(piece.quantities for piece in pieces)]),
        destination=[each for piece in pieces for each in piece.destinations],
        visited_network=[each for piece in pieces for each in piece.visited_networks],
        value_micros=None if values is None or currency is None else values.in_currency(currency),
    )
