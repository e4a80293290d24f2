"""What must be booked when a record comes late, is corrected or withdrawn, or the plan changes after the fact?

Everything of the cycle is rated anew in order of events, and what differs from the books is reversed and booked again.
Nothing that stands in the books is ever edited.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rating.amounts import total
from rating.batch import RatedColumns, rate_batch
from rating.errors import RatingError
from rating.ledger import Ledger
from rating.record import UsageColumns
from rating.tables import tables_of
from rating.tariff import Tariff


class BookingKind(StrEnum):
    """What a booking is."""

    CHARGE = "charge"
    REVERSAL = "reversal"
    """Takes back what was booked: its figures are negative."""


@dataclass(frozen=True, slots=True)
class Booking:
    """What a record costs on a bill line, as it is written into the books."""

    record_id: str
    line: str
    kind: BookingKind
    quantity: int
    """Base units really used."""
    units: int
    """Base units charged."""
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Rerating:
    """What to book, and the new rating."""

    bookings: tuple[Booking, ...]
    """In order of events, withdrawn records last; of each record first the reversals."""
    rated: RatedColumns
    """All records under the tariff; those in `rated.failed` have no price now and stand in the books no more."""
    unchanged: int
    """How many records stand in the books as they should."""


_Figures = tuple[int, int, Fraction]
_Lines = dict[str, _Figures]


def book(rated: RatedColumns, record_ids: Sequence[str]) -> tuple[Booking, ...]:
    """The bookings of a batch rated for the first time; `record_ids` are its records' ids."""
    charged = _charged(rated, record_ids)
    return tuple(booking for record_id in charged for booking in _charges(record_id, charged[record_id]))


def rerate(
    columns: UsageColumns,
    record_ids: Sequence[str],
    tariff: Tariff,
    booked: Iterable[Booking],
    ledger: Ledger | None = None,
    account: NDArray[np.int64] | None = None,
) -> Rerating:
    """Rate the records of whole cycles anew, and tell what to book so that the books agree.

    `columns` are all records of the cycles as they are known now, `record_ids` their ids; `booked` is everything booked
    for these cycles so far, reversals included; `ledger` holds the accounts as they were when the cycles began. Raises
    RatingError for ids that stand twice, and what rate_batch raises.
    """
    if len(record_ids) != len(columns) or len(set(record_ids)) != len(record_ids):
        raise RatingError("record_ids", f"{len(set(record_ids))} different ids", f"{len(columns)} ids, one a record")
    rated = rate_batch(columns, tariff, ledger, account)
    charged, standing = _charged(rated, record_ids), _standing(booked)
    order = [record_ids[row] for row in np.argsort(columns.start, kind="stable")]
    known = set(record_ids)
    order += [record_id for record_id in standing if record_id not in known]
    bookings: list[Booking] = []
    unchanged = 0
    for record_id in order:
        now, before = charged.get(record_id, {}), standing.get(record_id, {})
        if now == before:
            unchanged += bool(now)
        else:
            bookings += [*_reversals(record_id, before), *_charges(record_id, now)]
    return Rerating(tuple(bookings), rated, unchanged)


def _charged(rated: RatedColumns, record_ids: Sequence[str]) -> dict[str, _Lines]:
    """What each record costs by line now, in order of the records' rows."""
    tables = tables_of(rated.tariff)
    found: dict[str, _Lines] = {}
    rows = zip(
        rated.pieces.record.tolist(),
        rated.line.tolist(),
        rated.pieces.quantity.tolist(),
        total(rated.pieces.units).tolist(),
        rated.amount.tolist(),
        strict=True,
    )
    for record, line, quantity, units, amount in rows:
        _add(
            found.setdefault(record_ids[record], {}),
            tables.lines[line],
            (quantity, units, Fraction(amount, rated.scale)),
        )
    return found


def _standing(booked: Iterable[Booking]) -> dict[str, _Lines]:
    """What each record stands at in the books by line: charges less reversals."""
    found: dict[str, _Lines] = {}
    balance: dict[tuple[str, str], int] = {}
    for booking in booked:
        figures = (booking.quantity, booking.units, booking.amount)
        _add(found.setdefault(booking.record_id, {}), booking.line, figures)
        key = (booking.record_id, booking.line)
        balance[key] = balance.get(key, 0) + (1 if booking.kind is BookingKind.CHARGE else -1)
    open_lines = {
        record_id: {line: figures for line, figures in lines.items() if balance[record_id, line]}
        for record_id, lines in found.items()
    }
    return {record_id: lines for record_id, lines in open_lines.items() if lines}


def _add(lines: _Lines, line: str, figures: _Figures) -> None:
    quantity, units, amount = lines.get(line, (0, 0, Fraction(0)))
    lines[line] = (quantity + figures[0], units + figures[1], amount + figures[2])


def _charges(record_id: str, lines: Mapping[str, _Figures]) -> list[Booking]:
    return [Booking(record_id, line, BookingKind.CHARGE, *figures) for line, figures in lines.items()]


def _reversals(record_id: str, lines: Mapping[str, _Figures]) -> list[Booking]:
    return [
        Booking(record_id, line, BookingKind.REVERSAL, -quantity, -units, -amount)
        for line, (quantity, units, amount) in lines.items()
    ]
