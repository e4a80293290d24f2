"""Which of a bill's records make which of its charges?"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Final

from billing_accuracy.domain.usage import BillCase
from billing_accuracy.domain.usage_table import UsageTable
from rating import Account, Ledger, Tariff, keeps_accounts, open_account, rate_batch

_MOST_TRIED: Final = 20_000
"""Pairs of records that are looked at for what a line has too much."""


@dataclass(frozen=True, slots=True)
class UsedOn:
    """What a record uses on a charge."""

    row: int
    """In the table of usage."""
    quantity: int


class BillRecords:
    """The records of one bill; looked at only when something is wrong with it."""

    def __init__(self, case: BillCase, usage: UsageTable, tariffs: Mapping[str, Tariff]) -> None:
        self._case = case
        self._usage = usage
        self._tariffs = tariffs

    def on(self, code: str) -> Sequence[UsedOn]:
        """Records with a charge under a code, in order of their starts."""
        return self._by_code.get(code, ())

    @property
    def unrated(self) -> Sequence[int]:
        """Rows in the bill's period that no plan in force then has a price for."""
        rows = self._usage.single_rows(self._case.bill.subscription, self._case.segments[0].cycle)
        return [row for row in rows.tolist() if row not in self._rated_rows]

    @property
    def repeated(self) -> Sequence[int]:
        """Rows in the bill's period that were reported under two ids, both of each."""
        return self._usage.repeated_rows(self._case.bill.subscription, self._case.segments[0].cycle)

    def that_make(self, code: str, count: int, quantity: int) -> Sequence[UsedOn] | None:
        """So many records of a charge that use so much together; None: there are none, or it takes too long to say."""
        found = self.on(code)
        if count == len(found):
            return found if sum(one.quantity for one in found) == quantity else None
        if count == 1:
            return next(([one] for one in found if one.quantity == quantity), None)
        if count == 2 and len(found) ** 2 <= 2 * _MOST_TRIED:  # noqa: PLR2004 - pairs
            pairs = combinations(found, 2)
            return next((list(pair) for pair in pairs if sum(one.quantity for one in pair) == quantity), None)
        return None

    @cached_property
    def _by_code(self) -> Mapping[str, Sequence[UsedOn]]:
        used: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for segment in self._case.segments:
            tariff = self._tariffs[segment.plan]
            rows = self._usage.single_rows(self._case.bill.subscription, segment.held)
            account = open_account(tariff, segment.cycle, segment.held) if keeps_accounts(tariff) else Account()
            ledger = Ledger.of(tariff, [account]) if keeps_accounts(tariff) else None
            rated = rate_batch(self._usage.columns_for(tariff, rows), tariff, ledger)
            lines = [rated.lines[number] for number in rated.line.tolist()]
            pieces = zip(lines, rows[rated.pieces.record].tolist(), rated.pieces.quantity.tolist(), strict=True)
            for line, row, quantity in pieces:
                used[line][row] += quantity
        return {line: [UsedOn(row, quantity) for row, quantity in of.items()] for line, of in used.items()}

    @cached_property
    def _rated_rows(self) -> frozenset[int]:
        return frozenset(one.row for found in self._by_code.values() for one in found)


def contents(usage: UsageTable, rows: Sequence[int]) -> list[tuple[int, int, int, str]]:
    """What tells records apart whose ids aren't known: start in microseconds, service, quantity, destination."""
    columns = usage.columns
    return [
        (
            int(usage.start_micros[row]),
            int(columns.service[row]),
            int(columns.quantity[row]),
            str(columns.destination[row]),
        )
        for row in rows
    ]
