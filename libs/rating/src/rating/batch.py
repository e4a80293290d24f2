"""What do a million records cost? The same answer as the record-by-record path, in columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rating.amounts import sum_by
from rating.charge import Charge, Rating
from rating.derive import charge_of
from rating.errors import RatingError
from rating.ledger import Ledger
from rating.maximum import NOT_CUT_OFF
from rating.measure import Pieces, measure
from rating.outcome import Outcome, error_for
from rating.price import Priced, price_pieces
from rating.record import UsageColumns
from rating.services import SERVICES
from rating.tables import Numerators, Tables, tables_of
from rating.tariff import Tariff
from rating.timeline import Ints

CHUNK = 1 << 15
"""Records worked on at a time: their arrays stay in a core's cache."""


@dataclass(frozen=True, slots=True)
class RatedColumns:
    """A batch, rated: one row a charge, ordered by record and then by use."""

    tariff: Tariff
    columns: UsageColumns
    pieces: Pieces
    """Which record and rate each row belongs to, and its units."""
    priced: Priced
    scale: int
    """Common denominator: `amount[i] / scale` is in major units of the currency."""
    outcome: NDArray[np.uint8]
    """Each record's Outcome; records that failed have no rows."""

    @property
    def exact(self) -> Numerators:
        """Each row's amount before rounding, over `scale`."""
        return self.priced.exact

    @property
    def amount(self) -> Numerators:
        """What each row adds to what is owed, over `scale`: after rounding the record and allowances of money."""
        return self.priced.amount

    @property
    def record_amounts(self) -> Numerators:
        """What each record costs, over `scale`; 0 for records that failed."""
        return sum_by(self.pieces.record, self.amount, len(self.outcome))

    @property
    def ledger(self) -> Ledger | None:
        """The accounts after the batch; None where the tariff keeps none."""
        return self.priced.details.ledger if self.priced.details else None

    @property
    def cut_off(self) -> Ints:
        """By record: base units into it at which its maximum cost ends the service; -1 where it doesn't."""
        result = np.full(len(self.outcome), NOT_CUT_OFF, np.int64)
        if self.priced.details:
            rows = np.flatnonzero(self.priced.details.cut_off != NOT_CUT_OFF)[::-1]
            result[self.pieces.record[rows]] = self.priced.details.cut_off[rows]  # of several, the first is set last
        return result

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
        networks, values = columns.visited_network, columns.value_micros
        return error_for(
            outcome,
            self.tariff,
            SERVICES[columns.service[record]],
            int(columns.start[record]),
            int(columns.quantity[record]),
            str(columns.destination[record]),
            "" if networks is None else str(networks[record]),
            0 if values is None else int(values[record]),
        )

    def charge(self, row: int) -> Charge:
        """One row with its derivation, equal to the charge that the record-by-record path makes."""
        return charge_of(tables_of(self.tariff), self.columns, self.pieces, self.priced, row)

    def rating(self, record: int) -> Rating:
        """One record's charges with their derivation; raises the error of a record that failed."""
        error = self.error(record)
        if error is not None:
            raise error
        low, high = np.searchsorted(self.pieces.record, [record, record + 1])
        cut_off = int(self.cut_off[record])
        charges = tuple(self.charge(row) for row in range(low, high))
        return Rating(charges, self.tariff.record_rounding, None if cut_off == NOT_CUT_OFF else cut_off)


def rate_batch(
    columns: UsageColumns, tariff: Tariff, ledger: Ledger | None = None, account: NDArray[np.int64] | None = None
) -> RatedColumns:
    """Every record's charges. A record that can't be rated is reported in `outcome` and spoils no other.

    `ledger` holds the accounts that records draw on, in order of their starts; `account` is each record's number in it
    (without it, all draw on number 0). RatingError where the tariff keeps accounts and there is no ledger.
    """
    tables = tables_of(tariff)
    accounts = accounts_of(columns, tables, ledger, account)
    if tables.has_features:
        # Accounts are drawn on in order of events, across all of the batch.
        pieces, outcome = measure_in_chunks(columns, tables)
        priced = price_pieces(columns, pieces, tables, ledger, accounts)
        return RatedColumns(tariff, columns, pieces, priced, tables.scale, outcome)
    parts, prices, outcomes = [], [], []
    for low, chunk in chunks(columns):
        pieces, outcome = measure(chunk, tables)
        prices.append(price_pieces(chunk, pieces, tables))
        pieces.record[:] += low
        parts.append(pieces)
        outcomes.append(outcome)
    fee, exact, amount = (
        np.concatenate([getattr(each, name) for each in prices]) for name in ("fee", "exact", "amount")
    )
    priced = Priced(fee, exact, amount)
    return RatedColumns(tariff, columns, Pieces.join(parts), priced, tables.scale, np.concatenate(outcomes))


def chunks(columns: UsageColumns) -> list[tuple[int, UsageColumns]]:
    """(first row, columns) of each chunk; one empty chunk of nothing."""
    return [(low, columns.rows(slice(low, low + CHUNK))) for low in range(0, max(len(columns), 1), CHUNK)]


def measure_in_chunks(columns: UsageColumns, tables: Tables) -> tuple[Pieces, NDArray[np.uint8]]:
    """The pieces of all records together, and every record's Outcome."""
    parts, outcomes = [], []
    for low, chunk in chunks(columns):
        pieces, outcome = measure(chunk, tables)
        pieces.record[:] += low
        parts.append(pieces)
        outcomes.append(outcome)
    return Pieces.join(parts), np.concatenate(outcomes)


def accounts_of(
    columns: UsageColumns, tables: Tables, ledger: Ledger | None, account: NDArray[np.int64] | None
) -> Ints | None:
    """Each record's account number, checked; None where the tariff keeps no accounts."""
    if not tables.keeps_accounts:
        return None
    if ledger is None:
        raise RatingError("ledger", None, f"a ledger, for the prices of tariff {tables.tariff.id} depend on accounts")
    if ledger.tariff is not tables.tariff and ledger.tariff != tables.tariff:
        raise RatingError("ledger", ledger.tariff.id, f"a ledger that was made for this tariff, {tables.tariff.id}")
    numbers = np.zeros(len(columns), np.int64) if account is None else np.asarray(account)
    if len(numbers) != len(columns) or numbers.dtype.kind not in "iu":
        raise RatingError("account", f"{len(numbers)} x {numbers.dtype}", f"{len(columns)} account numbers")
    if len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < ledger.count:
        raise RatingError("account", int(numbers.max()), f"numbers from 0 to {ledger.count - 1}, as in the ledger")
    return numbers.astype(np.int64, copy=False)
