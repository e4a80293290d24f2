"""How are the buckets of many accounts laid out so that each layer of them is one running sum?

Buckets are laid into *slots*: each account has at most one bucket in a slot, each bucket is in one slot only, and slots
are used one after another. So what a slot covers depends on the slots before it alone.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
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
        amount, used = int(self.amount[row]), int(self.used[row])
        return Bucket(
            before.allowance,
            before.amount if before.amount * self.scale == amount else Fraction(amount, self.scale),
            before.valid_from,
            before.valid_until,
            Fraction(used) if self.scale == 1 else Fraction(used, self.scale),
            before.rollover_cycles,
            before.owner,
            before.is_extended,
        )

    def now(self) -> list[Bucket]:
        """All buckets as they are now, by row."""
        times = len(self.amount) // len(self.buckets)
        found = list(self.buckets) * times
        amounts = _scaled([bucket.amount for bucket in self.buckets], self.scale, self.definition.id)
        used = _scaled([bucket.used for bucket in self.buckets], self.scale, self.definition.id)
        changed = (self.amount != np.tile(amounts, times)) | (self.used != np.tile(used, times))
        for row in np.flatnonzero(changed).tolist():
            found[row] = self.bucket(row)
        return found

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
    """Which shared bucket it is."""

    owner: str
    since: int
    until: int
    rollover: int
    is_extended: bool
    twin: int
    """Of buckets that are alike in all of this: how many come before it in an account."""


def slots_of(tables: Tables, accounts: Sequence[Account]) -> tuple[Slot, ...]:
    """The slots that hold every bucket of the accounts, in order of use.

    Raises RatingError where accounts disagree about a bucket that they share, or one holds shares of two owners.
    """
    laid = _own(tables.allowances, accounts)
    if any(bucket.owner for account in accounts for bucket in account.buckets):
        laid |= _shared(tables.allowances, accounts)  # in places of their own
    return tuple(_slot(tables, laid[place], len(accounts)) for place in sorted(laid))


@dataclass(slots=True)
class _Laid:
    """What stands in one place, a list a field."""

    buckets: list[Bucket] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    """By holder: the row of the bucket."""
    holders: list[int] = field(default_factory=list)
    """Numbers of accounts."""


def _own(allowances: AllowanceTables, accounts: Sequence[Account]) -> dict[_Place, _Laid]:
    """Where the accounts' own buckets stand. Most accounts hold the same, more or less used: each kind is laid once."""
    kinds: dict[tuple[object, ...], list[tuple[_Laid, int]]] = {}
    places: dict[_Place, _Laid] = {}
    for number, account in enumerate(accounts):
        kind = tuple([
            (each.allowance, each.valid_from, each.valid_until, each.rollover_cycles, each.is_extended)
            if not each.owner else None
            for each in account.buckets
        ])  # fmt: skip
        found = kinds.get(kind)
        if found is None:
            found = kinds[kind] = [
                (places.setdefault(place, _Laid()), index) for place, index in _own_places(allowances, account)
            ]
        for laid, index in found:
            laid.rows.append(len(laid.buckets))
            laid.holders.append(number)
            laid.buckets.append(account.buckets[index])
    return places


def _own_places(allowances: AllowanceTables, account: Account) -> list[tuple[_Place, int]]:
    """The place of each of an account's own buckets that the tariff knows, by index."""
    indices = sorted(range(len(account.buckets)), key=lambda index: allowances.order(account.buckets[index]))
    turns: dict[str, int] = {}
    found = []
    for index in indices:
        bucket = account.buckets[index]
        if not bucket.owner and allowances.knows(bucket):
            turn = turns[bucket.allowance] = turns.get(bucket.allowance, -1) + 1
            rank = allowances.order(bucket)[0]
            found.append((_Place(rank, False, turn, allowances.definition_version(bucket)), index))
    return found


def _shared(allowances: AllowanceTables, accounts: Sequence[Account]) -> dict[_Place, _Laid]:
    """Where shared buckets stand: each once, whoever holds it."""
    places: dict[_Place, dict[_Row, tuple[Bucket, list[int]]]] = {}
    turns = _shared_turns(allowances, accounts)
    for number, account in enumerate(accounts):
        for place, row, bucket in _shared_places(allowances, account, turns):
            known, holders = places.setdefault(place, {}).setdefault(row, (bucket, []))
            if (known.used, known.amount) != (bucket.used, bucket.amount):
                expected = f"{known.used} of {known.amount} used, as another account of {bucket.owner} says"
                raise RatingError(f"buckets.{bucket.allowance}", f"{bucket.used} of {bucket.amount}", expected)
            holders.append(number)
    laid: dict[_Place, _Laid] = {}
    for place, rows in places.items():
        laid[place] = _Laid([bucket for bucket, _ in rows.values()])
        for at, (_, holders) in enumerate(rows.values()):
            laid[place].rows += [at] * len(holders)
            laid[place].holders += holders
    return laid


def _shared_places(
    allowances: AllowanceTables, account: Account, turns: dict[tuple[str, _Row], int]
) -> list[tuple[_Place, _Row, Bucket]]:
    """The place and row of each shared bucket of an account that the tariff knows."""
    laid, owners = [], dict[str, str]()
    for bucket, row in _shared_rows(allowances, account):
        if owners.setdefault(bucket.allowance, bucket.owner) != bucket.owner:
            expected = f"{owners[bucket.allowance]}, one owner for each allowance of an account"
            raise RatingError(f"buckets.{bucket.allowance}.owner", bucket.owner, expected)
        rank = allowances.order(bucket)[0]
        place = _Place(rank, True, turns[bucket.allowance, row], allowances.definition_version(bucket))
        laid.append((place, row, bucket))
    return laid


def _shared_rows(allowances: AllowanceTables, account: Account) -> Iterator[tuple[Bucket, _Row]]:
    """The shared buckets that the tariff knows, in order of use, each with what tells it from all others."""
    alike = Counter[tuple[str, _Row]]()
    for bucket in allowances.in_order_of_use([each for each in account.buckets if each.owner]):
        if allowances.knows(bucket):
            since, until = to_epoch(bucket.valid_from), to_epoch(bucket.valid_until)
            row = _Row(bucket.owner, since, until, bucket.rollover_cycles, bucket.is_extended, 0)
            yield bucket, row._replace(twin=alike[bucket.allowance, row])
            alike[bucket.allowance, row] += 1


def _shared_turns(allowances: AllowanceTables, accounts: Sequence[Account]) -> dict[tuple[str, _Row], int]:
    """The turn of each shared bucket among those of its owner and allowance, whichever accounts hold it."""
    rows = (pair for account in accounts for pair in _shared_rows(allowances, account))
    shared = {(bucket.allowance, row): bucket for bucket, row in rows}
    turns: dict[tuple[str, _Row], int] = {}
    counts: dict[tuple[str, str], int] = {}
    for key, bucket in sorted(shared.items(), key=lambda item: allowances.order(item[1])):
        turns[key] = counts[bucket.allowance, bucket.owner] = counts.get((bucket.allowance, bucket.owner), -1) + 1
    return turns


def _slot(tables: Tables, laid: _Laid, count: int) -> Slot:
    buckets = tuple(laid.buckets)
    definition = tables.allowances.definition_of(buckets[0])
    amounts, used = [bucket.amount for bucket in buckets], [bucket.used for bucket in buckets]
    limits = [limit_of(bucket, definition) for bucket in buckets] if definition.block else amounts
    is_money = definition.unit == MONEY
    scale = tables.scale if is_money else _units_scale(tables, definition.id, [*limits, *amounts, *used])
    row_of = np.full(count, -1, np.int64)
    row_of[laid.holders] = laid.rows
    amount = _scaled(amounts, scale, definition.id)
    since, until = [bucket.valid_from for bucket in buckets], [bucket.valid_until for bucket in buckets]
    seconds = {moment: to_epoch(moment) for moment in {*since, *until}}
    return Slot(
        definition,
        buckets,
        row_of,
        scale,
        amount,
        _scaled(limits, scale, definition.id) if definition.block else amount,
        _scaled(used, scale, definition.id),
        np.array([seconds[moment] for moment in since], np.int64),
        np.array([seconds[moment] for moment in until], np.int64),
    )


def _units_scale(tables: Tables, allowance: str, amounts: Sequence[Fraction]) -> int:
    """The common denominator of amounts, uses, blocks and factors."""
    definitions = tables.allowances.definitions(allowance)
    fixed = [covered.factor for definition in definitions for covered in definition.covers]
    fixed += [definition.block.size for definition in definitions if definition.block]
    return lcm(*{amount.denominator for amount in (*fixed, *amounts)})


def _scaled(amounts: Sequence[Fraction], scale: int, allowance: str) -> Numerators:
    ratios = [amount.as_integer_ratio() for amount in amounts]
    grow = {denominator: scale // denominator for denominator in {ratio[1] for ratio in ratios}}
    if any(scale % denominator for denominator in grow):
        odd = next(amount for amount in amounts if scale % amount.denominator)
        raise RatingError(f"buckets.{allowance}", odd, "a balance of money in whole micro-units")
    return narrow(np.array([numerator * grow[denominator] for numerator, denominator in ratios], object))
