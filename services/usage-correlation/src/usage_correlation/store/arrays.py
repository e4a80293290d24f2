"""How do columns of thousands of values reach PostgreSQL without costing more than what is done with them?

As arrays in PostgreSQL's binary format (array_send in its source), made by numpy in one go. Lists of Python values that
the driver turns into text, one by one, take longer than the insert that they are for.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import pq
from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

PG_EPOCH_MICROS: Final = 946_684_800_000_000
"""PostgreSQL counts from 2000-01-01."""

Integers = Sequence[int] | NDArray[Any]
"""Any: of any integer dtype."""

_ONE_DIMENSION: Final = struct.Struct(">iiIii")
"""Dimensions, has nulls, type of elements, length, lower bound."""
_LENGTH: Final = struct.Struct(">i")
_FEW: Final = 2
"""Texts of which at least so many are the same are worth looking up."""

# Type ids of elements and arrays: fixed since PostgreSQL 8, see pg_type.dat.
_SMALLINT: Final = (21, 1005)
_INTEGER: Final = (23, 1007)
_BIGINT: Final = (20, 1016)
_TIMESTAMPTZ: Final = (1184, 1185)
_TEXT: Final = (25, 1009)
_DOUBLE: Final = (701, 1022)


@dataclass(frozen=True, slots=True)
class BinaryArray:
    """An array as it goes over the wire; give it to a statement as a `%b` parameter."""

    type_id: int
    data: bytes


def smallints(values: Integers) -> BinaryArray:
    """smallint[]."""
    return _fixed(_SMALLINT, values, ">i2")


def integers(values: Integers) -> BinaryArray:
    """integer[]."""
    return _fixed(_INTEGER, values, ">i4")


def bigints(values: Integers) -> BinaryArray:
    """bigint[]."""
    return _fixed(_BIGINT, values, ">i8")


def doubles(values: Sequence[float] | NDArray[np.float64]) -> BinaryArray:
    """Double precision[]."""
    element, array = _DOUBLE
    cells = np.empty(len(values), [("length", ">i4"), ("value", ">f8")])
    cells["length"] = 8
    cells["value"] = np.asarray(values, np.float64)
    return BinaryArray(array, _header(element, len(values)) + cells.tobytes())


def timestamps(micros: Integers) -> BinaryArray:
    """timestamptz[], from microseconds since 1970."""
    return _fixed(_TIMESTAMPTZ, np.asarray(micros, np.int64) - PG_EPOCH_MICROS, ">i8")


def texts(values: Sequence[str]) -> BinaryArray:
    """text[]; no value may hold NUL, which PostgreSQL has no place for."""
    pack, different = _LENGTH.pack, set(values)
    if len(different) * _FEW > len(values):
        parts = [part for value in values for encoded in [value.encode()] for part in (pack(len(encoded)), encoded)]
        return BinaryArray(_TEXT[1], _header(_TEXT[0], len(values)) + b"".join(parts))
    # Each different text is made once: most columns hold few.
    cells = {value: pack(len(encoded)) + encoded for value in different for encoded in [value.encode()]}
    return BinaryArray(_TEXT[1], _header(_TEXT[0], len(values)) + b"".join([cells[value] for value in values]))


def whole_numbers(values: Sequence[int]) -> BinaryArray:
    """Integers of any size, for a parameter that the statement casts: `%b::numeric[]`."""
    try:
        return bigints(values)
    except OverflowError:
        return texts([str(value) for value in values])


def _fixed(type_ids: tuple[int, int], values: Integers, dtype: str) -> BinaryArray:
    element, array = type_ids
    cells = np.empty(len(values), [("length", ">i4"), ("value", dtype)])
    cells["length"] = np.dtype(dtype).itemsize
    cells["value"] = np.asarray(values, np.int64)
    return BinaryArray(array, _header(element, len(values)) + cells.tobytes())


def _header(element: int, length: int) -> bytes:
    return _ONE_DIMENSION.pack(1, 0, element, length, 1)


def bigints_from(data: bytes) -> NDArray[np.int64]:
    """The values of a bigint[] or timestamptz[] without nulls in binary format."""
    if len(data) <= _ONE_DIMENSION.size:
        return np.empty(0, np.int64)
    cells = np.frombuffer(data, [("length", ">i4"), ("value", ">i8")], offset=_ONE_DIMENSION.size)
    return cells["value"].astype(np.int64)


class _ArrayDumper(Dumper):
    """Hands a BinaryArray to libpq as it is."""

    format = pq.Format.BINARY

    def get_key(self, obj: BinaryArray, format: psycopg.adapt.PyFormat) -> tuple[type, int]:  # type: ignore[override]  # noqa: A002 - as the driver names it; keys are tuples of types in its annotations alone
        """One dumper for each type of array."""
        del format
        return self.cls, obj.type_id

    def upgrade(self, obj: BinaryArray, format: psycopg.adapt.PyFormat) -> "_ArrayDumper":  # noqa: A002 - as the driver names it
        """The dumper for this type of array."""
        del format
        dumper = _ArrayDumper(self.cls)
        dumper.oid = obj.type_id
        return dumper

    def dump(self, obj: BinaryArray) -> bytes:
        """What goes over the wire."""
        return obj.data


def accept_arrays(engine: AsyncEngine) -> None:
    """Let every connection of the engine take BinaryArrays."""

    @event.listens_for(engine.sync_engine, "connect")
    def register(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        driver: Any = connection.driver_connection  # Any: SQLAlchemy's wrapper doesn't say which driver's
        context: AdaptContext = driver
        context.adapters.register_dumper(BinaryArray, _ArrayDumper)
