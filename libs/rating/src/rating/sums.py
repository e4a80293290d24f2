"""How much of each rate did each bill use? The sums that lines and plan comparison are made of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rating.amounts import add, multiply, sum_by
from rating.batch import CHUNK, connection_fees, first_of_record, price_units, round_records
from rating.measure import Pieces, measure
from rating.record import UsageColumns
from rating.tables import Numerators, Shape, Tables
from rating.timeline import Ints

_DENSE = 8
"""Sums are kept in one slot for every possible key while there are at most so many slots a piece."""


@dataclass(frozen=True, slots=True)
class PartSums:
    """One row for each (bill, rate) that was used, in that order."""

    bill: Ints
    rate: Ints
    quantity: Numerators
    """Base units really used."""
    units: Numerators
    """Base units charged, by step of the rate (rows) and part (columns)."""
    connections: Ints
    """Connection fees that fell due."""
    records: Ints
    """Records whose first charge on the part's line is in this part: over a line's parts, its number of records."""
    amount: Numerators
    """Over the tariff's scale; the sum of rounded records where the tariff rounds records."""


@dataclass(frozen=True, slots=True)
class _Partial:
    key: Ints
    sums: tuple[Numerators, ...]


Measured = dict[Shape, tuple[_Partial, NDArray[np.uint8]]]
"""What was measured already, by the shape of the tariff: tariffs that differ in prices alone share it."""


def sum_parts(
    columns: UsageColumns, tables: Tables, bills: Ints, measured: Measured | None = None
) -> tuple[PartSums, NDArray[np.uint8]]:
    """The sums of all records, and each record's Outcome. `measured` must belong to the same columns and bills."""
    if not len(columns):
        none = np.zeros(0, np.int64)
        units = np.zeros((tables.max_steps, 0), np.int64)
        return PartSums(none, none, none, units, none, none, none), np.zeros(0, np.uint8)
    if measured is None or tables.tariff.record_rounding is not None:
        total, outcome = _sum_all(columns, tables, bills)
    else:
        if tables.shape not in measured:
            measured[tables.shape] = _sum_all(columns, tables, bills)
        total, outcome = measured[tables.shape]
    return _parts(total, tables), outcome


def _sum_all(columns: UsageColumns, tables: Tables, bills: Ints) -> tuple[_Partial, NDArray[np.uint8]]:
    partials: list[_Partial] = []
    outcomes: list[NDArray[np.uint8]] = []
    for low in range(0, len(columns), CHUNK):
        chunk = slice(low, low + CHUNK)
        partial, outcome = _sum_chunk(columns.rows(chunk), tables, bills[chunk])
        partials.append(partial)
        outcomes.append(outcome)
    key = np.concatenate([partial.key for partial in partials])
    columns_of = zip(*(partial.sums for partial in partials), strict=True)
    total = _reduce(key, tuple(np.concatenate(values) for values in columns_of))
    return total, np.concatenate(outcomes)


def _sum_chunk(columns: UsageColumns, tables: Tables, bills: Ints) -> tuple[_Partial, NDArray[np.uint8]]:
    pieces, outcome = measure(columns, tables)
    key = bills[pieces.record] * len(tables.rows) + pieces.rate
    first = first_of_record(pieces)
    due = first & (columns.quantity[pieces.record] > 0)
    once = _first_on_line(pieces, first, tables)
    sums: tuple[Numerators, ...] = (pieces.quantity, due.astype(np.int64), once.astype(np.int64), *pieces.units)
    if tables.tariff.record_rounding is not None:
        fee = connection_fees(columns, pieces, first, tables)
        exact = add(price_units(pieces.units, pieces.rate, tables), fee)
        sums = (*sums, round_records(exact, first, tables))
    return _reduce(key, sums), outcome


def _first_on_line(pieces: Pieces, first: NDArray[np.bool_], tables: Tables) -> NDArray[np.bool_]:
    if first.all():
        return first
    keys = pieces.record * len(tables.lines) + tables.line_of[pieces.rate]
    once = np.zeros(len(keys), bool)
    once[np.unique(keys, return_index=True)[1]] = True
    return once


def _reduce(key: Ints, sums: tuple[Numerators, ...]) -> _Partial:
    """One row a key, in order of keys."""
    if len(key) == 0:
        return _Partial(key, sums)
    low = int(key.min())
    size = int(key.max()) - low + 1
    if size <= _DENSE * len(key):
        used = np.flatnonzero(np.bincount(key - low, minlength=size))
        return _Partial(used + low, tuple(sum_by(key - low, values, size)[used] for values in sums))
    keys, which = np.unique(key, return_inverse=True)
    return _Partial(keys, tuple(sum_by(which, values, len(keys)) for values in sums))


def _parts(total: _Partial, tables: Tables) -> PartSums:
    rate, bill = total.key % len(tables.rows), total.key // len(tables.rows)
    quantity, connections, records, *rest = total.sums
    units = np.stack(rest[: tables.max_steps])
    if len(rest) > tables.max_steps:
        return PartSums(bill, rate, quantity, units, connections, records, rest[-1])
    amount = add(price_units(units, rate, tables), multiply(connections, tables.fee[rate]))
    return PartSums(bill, rate, quantity, units, connections, records, amount)
