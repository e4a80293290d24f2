"""How are the buckets of many accounts laid out so that each layer of them is one running sum?

Buckets are laid into *slots*: each account has at most one bucket in a slot, each bucket is in one slot only, and slots
are used one after another. So what a slot covers depends on the slots before it alone.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from typing import NamedTuple

import numpy as np

from rating.allowance import MONEY, Account, Allowance, Bucket
from rating.allowance_tables import AllowanceTables
from rating.errors import RatingError
from rating.settle import limit_of
from rating.tables import Numerators, Tables, narrow
from rating.timeline import Ints, to_epoch


@dataclass(frozen=True, slots=True)
class Slot:
    """Buckets that stand at the same place in their accounts' order of use."""

    definition: Allowance
    buckets: tuple[Bucket, ...]
    """By row, as they were before the batch; they may stand for more that are alike."""
    row_of: Ints
    """By account: its bucket's row; -1 for none."""
    scale: int
    """Denominator of the amounts here."""
    amount: Numerators
    """By row."""
    limit: Numerators
    """By row: amount and blocks."""
    used: Numerators
    """By row."""
    valid_from: Ints
    valid_until: Ints

    def bucket(self, row: int) -> Bucket:
        """A bucket as it is now."""
        before = self.buckets[row % len(self.buckets)]
        amount, used = (Fraction(int(column[row]), self.scale) for column in (self.amount, self.used))
        return replace(before, amount=amount, used=used)

    def repeated(self, times: int) -> "Slot":
        """The slot of the same accounts so many times over."""
        rows = len(self.amount)
        first_row = np.repeat(np.arange(times, dtype=np.int64) * rows, len(self.row_of))
        row_of = np.tile(self.row_of, times)
        return replace(
            self,
            row_of=np.where(row_of < 0, -1, row_of + first_row),
            amount=np.tile(self.amount, times),
            limit=np.tile(self.limit, times),
            used=np.tile(self.used, times),
            valid_from=np.tile(self.valid_from, times),
            valid_until=np.tile(self.valid_until, times),
        )


class _Place(NamedTuple):
    """Where a slot stands in the order of use."""

    rank: int
    shared: bool
    turn: int
    """Among the account's own buckets of the allowance, or among its owner's."""
    definition: int
    """Version whose definition holds, so that a slot has one."""


class _Row(NamedTuple):
    """Which bucket it is: an account's own by number, a shared one by what it is."""

    account: int
    owner: str
    since: int
    until: int
    rollover: int
    is_extended: bool
    twin: int
    """Of buckets of one account that are alike in all of this: how many come before it."""


def slots_of(tables: Tables, accounts: Sequence[Account]) -> tuple[Slot, ...]:
    """The slots that hold every bucket of the accounts, in order of use.

    Raises RatingError where accounts disagree about a bucket that they share, or one holds shares of two owners.
    """
    places: dict[_Place, dict[_Row, tuple[Bucket, list[int]]]] = {}
    turns = _shared_turns(tables.allowances, accounts)
    for number, account in enumerate(accounts):
        for place, row, bucket in _laid(tables.allowances, number, account, turns):
            known, holders = places.setdefault(place, {}).setdefault(row, (bucket, []))
            if (known.used, known.amount) != (bucket.used, bucket.amount):
                expected = f"{known.used} of {known.amount} used, as another account of {bucket.owner} says"
                raise RatingError(f"buckets.{bucket.allowance}", f"{bucket.used} of {bucket.amount}", expected)
            holders.append(number)
    return tuple(_slot(tables, places[place], len(accounts)) for place in sorted(places))


def _laid(
    allowances: AllowanceTables, number: int, account: Account, turns: dict[tuple[str, _Row], int]
) -> list[tuple[_Place, _Row, Bucket]]:
    """The place and row of each of an account's buckets that the tariff knows."""
    laid, own, owners = [], dict[str, int](), dict[str, str]()
    for bucket, row in _rows(allowances, number, account):
        if bucket.owner:
            turn = turns[(bucket.allowance, row)]
            if owners.setdefault(bucket.allowance, bucket.owner) != bucket.owner:
                expected = f"{owners[bucket.allowance]}, one owner for each allowance of an account"
                raise RatingError(f"buckets.{bucket.allowance}.owner", bucket.owner, expected)
        else:
            turn = own[bucket.allowance] = own.get(bucket.allowance, -1) + 1
        rank, shared = allowances.order(bucket)[:2]
        laid.append((_Place(rank, shared, turn, allowances.definition_version(bucket)), row, bucket))
    return laid


def _rows(allowances: AllowanceTables, number: int, account: Account) -> Iterator[tuple[Bucket, _Row]]:
    """The buckets that the tariff knows, in order of use, each with what tells it from all others."""
    alike = Counter[tuple[str, _Row]]()
    for bucket in allowances.in_order_of_use(account.buckets):
        if allowances.knows(bucket):
            since, until = to_epoch(bucket.valid_from), to_epoch(bucket.valid_until)
            holder = -1 if bucket.owner else number
            row = _Row(holder, bucket.owner, since, until, bucket.rollover_cycles, bucket.is_extended, 0)
            yield bucket, row._replace(twin=alike[bucket.allowance, row])
            alike[bucket.allowance, row] += 1


def _shared_turns(allowances: AllowanceTables, accounts: Sequence[Account]) -> dict[tuple[str, _Row], int]:
    """The turn of each shared bucket among those of its owner and allowance, whichever accounts hold it."""
    laid = (pair for account in accounts for pair in _rows(allowances, -1, account))
    shared = {(bucket.allowance, row): bucket for bucket, row in laid if bucket.owner}
    turns: dict[tuple[str, _Row], int] = {}
    counts: dict[tuple[str, str], int] = {}
    for key, bucket in sorted(shared.items(), key=lambda item: allowances.order(item[1])):
        turns[key] = counts[bucket.allowance, bucket.owner] = counts.get((bucket.allowance, bucket.owner), -1) + 1
    return turns


def _slot(tables: Tables, rows: dict[_Row, tuple[Bucket, list[int]]], count: int) -> Slot:
    buckets = tuple(bucket for bucket, _ in rows.values())
    definition = tables.allowances.definition_of(buckets[0])
    limits = [limit_of(bucket, definition) for bucket in buckets]
    scale = tables.scale if definition.unit == MONEY else _units_scale(tables, definition.id, buckets, limits)
    row_of = np.full(count, -1, np.int64)
    for row, (_, holders) in enumerate(rows.values()):
        row_of[holders] = row
    return Slot(
        definition,
        buckets,
        row_of,
        scale,
        _scaled([bucket.amount for bucket in buckets], scale, definition.id),
        _scaled(limits, scale, definition.id),
        _scaled([bucket.used for bucket in buckets], scale, definition.id),
        np.array([to_epoch(bucket.valid_from) for bucket in buckets], np.int64),
        np.array([to_epoch(bucket.valid_until) for bucket in buckets], np.int64),
    )


def _units_scale(tables: Tables, allowance: str, buckets: tuple[Bucket, ...], limits: list[Fraction]) -> int:
    """The common denominator of amounts, uses, blocks and factors."""
    amounts = [*limits, *(bucket.amount for bucket in buckets), *(bucket.used for bucket in buckets)]
    definitions = tables.allowances.definitions(allowance)
    amounts += [covered.factor for definition in definitions for covered in definition.covers]
    amounts += [definition.block.size for definition in definitions if definition.block]
    return lcm(*(amount.denominator for amount in amounts))


def _scaled(amounts: list[Fraction], scale: int, allowance: str) -> Numerators:
    odd = next((amount for amount in amounts if scale % amount.denominator), None)
    if odd is not None:
        raise RatingError(f"buckets.{allowance}", odd, "a balance of money in whole micro-units")
    return narrow(np.array([int(amount * scale) for amount in amounts], object))
