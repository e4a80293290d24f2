"""What do the allowances of many accounts cover of a batch, when records draw on them in order of their starts?"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rating.allowance import MONEY
from rating.amounts import add, multiply, running_totals
from rating.measure import Pieces
from rating.slots import Slot
from rating.tables import Numerators, Tables, narrow
from rating.timeline import Ints


@dataclass(frozen=True, slots=True)
class Events:
    """The pieces of a batch in the order in which they draw on accounts."""

    order: Ints
    """Pieces by start of their record, then by the record's row, then by position in it."""
    account: Ints
    """By piece."""
    start: Ints
    """By piece: when its record starts."""

    @classmethod
    def of(cls, account: Ints, start: Ints, *, shared: bool) -> "Events":
        """The events of pieces in order of their records; `shared`: whether accounts share buckets."""
        # Accounts that share nothing need no common order, so that usage sorted by account stays as it is.
        ordered = (start[1:] >= start[:-1]) | ((account[1:] != account[:-1]) & (not shared))
        order = np.arange(len(start)) if ordered.all() and _in_runs(account) else np.argsort(start, kind="stable")
        return cls(order, account, start)

    def runs(self, chosen: NDArray[np.bool_], keys: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """The chosen pieces by key and within it in order of events, and which of them are first of their key."""
        pieces = self.order[chosen[self.order]]
        of_piece = keys[pieces]
        if (of_piece[1:] < of_piece[:-1]).any():
            by_key = np.argsort(of_piece, kind="stable")
            pieces, of_piece = pieces[by_key], of_piece[by_key]
        first = np.ones(len(pieces), bool)
        first[1:] = of_piece[1:] != of_piece[:-1]
        return pieces, first


def _in_runs(account: Ints) -> bool:
    """Whether each account's pieces stand together."""
    return bool((account[1:] >= account[:-1]).all())


@dataclass(frozen=True, slots=True)
class Uses:
    """Uses of one slot: one row a piece that it covers or pays for."""

    slot: int
    piece: Ints
    row: Ints
    """Row of the bucket in the slot."""
    amount: Numerators
    """Base units covered, or money paid over the tariff's scale."""
    blocks: Numerators
    cost: Numerators
    """What the use costs, over the tariff's scale."""


def cover_units(
    left: Numerators, pieces: Pieces, events: Events, slots: tuple[Slot, ...], tables: Tables
) -> tuple[Numerators, tuple[Slot, ...], list[Uses]]:
    """Let slots of units cover what they can of `left` (base units by piece).

    Gives back what stays uncovered, the slots after it, and every use.
    """
    uses: list[Uses] = []
    after = list(slots)
    for number, slot in enumerate(slots):
        if slot.definition.unit == MONEY:
            continue
        weights = weights_of(slot, tables)
        run = _run(slot, events, (weights[pieces.rate] > 0) & (left > 0))
        if run is None:
            continue
        piece, first, row = run
        weight, demand = weights[pieces.rate[piece]], left[piece]
        before, reached = _positions(slot, row, first, multiply(demand, weight))
        # The base unit during which a bucket runs out is covered whole.
        covered = np.minimum(np.maximum(-((before - slot.limit[row]) // weight), 0), demand)
        blocks = _blocks(slot, row, reached) - _blocks(slot, row, before)
        cost = multiply(covered, _prices(slot, tables)[pieces.rate[piece]])
        if slot.definition.block:
            cost = add(cost, multiply(blocks, narrow(np.array([tables.scaled(slot.definition.block.price)], object))))
        left = _less(left, piece, covered)
        after[number] = _drawn(slot, row, first, reached)
        used = np.flatnonzero(covered)
        uses.append(Uses(number, piece[used], row[used], covered[used], blocks[used], cost[used]))
    return left, tuple(after), uses


def pay_amounts(
    owed: Numerators, pieces: Pieces, events: Events, slots: tuple[Slot, ...], tables: Tables
) -> tuple[Numerators, tuple[Slot, ...], list[Uses]]:
    """Let slots of money pay what they can of `owed` (by piece): what stays owed, the slots after it, every use."""
    uses: list[Uses] = []
    after = list(slots)
    for number, slot in enumerate(slots):
        if slot.definition.unit != MONEY:
            continue
        run = _run(slot, events, (weights_of(slot, tables)[pieces.rate] > 0) & (owed > 0))
        if run is None:
            continue
        piece, first, row = run
        before, reached = _positions(slot, row, first, owed[piece])
        paid = np.minimum(np.maximum(slot.limit[row] - before, 0), owed[piece])
        owed = _less(owed, piece, paid)
        after[number] = _drawn(slot, row, first, reached)
        used = np.flatnonzero(paid)
        none = np.zeros(len(used), np.int64)
        uses.append(Uses(number, piece[used], row[used], paid[used], none, none))
    return owed, tuple(after), uses


def _run(slot: Slot, events: Events, wanting: NDArray[np.bool_]) -> tuple[Ints, NDArray[np.bool_], Ints] | None:
    """The pieces that may use the slot, bucket by bucket in order; which are first of their bucket; their rows."""
    row = slot.row_of[events.account]
    usable = wanting & (row >= 0)
    usable &= (events.start >= slot.valid_from[row]) & (events.start < slot.valid_until[row])
    piece, first = events.runs(usable, row)
    return (piece, first, row[piece]) if len(piece) else None


def _positions(slot: Slot, row: Ints, first: NDArray[np.bool_], demand: Numerators) -> tuple[Numerators, Numerators]:
    """How far each bucket is used before and after each piece, as if it had no end."""
    reached = add(slot.used[row], running_totals(demand, first))
    return add(reached, -demand), reached


def _drawn(slot: Slot, row: Ints, first: NDArray[np.bool_], reached: Numerators) -> Slot:
    last = np.append(first[1:], [True])  # the piece before the first of the next bucket
    used = slot.used.astype(object) if reached.dtype == object else slot.used.copy()
    used[row[last]] = np.minimum(reached[last], slot.limit[row[last]])
    return replace(slot, used=used)


def _less(values: Numerators, where: Ints, amounts: Numerators) -> Numerators:
    result = values.astype(object) if amounts.dtype == object else values.copy()
    result[where] = result[where] - amounts
    return result


def _blocks(slot: Slot, row: Ints, position: Numerators) -> Numerators:
    """How many blocks have been begun when a bucket is used so far."""
    block = slot.definition.block
    if block is None:
        return np.zeros(len(row), np.int64)
    within = np.minimum(position, slot.limit[row])
    begun: Numerators = np.maximum(-((slot.amount[row] - within) // int(block.size * slot.scale)), 0)
    return begun


def weights_of(slot: Slot, tables: Tables) -> Numerators:
    """By rate: how much of the slot one base unit (or one unit of money) takes; 0 where it covers nothing."""
    weights = np.zeros(len(tables.rows), object)
    for number, row in enumerate(tables.rows):
        definition = tables.allowances.in_version(row.version, slot.definition.id)
        factor = definition.factor(row.rate.line) if definition else None
        weights[number] = int((factor or 0) * slot.scale)
    return narrow(weights)


def _prices(slot: Slot, tables: Tables) -> Numerators:
    """By rate: what a covered base unit still costs."""
    prices = np.zeros(len(tables.rows), object)
    for number, row in enumerate(tables.rows):
        definition = tables.allowances.in_version(row.version, slot.definition.id)
        prices[number] = tables.scaled(definition.price) if definition else 0
    return narrow(prices)
