"""How do the accounts of a batch look in columns, before it and after it?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rating.allowance import Account, Bucket, Counter
from rating.errors import RatingError
from rating.slots import Slot, slots_of
from rating.tables import Numerators, Tables, narrow, tables_of
from rating.tariff import Tariff
from rating.timeline import Ints


@dataclass(frozen=True, slots=True)
class Counters:
    """What lines have gathered, sparse."""

    key: Ints
    """account x lines of the tariff + line, in order."""
    units: Numerators
    records: Ints

    def at(self, keys: Ints) -> tuple[Numerators, Ints]:
        """(units, records) for some keys; 0 where nothing was gathered."""
        if not len(self.key):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
        where = np.minimum(np.searchsorted(self.key, keys), len(self.key) - 1)
        found = self.key[where] == keys
        return np.where(found, self.units[where], 0), np.where(found, self.records[where], 0)

    def updated(self, keys: Ints, units: Numerators, records: Ints) -> "Counters":
        """The counters with new values for some keys, in order."""
        kept = ~np.isin(self.key, keys)
        key = np.concatenate([self.key[kept], keys])
        order = np.argsort(key, kind="stable")
        units = np.concatenate([self.units[kept], units])[order]
        return Counters(key[order], units, np.concatenate([self.records[kept], records])[order])


@dataclass(frozen=True, slots=True)
class Ledger:
    """Accounts in columns: what rate_batch takes and gives back."""

    tariff: Tariff
    count: int
    """How many accounts."""
    before: tuple[Account, ...]
    """The accounts that it was made from; they may stand for more that are alike."""
    slots: tuple[Slot, ...]
    """Their buckets, in order of use."""
    counters: Counters

    @classmethod
    def of(cls, tariff: Tariff, accounts: Sequence[Account]) -> "Ledger":
        """The ledger of different accounts, numbered as they stand. Buckets of the same owner are one bucket.

        Raises RatingError where accounts disagree about a bucket that they share.
        """
        tables = tables_of(tariff)
        line_numbers = {line: number for number, line in enumerate(tables.lines)}
        rows = sorted(
            (number * len(tables.lines) + line_numbers[line], counter.units, counter.records)
            for number, account in enumerate(accounts)
            for line, counter in account.counters.items()
            if line in tables.counted_lines
        )
        counters = Counters(
            np.array([key for key, *_ in rows], np.int64),
            narrow(np.array([units for _, units, _ in rows], object)),
            np.array([records for *_, records in rows], np.int64),
        )
        return cls(tariff, len(accounts), tuple(accounts), slots_of(tables, accounts), counters)

    @classmethod
    def repeated(cls, tariff: Tariff, accounts: Sequence[Account], times: int) -> "Ledger":
        """The same accounts so many times over, such as new ones: number 0 of the second round follows the last of the
        first. They share nothing: RatingError where they do.
        """
        odd = next((a for a in accounts if any(bucket.owner for bucket in a.buckets)), None)
        if odd is not None:
            raise RatingError("accounts", odd, "accounts with buckets of their own")
        one = cls.of(tariff, accounts)
        round_of = np.repeat(np.arange(times, dtype=np.int64), len(one.counters.key))
        key = np.tile(one.counters.key, times) + round_of * len(accounts) * len(tables_of(tariff).lines)
        counters = Counters(key, np.tile(one.counters.units, times), np.tile(one.counters.records, times))
        slots = tuple(slot.repeated(times) for slot in one.slots)
        return replace(one, count=len(accounts) * times, slots=slots, counters=counters)

    def account(self, number: int) -> Account:
        """An account as it is now."""
        held = [slot.bucket(int(slot.row_of[number])) for slot in self.slots if slot.row_of[number] >= 0]
        return self._account(tables_of(self.tariff), number, held)

    def accounts(self) -> list[Account]:
        """All accounts as they are now, by number."""
        tables = tables_of(self.tariff)
        held: list[list[Bucket]] = [[] for _ in range(self.count)]
        for slot in self.slots:
            now = slot.now()
            for buckets, row in zip(held, slot.row_of.tolist(), strict=True):
                if row >= 0:
                    buckets.append(now[row])
        return [self._account(tables, number, buckets) for number, buckets in enumerate(held)]

    def _account(self, tables: Tables, number: int, held: list[Bucket]) -> Account:
        """An account that holds buckets, in order of use, and others that the tariff doesn't know."""
        before = self.before[number % len(self.before)]
        if len(held) < len(before.buckets):
            unknown = [bucket for bucket in before.buckets if not tables.allowances.knows(bucket)]
            held = [*held, *tables.allowances.in_order_of_use(unknown)]
        counters = {line: counter for line, counter in before.counters.items() if line not in tables.counted_lines}
        if len(self.counters.key):
            width = len(tables.lines)
            low, high = np.searchsorted(self.counters.key, [number * width, (number + 1) * width])
            for at in range(low, high):
                line = tables.lines[int(self.counters.key[at]) % width]
                counters[line] = Counter(int(self.counters.units[at]), int(self.counters.records[at]))
        return Account(tuple(held), counters)
