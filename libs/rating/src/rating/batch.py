"""What do a million records cost? The same answer as the record-by-record path, in columns."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rating.amounts import add, multiply, round_to, running_totals, sum_by
from rating.charge import Charge, Rating
from rating.errors import RatingError
from rating.measure import Pieces, measure
from rating.outcome import Outcome, error_for
from rating.record import UsageColumns
from rating.scalar import lay
from rating.tables import Numerators, Tables, tables_of
from rating.tariff import SERVICES, Service, Tariff
from rating.timeline import Ints, from_epoch

CHUNK = 1 << 15
"""Records worked on at a time: their arrays stay in a core's cache."""


@dataclass(frozen=True, slots=True)
class RatedColumns:
    """A batch, rated: one row a charge, ordered by record and then by use."""

    tariff: Tariff
    columns: UsageColumns
    pieces: Pieces
    """Which record, rate and step each row belongs to, and its increments."""
    fee: Numerators
    """Connection fee in each row, over `scale`."""
    exact: Numerators
    """Amount before rounding, over `scale`."""
    amount: Numerators
    """Amount after rounding the record, over `scale`."""
    scale: int
    """Common denominator: `amount[i] / scale` is in major units of the currency."""
    outcome: NDArray[np.uint8]
    """Each record's Outcome; records that failed have no rows."""

    @property
    def record_amounts(self) -> Numerators:
        """What each record costs after its rounding, over `scale`; 0 for records that failed."""
        return sum_by(self.pieces.record, self.amount, len(self.outcome))

    @property
    def lines(self) -> tuple[str, ...]:
        """Names of the tariff's bill lines."""
        return tables_of(self.tariff).lines

    @property
    def line(self) -> Ints:
        """Each row's bill line, as an index into `lines`."""
        return tables_of(self.tariff).line_of[self.pieces.rate]

    @property
    def failed(self) -> Ints:
        """Rows of the records that could not be rated."""
        return np.flatnonzero(self.outcome)

    def error(self, record: int) -> RatingError | None:
        """Why a record could not be rated; None when it was."""
        outcome = Outcome(int(self.outcome[record]))
        if outcome is Outcome.RATED:
            return None
        columns = self.columns
        networks = columns.visited_network
        return error_for(
            outcome,
            self.tariff,
            SERVICES[columns.service[record]],
            int(columns.start[record]),
            int(columns.quantity[record]),
            str(columns.destination[record]),
            "" if networks is None else str(networks[record]),
        )

    def charge(self, row: int) -> Charge:
        """One row with its derivation, equal to the charge that the record-by-record path makes."""
        tables, pieces = tables_of(self.tariff), self.pieces
        rate_row = tables.rows[pieces.rate[row]]
        start = int(self.columns.start[pieces.record[row]])
        offset = int(pieces.offset[row])
        shift = offset if rate_row.rate.service is Service.VOICE else 0
        return Charge(
            line=rate_row.rate.line,
            service=rate_row.rate.service,
            zone=rate_row.rate.zone,
            band=rate_row.rate.band,
            roaming=rate_row.rate.roaming,
            version=self.tariff.versions[rate_row.version].active_from,
            start=from_epoch(start + shift),
            quantity=int(pieces.quantity[row]),
            portions=lay(rate_row.rate.steps, offset, offset + int(pieces.units[:, row].sum())),
            connection_fee=Fraction(int(self.fee[row]), self.scale),
            exact=Fraction(int(self.exact[row]), self.scale),
            amount=Fraction(int(self.amount[row]), self.scale),
        )

    def rating(self, record: int) -> Rating:
        """One record's charges with their derivation; raises the error of a record that failed."""
        error = self.error(record)
        if error is not None:
            raise error
        low, high = np.searchsorted(self.pieces.record, [record, record + 1])
        return Rating(tuple(self.charge(row) for row in range(low, high)), self.tariff.record_rounding)


def rate_batch(columns: UsageColumns, tariff: Tariff) -> RatedColumns:
    """Every record's charges. A record that can't be rated is reported in `outcome` and spoils no other."""
    tables = tables_of(tariff)
    parts = [_rate_chunk(columns.rows(slice(low, low + CHUNK)), tables) for low in range(0, len(columns), CHUNK)]
    if not parts:
        parts = [_rate_chunk(columns, tables)]
    for number, part in enumerate(parts):
        part.pieces.record[:] += number * CHUNK
    return RatedColumns(
        tariff,
        columns,
        Pieces.join([part.pieces for part in parts]),
        np.concatenate([part.fee for part in parts]),
        np.concatenate([part.exact for part in parts]),
        np.concatenate([part.amount for part in parts]),
        tables.scale,
        np.concatenate([part.outcome for part in parts]),
    )


@dataclass(frozen=True, slots=True)
class _Chunk:
    pieces: Pieces
    fee: Numerators
    exact: Numerators
    amount: Numerators
    outcome: NDArray[np.uint8]


def _rate_chunk(columns: UsageColumns, tables: Tables) -> _Chunk:
    pieces, outcome = measure(columns, tables)
    first = first_of_record(pieces)
    fee = connection_fees(columns, pieces, first, tables)
    exact = add(price_units(pieces.units, pieces.rate, tables), fee)
    return _Chunk(pieces, fee, exact, round_records(exact, first, tables), outcome)


def price_units(units: Numerators, rate: Ints, tables: Tables) -> Numerators:
    """What units by step (rows) cost at the prices of their rates (one a column)."""
    total = multiply(units[0], tables.price[0][rate])
    for step in range(1, len(units)):
        total = add(total, multiply(units[step], tables.price[step][rate]))
    return total


def first_of_record(pieces: Pieces) -> NDArray[np.bool_]:
    """Which pieces are the first of their record."""
    first = np.ones(len(pieces.record), bool)
    first[1:] = pieces.record[1:] != pieces.record[:-1]
    return first


def connection_fees(columns: UsageColumns, pieces: Pieces, first: NDArray[np.bool_], tables: Tables) -> Numerators:
    """The connection fee in each piece: the rate's in a record's first, unless nothing was used."""
    due = first & (columns.quantity[pieces.record] > 0)
    return np.where(due, tables.fee[pieces.rate], 0)


def round_records(exact: Numerators, first: NDArray[np.bool_], tables: Tables) -> Numerators:
    """Amounts after rounding each record once: what its rounded running total grew by in each piece."""
    rounding = tables.tariff.record_rounding
    if rounding is None:
        return exact
    step = tables.rounding_step(rounding)
    if first.all():
        return round_to(exact, step, rounding.method)
    totals = round_to(running_totals(exact, first), step, rounding.method)
    before = np.concatenate([totals[:1] * 0, totals[:-1]])
    result: Numerators = totals - np.where(first, 0, before)
    return result
