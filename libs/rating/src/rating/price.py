"""What do the pieces of a batch cost? Free records, allowances, prices, maximum, rounding, money, in this order."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rating.amounts import add, multiply, round_to, running_totals, total
from rating.cover import Events, Uses, cover_units, pay_amounts
from rating.ledger import Ledger
from rating.maximum import NOT_CUT_OFF, keep_maxima
from rating.measure import Pieces
from rating.record import UsageColumns
from rating.tables import Numerators, Tables
from rating.tiers import cycle_costs
from rating.timeline import Ints


@dataclass(frozen=True, slots=True)
class Priced:
    """What pieces cost: one row a piece. Amounts are over the tariff's scale."""

    fee: Numerators
    """Connection fee inside `exact`."""
    exact: Numerators
    """Before any rounding."""
    amount: Numerators
    """After rounding the record, and after allowances of money."""
    details: "Details | None" = None
    """None where the tariff has none of what it tells about."""


@dataclass(frozen=True, slots=True)
class Details:
    """What only some tariffs have."""

    covered: Numerators
    """Base units that allowances cover, by piece."""
    gathered: Numerators
    """Base units that the piece's line had gathered before, by piece; 0 on lines that aren't counted."""
    is_free: NDArray[np.bool_]
    """By piece."""
    value: Numerators
    """The record's own value inside `exact`, by piece."""
    capped: Numerators
    """By piece."""
    cut_off: Ints
    """By piece: base units into the record at which its maximum cost ends the service, or NOT_CUT_OFF."""
    covers: list[Uses] = field(default_factory=list)
    credits: list[Uses] = field(default_factory=list)
    ledger: Ledger | None = None
    """The accounts after the batch."""


def price_pieces(
    columns: UsageColumns, pieces: Pieces, tables: Tables, ledger: Ledger | None = None, account: Ints | None = None
) -> Priced:
    """Price pieces, against the accounts of a ledger where the tariff keeps accounts (`account`: by record)."""
    first = first_of_record(pieces)
    if not tables.has_features:
        fee = connection_fees(columns, pieces, first, tables)
        exact = add(price_units(pieces.units, pieces.rate, tables), fee)
        return Priced(fee, exact, round_records(exact, first, tables))
    return _Pricing(columns, pieces, tables, first).run(ledger, account)


class _Pricing:
    """Pricing with everything that a tariff may have."""

    def __init__(self, columns: UsageColumns, pieces: Pieces, tables: Tables, first: NDArray[np.bool_]) -> None:
        self.columns = columns
        self.pieces = pieces
        self.tables = tables
        self.first = first
        self.used = columns.quantity[pieces.record] > 0

    def run(self, ledger: Ledger | None, account: Ints | None) -> Priced:
        if not self.tables.keeps_accounts or ledger is None or account is None:
            none = np.zeros(len(self.pieces), np.int64)
            details = Details(none, none, none > 0, none, none, none + NOT_CUT_OFF)
            return self._price(details, total(self.pieces.units), none)
        start = self.columns.start[self.pieces.record]
        shared = any(bucket.owner for account in ledger.before for bucket in account.buckets)
        events = Events.of(account[self.pieces.record], start, shared=shared)
        keys = events.account * len(self.tables.lines) + self.tables.line_of[self.pieces.rate]
        is_free = self._free(events, keys, ledger)
        units = total(self.pieces.units)
        wanted = np.where(is_free, 0, units)
        left, slots, covers = cover_units(wanted, self.pieces, events, ledger.slots, self.tables)
        gathered, ledger = self._gather(events, keys, left, replace(ledger, slots=slots))
        none = np.zeros(len(units), np.int64)
        details = Details(add(wanted, -left), gathered, is_free, none, none, none + NOT_CUT_OFF, covers, [], ledger)
        priced = self._price(details, left, self._cover_costs(covers))
        if priced.details is None:
            return priced
        amount, slots, paid = pay_amounts(priced.amount, self.pieces, events, ledger.slots, self.tables)
        ledger = replace(ledger, slots=slots)
        return replace(priced, amount=amount, details=replace(priced.details, credits=paid, ledger=ledger))

    def _free(self, events: Events, keys: Ints, ledger: Ledger) -> NDArray[np.bool_]:
        """Which pieces belong to the first records of their line in the cycle that cost nothing."""
        allowed = self.tables.free_records[self.pieces.rate]
        is_free = np.zeros(len(self.pieces), bool)
        counting = self.used & self.tables.is_counted[self.pieces.rate]
        if not allowed.any() or not counting.any():
            return is_free
        piece, first = events.runs(counting, keys)
        opens = _opens_record(piece, first, self.pieces.record)
        _, before = ledger.counters.at(keys[piece])
        turn = running_totals(opens.astype(np.int64), first) - 1 + before
        is_free[piece] = turn < allowed[piece]
        return is_free

    def _gather(self, events: Events, keys: Ints, left: Numerators, ledger: Ledger) -> tuple[Numerators, Ledger]:
        """What each piece's line had gathered before it, and the ledger with its counters after the batch."""
        gathered: Numerators = np.zeros(len(self.pieces), np.int64)
        counting = self.tables.is_counted[self.pieces.rate]
        if not counting.any():
            return gathered, ledger
        piece, first = events.runs(counting, keys)
        units, records = ledger.counters.at(keys[piece])
        reached = add(units, running_totals(left[piece], first))
        before = add(reached, -left[piece])
        gathered = gathered.astype(object) if before.dtype == object else gathered
        gathered[piece] = before
        # Records of nothing see the counter and leave it as it is.
        opens = _opens_record(piece, first, self.pieces.record) & self.used[piece]
        counted = running_totals(opens.astype(np.int64), first) + records
        last = np.flatnonzero(np.append(first[1:], [True]) & (counted > 0))
        counters = ledger.counters.updated(keys[piece[last]], reached[last], counted[last])
        return gathered, replace(ledger, counters=counters)

    def _cover_costs(self, covers: list[Uses]) -> Numerators:
        costs: Numerators = np.zeros(len(self.pieces), np.int64)
        for uses in covers:
            here: Numerators = np.zeros(len(self.pieces), uses.cost.dtype)
            here[uses.piece] = uses.cost
            costs = add(costs, here)
        return costs

    def _price(self, details: Details, left: Numerators, cover_costs: Numerators) -> Priced:
        pieces, tables = self.pieces, self.tables
        remaining = _uncovered(pieces.units, details.covered)
        paying = ~details.is_free
        opening = self.first & self.used & paying
        fee = np.where(opening & (details.covered == 0), tables.fee[pieces.rate], 0)
        value = self._values(opening)
        exact = np.where(paying, price_units(remaining, pieces.rate, tables), 0)
        cycle = cycle_costs(details.gathered, np.where(paying, left, 0), pieces.rate, tables)
        for part in (cycle, cover_costs, fee, value):
            exact = add(exact, part)
        if tables.has_maximum:
            before_units = add(add(fee, value), cover_costs)
            exact, capped, cut_off = keep_maxima(exact, before_units, remaining, details.covered, pieces, tables)
            details = replace(details, capped=capped, cut_off=cut_off)
        amount = round_records(exact, self.first, tables)
        return Priced(fee, exact, amount, replace(details, value=value))

    def _values(self, opening: NDArray[np.bool_]) -> Numerators:
        if self.columns.value_micros is None or not self.tables.has_share:
            return np.zeros(len(self.pieces), np.int64)
        micros = np.where(opening, self.columns.value_micros[self.pieces.record], 0)
        return multiply(micros, self.tables.share[self.pieces.rate])


def _opens_record(piece: Ints, first: NDArray[np.bool_], record: Ints) -> NDArray[np.bool_]:
    """Which pieces of runs are their record's first in the run."""
    opens = first.copy()
    opens[1:] |= record[piece[1:]] != record[piece[:-1]]
    return opens


def _uncovered(units: Numerators, covered: Numerators) -> Numerators:
    """The units by step that stay when the first so many of each piece are covered."""
    if not covered.any():
        return units
    rows = []
    for row in units:
        here = np.minimum(covered, row)
        rows.append(row - here)
        covered = covered - here
    return np.stack(rows)


def price_units(units: Numerators, rate: Ints, tables: Tables) -> Numerators:
    """What units by step (rows) cost at the prices of their rates (one a column)."""
    cost = multiply(units[0], tables.price[0][rate])
    for step in range(1, len(units)):
        cost = add(cost, multiply(units[step], tables.price[step][rate]))
    return cost


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
