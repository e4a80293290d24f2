"""How are thousands of events held, and how do they wait in a queue?

A column a field. Texts are numbers into a list of the different ones, for most columns hold few: a condition on a text
is decided once for each different text.
"""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from usage_correlation.domain.patterns.event_types import EVENT_TYPES, Kind

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[Any]
"""Any: indices of any integer type, or a mask."""

_LENGTH: Final = struct.Struct("<I")
_FORMAT: Final = 1
_DTYPES: Final[Mapping[Kind, Any]] = {Kind.INT: np.int64, Kind.DOUBLE: np.float64, Kind.BOOL: np.bool_}


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of texts."""

    codes: NDArray[np.int32]
    """For each row, which of the `values`."""
    values: list[str]

    @classmethod
    def of(cls, rows: Iterable[str]) -> "Texts":
        """From one text a row."""
        index: dict[str, int] = {}
        codes = [index.setdefault(row, len(index)) for row in rows]
        return cls(np.array(codes, np.int32), list(index))

    @classmethod
    def same(cls, value: str, size: int) -> "Texts":
        """The same text in every row."""
        return cls(np.zeros(size, np.int32), [value])

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> str:
        return self.values[int(self.codes[row])]

    def take(self, rows: Rows) -> "Texts":
        """Some of the rows."""
        return Texts(self.codes[rows], self.values)

    def compact(self) -> "Texts":
        """Without the values that no row has."""
        used, codes = np.unique(self.codes, return_inverse=True)
        return Texts(codes.astype(np.int32), [self.values[code] for code in used.tolist()])

    def rows(self) -> list[str]:
        """One text a row."""
        values = self.values
        return [values[code] for code in self.codes.tolist()]


Column = Texts | Ints | Doubles | Bools


@dataclass(frozen=True, slots=True)
class Events:
    """Events of one type."""

    type: str
    subscriptions: Texts
    """Ids; empty for events of places."""
    times: Ints
    """When each was so, in microseconds since 1970."""
    arrivals: Ints
    """When it arrived here."""
    sources: Texts
    ids: Sequence[str]
    """The sources' own keys."""
    fields: Mapping[str, Column]
    """By name, those of the type."""

    def __len__(self) -> int:
        return len(self.times)

    def take(self, rows: Rows) -> "Events":
        """Some of the rows, by a mask or by their numbers."""
        chosen = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return Events(
            self.type,
            self.subscriptions.take(chosen),
            self.times[chosen],
            self.arrivals[chosen],
            self.sources.take(chosen),
            [self.ids[row] for row in chosen.tolist()],
            {
                name: column.take(chosen) if isinstance(column, Texts) else column[chosen]
                for name, column in self.fields.items()
            },
        )

    def compact(self) -> "Events":
        """Without the texts that no row has."""
        fields = {
            name: column.compact() if isinstance(column, Texts) else column for name, column in self.fields.items()
        }
        return replace(self, subscriptions=self.subscriptions.compact(), sources=self.sources.compact(), fields=fields)

    def reference(self, row: int) -> str:
        """What evidence calls it."""
        return f"{self.sources[row]}/{self.ids[row]}"


def joined(parts: Sequence[Events]) -> Events:
    """Several batches of one type as one."""
    if len(parts) == 1:
        return parts[0]
    return Events(
        parts[0].type,
        _together([part.subscriptions for part in parts]),
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.arrivals for part in parts]),
        _together([part.sources for part in parts]),
        [each for part in parts for each in part.ids],
        {name: _one(name, parts) for name in parts[0].fields},
    )


def _one(name: str, parts: Sequence[Events]) -> Column:
    columns = [part.fields[name] for part in parts]
    texts = [column for column in columns if isinstance(column, Texts)]
    return _together(texts) if texts else np.concatenate([each for each in columns if not isinstance(each, Texts)])


def _together(columns: Sequence[Texts]) -> Texts:
    index: dict[str, int] = {}
    codes = []
    for column in columns:
        mapping = np.array([index.setdefault(value, len(index)) for value in column.values], np.int32)
        codes.append(mapping[column.codes] if len(column) else column.codes)
    return Texts(np.concatenate(codes), list(index))


def column_of(kind: Kind, rows: Sequence[Any]) -> Column:
    """A column from Python values; Any: of the kind."""
    return Texts.of(rows) if kind in (Kind.STRING, Kind.STRINGS) else np.array(rows, _DTYPES[kind])


def packed(events: Events) -> bytes:
    """Events as bytes; `unpacked` reads them."""
    names = list(EVENT_TYPES[events.type].fields)
    texts: list[Sequence[str]] = [events.subscriptions.values, events.sources.values, events.ids]
    blocks = [events.subscriptions.codes, events.times, events.arrivals, events.sources.codes]
    for name in names:
        column = events.fields[name]
        blocks.append(column.codes if isinstance(column, Texts) else column)
        texts.append(column.values if isinstance(column, Texts) else ())
    head = json.dumps(
        {"format": _FORMAT, "type": events.type, "size": len(events), "fields": names, "texts": texts},
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()
    return b"".join([_LENGTH.pack(len(head)), head, *(np.ascontiguousarray(block).tobytes() for block in blocks)])


def unpacked(data: bytes) -> Events:
    """What was `packed`."""
    [length] = _LENGTH.unpack_from(data)
    head = json.loads(data[_LENGTH.size : _LENGTH.size + length])
    if head["format"] != _FORMAT:
        raise ValueError(f"events in format {head['format']}: expected {_FORMAT}")
    reader = _Reader(data, _LENGTH.size + length, head["size"])
    subscriptions, sources, ids, *values = head["texts"]
    subscription_codes, times, arrivals = reader.take(np.int32), reader.take(np.int64), reader.take(np.int64)
    source_codes = reader.take(np.int32)
    types = EVENT_TYPES[head["type"]].fields
    fields: dict[str, Column] = {}
    for name, different in zip(head["fields"], values, strict=True):
        kind = types[name].kind
        texts = kind in (Kind.STRING, Kind.STRINGS)
        fields[name] = Texts(reader.take(np.int32), different) if texts else reader.take(_DTYPES[kind])
    return Events(
        head["type"],
        Texts(subscription_codes, subscriptions),
        times,
        arrivals,
        Texts(source_codes, sources),
        ids,
        fields,
    )


class _Reader:
    def __init__(self, data: bytes, offset: int, size: int) -> None:
        self._data = data
        self._offset = offset
        self._size = size

    def take(self, dtype: Any) -> NDArray[Any]:
        """The next block; Any: numpy's dtypes."""
        block = np.frombuffer(self._data, dtype, self._size, self._offset)
        self._offset += block.nbytes
        return block
