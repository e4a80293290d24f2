"""How do columns of usage on the wire become a table?"""

from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Final

import numpy as np

from billing_accuracy.domain.usage_table import Ints, UsageTable
from billing_accuracy.handlers.peers import RecordContent
from cxmesh.usage.v1.usage_record_pb2 import UsageColumns as ColumnsMessage
from cxmesh.usage.v1.usage_record_pb2 import UsageType
from rating import SERVICE_CODES, Service, UsageColumns

_MICROS_PER_SECOND: Final = 1_000_000
_NO_SERVICE: Final = -1
_SERVICE_CODE_OF: Final = np.array(
    [
        SERVICE_CODES[Service(name.removeprefix("USAGE_TYPE_").lower())] if number else _NO_SERVICE
        for name, number in sorted(UsageType.items(), key=lambda item: item[1])
    ],
    dtype=np.int64,
)
"""The rater's code of each UsageType number; it refuses usage of no type."""


def table_of(parts: list[ColumnsMessage]) -> UsageTable:
    """The parts as one table. A part holds whole subscriptions, each once, its rows ordered by start."""
    micros = _joined([np.array(part.start_time_micros, np.int64) for part in parts])
    types = _joined([np.array(part.usage_type, np.int64) for part in parts])
    columns = UsageColumns.of(
        service=_SERVICE_CODE_OF[types],
        start=micros // _MICROS_PER_SECOND,
        quantity=_joined([np.array(part.quantity, np.int64) for part in parts]),
        destination=_texts([(part.destinations, part.destination_index) for part in parts]),
        visited_network=_texts([(part.visited_networks, part.visited_network_index) for part in parts]),
        value_micros=_values(parts),
    )
    return UsageTable.of(columns, micros, _ranges(parts), value_currencies=_value_currencies(parts))


def _values(parts: list[ColumnsMessage]) -> Ints | None:
    """Records' own prices; None when none has one, as nearly always."""
    if not any(len(part.value_micros) for part in parts):
        return None
    return _joined([np.array(part.value_micros or [0] * len(part.quantity), np.int64) for part in parts])


def _value_currencies(parts: list[ColumnsMessage]) -> np.ndarray[tuple[int], np.dtype[np.str_]] | None:
    if not any(len(part.value_micros) for part in parts):
        return None
    return _texts(
        [
            (part.value_currencies, part.value_currency_index)
            if len(part.value_micros)
            else ([""], [0] * len(part.quantity))
            for part in parts
        ]
    )


def contents_of(part: ColumnsMessage) -> Iterator[tuple[RecordContent, str]]:
    """The content of each row, and `{source}/{record_id}`; for a part with record ids."""
    services = _SERVICE_CODE_OF[np.array(part.usage_type, np.int64)].tolist()
    for row, service in enumerate(services):
        subscription = part.subscriptions[part.subscription_index[row]]
        destination = part.destinations[part.destination_index[row]]
        content = (subscription, part.start_time_micros[row], service, part.quantity[row], destination)
        yield content, f"{part.sources[part.source_index[row]]}/{part.record_id[row]}"


def record_names(part: ColumnsMessage) -> list[tuple[str, str]]:
    """Source and record id of each row."""
    return [(part.sources[number], record) for number, record in zip(part.source_index, part.record_id, strict=True)]


def _joined(arrays: list[Ints]) -> Ints:
    return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)


def _texts(parts: list[tuple[Collection[str], Collection[int]]]) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    found = [np.asarray(list(texts), np.str_)[np.asarray(index, np.int64)] for texts, index in parts if len(index)]
    return np.concatenate(found) if found else np.zeros(0, "U1")


def _ranges(parts: list[ColumnsMessage]) -> dict[str, tuple[int, int]]:
    ranges: dict[str, tuple[int, int]] = {}
    offset = 0
    for part in parts:
        index = np.array(part.subscription_index, np.int64)
        changes = np.flatnonzero(np.diff(index, prepend=-1)).tolist()
        for low, high in pairwise([*changes, len(index)]):
            name = part.subscriptions[index[low]]
            first, _ = ranges.get(name, (offset + low, 0))  # a very long one goes on in the next part
            ranges[name] = (first, offset + high)
        offset += len(index)
    return ranges
