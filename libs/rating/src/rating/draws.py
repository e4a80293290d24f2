"""How much did each record of a batch take from each allowance, and in which order?"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rating.allowance import MONEY, Allowance
from rating.amounts import multiply
from rating.batch import RatedColumns
from rating.cover import Uses, weights_of
from rating.errors import RatingError
from rating.slots import Slot
from rating.tables import Numerators, tables_of
from rating.timeline import Ints


@dataclass(frozen=True, slots=True)
class Draws:
    """What records took from one allowance's buckets of one kind, in order of events within each account."""

    allowance: Allowance
    rolled_over: bool
    account: Ints
    record: Ints
    """Row of the record in the batch."""
    taken: Numerators
    """Over `scale`, in the allowance's unit; the last record before a bucket runs out may take more than is left."""
    scale: int


def draws_of(rated: RatedColumns) -> Iterator[Draws]:
    """Every allowance that records of a batch drew on. Nothing where the tariff keeps no accounts."""
    details = rated.priced.details
    ledger = rated.ledger
    if details is None or ledger is None:
        return
    for uses in (*details.covers, *details.credits):
        yield _draws(rated, uses, ledger.slots[uses.slot])


@dataclass(frozen=True, slots=True)
class SharedDraws:
    """What records took from one allowance's shared buckets of one kind: one row a charge that they cover or pay."""

    allowance: Allowance
    record: Ints
    """Row of the record in the batch."""
    line: Ints
    """Of the charge: an index into the batch's `lines`."""
    taken: Numerators
    """Over `scale`, in the allowance's unit; the last record before a bucket runs out may take more than is left."""
    scale: int


def shared_draws_of(rated: RatedColumns) -> Iterator[SharedDraws]:
    """Every allowance of which records of a batch drew on shared buckets."""
    details = rated.priced.details
    ledger = rated.ledger
    if details is None or ledger is None:
        return
    for uses in (*details.covers, *details.credits):
        slot = ledger.slots[uses.slot]
        if slot.buckets[0].owner:
            taken = _taken(rated, uses, slot)
            record, line = rated.pieces.record[uses.piece], rated.line[uses.piece]
            yield SharedDraws(slot.definition, record, line, taken, slot.scale)


def _taken(rated: RatedColumns, uses: Uses, slot: Slot) -> Numerators:
    """What each use took, over the slot's scale."""
    if slot.definition.unit == MONEY:
        return uses.amount
    return multiply(uses.amount, weights_of(slot, tables_of(rated.tariff))[rated.pieces.rate[uses.piece]])


def _draws(rated: RatedColumns, uses: Uses, slot: Slot) -> Draws:
    holders = np.flatnonzero(slot.row_of >= 0)
    account_of = np.full(len(slot.amount), -1, np.int64)
    account_of[slot.row_of[holders]] = holders
    if len(holders) > len(slot.amount):
        raise RatingError("ledger", slot.definition.id, "accounts that share no bucket")
    taken = _taken(rated, uses, slot)
    record = rated.pieces.record[uses.piece]
    order = np.lexsort((record, rated.columns.start[record], uses.row))
    return Draws(
        allowance=slot.definition,
        rolled_over=not slot.buckets[0].is_extended,
        account=account_of[uses.row[order]],
        record=record[order],
        taken=taken[order],
        scale=slot.scale,
    )
