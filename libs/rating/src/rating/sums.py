"""How much of each rate did each bill use? The sums that lines and plan comparison are made of."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rating.amounts import add, multiply, sum_by
from rating.batch import chunks, measure_in_chunks
from rating.ledger import Ledger
from rating.measure import Pieces, measure
from rating.price import first_of_record, price_pieces, price_units
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
    connections: Ints
    """Connection fees that fell due."""
    records: Ints
    """Records whose first charge on the part's line is in this part: over a line's parts, its number of records."""
    units: Numerators
    """Base units charged, covered ones included, by step of the rate (rows) and part (columns)."""
    covered: Numerators
    """Base units that allowances cover."""
    amount: Numerators
    """Over the tariff's scale; where the tariff rounds records, the sum of rounded ones."""


@dataclass(frozen=True, slots=True)
class _Partial:
    key: Ints
    sums: tuple[Numerators, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of the same records and bills already, by the shape of the tariff.

    Tariffs that differ in prices and allowances alone share it.
    """

    sums: dict[Shape, tuple[_Partial, NDArray[np.uint8]]] = field(default_factory=dict)
    pieces: dict[Shape, tuple[Pieces, NDArray[np.uint8]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Summed:
    """All records, summed."""

    parts: PartSums
    outcome: NDArray[np.uint8]
    """By record."""
    ledger: Ledger | None
    """The accounts after them; None where the tariff keeps none."""


def sum_parts(
    columns: UsageColumns,
    tables: Tables,
    bills: Ints,
    *,
    ledger: Ledger | None = None,
    measured: Measured | None = None,
) -> Summed:
    """The sums of all records by bill; bills are the accounts of the ledger where the tariff keeps accounts.

    `measured` must belong to the same columns and bills.
    """
    measured = measured or Measured()
    if tables.has_features:
        if tables.shape not in measured.pieces:
            measured.pieces[tables.shape] = measure_in_chunks(columns, tables)
        return _sum_priced(columns, *measured.pieces[tables.shape], tables, bills, ledger)
    if not tables.is_linear:
        total, outcome = _sum_all(columns, tables, bills)
    else:
        if tables.shape not in measured.sums:
            measured.sums[tables.shape] = _sum_all(columns, tables, bills)
        total, outcome = measured.sums[tables.shape]
    return Summed(_parts(total, tables), outcome, None)


def _sum_priced(
    columns: UsageColumns,
    pieces: Pieces,
    outcome: NDArray[np.uint8],
    tables: Tables,
    bills: Ints,
    ledger: Ledger | None,
) -> Summed:
    """Where an amount depends on more than the units summed, every piece is priced."""
    priced = price_pieces(columns, pieces, tables, ledger, bills if tables.keeps_accounts else None)
    connections = (priced.fee != 0).astype(np.int64)
    covered = priced.details.covered if priced.details else pieces.quantity * 0
    sums = (pieces.quantity, connections, _once(pieces, tables), *pieces.units, covered, priced.amount)
    total = _reduce(_keys(pieces, bills, tables), sums)
    return Summed(_parts(total, tables), outcome, priced.details.ledger if priced.details else None)


def _sum_all(columns: UsageColumns, tables: Tables, bills: Ints) -> tuple[_Partial, NDArray[np.uint8]]:
    partials: list[_Partial] = []
    outcomes: list[NDArray[np.uint8]] = []
    for low, chunk in chunks(columns):
        partial, outcome = _sum_chunk(chunk, tables, bills[low : low + len(chunk)])
        partials.append(partial)
        outcomes.append(outcome)
    key = np.concatenate([partial.key for partial in partials])
    columns_of = zip(*(partial.sums for partial in partials), strict=True)
    total = _reduce(key, tuple(np.concatenate(values) for values in columns_of))
    return total, np.concatenate(outcomes)


def _sum_chunk(columns: UsageColumns, tables: Tables, bills: Ints) -> tuple[_Partial, NDArray[np.uint8]]:
    pieces, outcome = measure(columns, tables)
    due = first_of_record(pieces) & (columns.quantity[pieces.record] > 0)
    sums: tuple[Numerators, ...] = (pieces.quantity, due.astype(np.int64), _once(pieces, tables), *pieces.units)
    if not tables.is_linear:
        sums = (*sums, pieces.quantity * 0, price_pieces(columns, pieces, tables).amount)
    return _reduce(_keys(pieces, bills, tables), sums), outcome


def _keys(pieces: Pieces, bills: Ints, tables: Tables) -> Ints:
    return bills[pieces.record] * len(tables.rows) + pieces.rate


def _once(pieces: Pieces, tables: Tables) -> Ints:
    """1 for the first piece of each record on each line, 0 for the others."""
    first = first_of_record(pieces)
    if first.all():
        return first.astype(np.int64)
    keys = pieces.record * len(tables.lines) + tables.line_of[pieces.rate]
    once = np.zeros(len(keys), np.int64)
    once[np.unique(keys, return_index=True)[1]] = 1
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
        covered, amount = rest[tables.max_steps :]
    else:
        covered = np.zeros(len(rate), np.int64)
        amount = add(price_units(units, rate, tables), multiply(connections, tables.fee[rate]))
    return PartSums(bill, rate, quantity, connections, records, units, covered, amount)
