"""By how much does a batch raise each counter?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from usage_correlation.domain.amounts import NOTHING, Amount
from usage_correlation.domain.rated import Integers, PlanUsage

_SAFE: Final = 2**62


@dataclass(frozen=True, slots=True, order=True)
class ChargeName:
    """A kind of charge, as bills tell them apart."""

    plan: str
    code: str
    """The line in the plan's tariff."""
    currency: str


@dataclass(frozen=True, slots=True)
class LineTotals:
    """What a batch adds to the counters of accounts under one plan, a list a field."""

    accounts: Integers
    charges: list[ChargeName]
    """The plan's charges."""
    charge_of: Integers
    """By row: index into `charges`."""
    record_counts: Integers
    quantities: list[int]
    amounts: list[int]
    """Exact, over `scale`."""
    scale: int


@dataclass(frozen=True, slots=True)
class SpendTotals:
    """What a batch adds to what accounts have spent in one currency, a list a field; each account comes once."""

    currency: str
    accounts: Integers
    amounts: list[int]
    """Exact, over `scales`."""
    scales: list[int]
    latest: Integers
    """When the latest of the records began, in microseconds."""


@dataclass(frozen=True, slots=True)
class Change:
    """By how much re-rating changes one counter."""

    account: int
    charge: ChargeName
    record_count: int
    quantity: int
    amount: Amount


@dataclass(frozen=True, slots=True)
class Latest:
    """When the latest record of an account in a currency began."""

    account: int
    currency: str
    micros: int

    def columns(self) -> "LatestStarts":
        """The same in columns."""
        return LatestStarts(self.currency, np.array([self.account]), np.array([self.micros]))


@dataclass(frozen=True, slots=True)
class LatestStarts:
    """When the latest records of accounts in a currency began, a list a field."""

    currency: str
    accounts: Integers
    micros: Integers


def line_totals(usage: PlanUsage) -> LineTotals:
    """The sums by account and charge."""
    lines = usage.lines
    return LineTotals(
        accounts=lines.bill,
        charges=[ChargeName(usage.plan, code, usage.tariff.currency) for code in lines.names],
        charge_of=lines.line,
        record_counts=lines.records,
        quantities=lines.quantity.tolist(),
        amounts=lines.exact.tolist(),
        scale=lines.scale,
    )


def change_totals(changes: Sequence[Change]) -> list[LineTotals]:
    """The changes as what is added to counters."""
    by_scale: dict[int, list[Change]] = {}
    for change in changes:
        by_scale.setdefault(change.amount.scale, []).append(change)
    return [_changed(scale, same) for scale, same in sorted(by_scale.items())]


def _changed(scale: int, changes: Sequence[Change]) -> LineTotals:
    charges: dict[ChargeName, int] = {}
    charge_of = [charges.setdefault(change.charge, len(charges)) for change in changes]
    return LineTotals(
        accounts=np.array([change.account for change in changes], np.int64),
        charges=list(charges),
        charge_of=np.array(charge_of, np.int64),
        record_counts=np.array([change.record_count for change in changes], np.int64),
        quantities=[change.quantity for change in changes],
        amounts=[change.amount.numerator for change in changes],
        scale=scale,
    )


def latest_of(usages: Sequence[PlanUsage], starts: Integers) -> list[LatestStarts]:
    """When the latest record of each account began; `starts` are those of the whole batch."""
    found = []
    for usage in usages:
        latest = np.zeros(int(usage.accounts.max(initial=-1)) + 1, np.int64)
        np.maximum.at(latest, usage.accounts, starts[usage.rows])
        used = np.flatnonzero(np.bincount(usage.accounts, minlength=len(latest)))
        found.append(LatestStarts(usage.tariff.currency, used, latest[used]))
    return found


def spend_totals(lines: Sequence[LineTotals], latest: Sequence[Latest | LatestStarts]) -> list[SpendTotals]:
    """The sums by account for each currency; `latest` names every account and currency that is touched."""
    touched: dict[str, list[LatestStarts]] = {}
    for each in latest:
        columns = each if isinstance(each, LatestStarts) else each.columns()
        touched.setdefault(columns.currency, []).append(columns)
    return [_spending(currency, touched[currency], lines) for currency in sorted(touched)]


def _spending(currency: str, touched: Sequence[LatestStarts], lines: Sequence[LineTotals]) -> SpendTotals:
    numbers = np.concatenate([each.accounts for each in touched])
    accounts, where = np.unique(numbers, return_inverse=True)
    latest = np.zeros(len(accounts), np.int64)
    np.maximum.at(latest, where, np.concatenate([each.micros for each in touched]))
    mine = [line for line in lines if any(charge.currency == currency for charge in line.charges)]
    sums = _alike(currency, accounts, mine)
    amounts, scales = _exact(currency, accounts, mine) if sums is None else (sums, [mine[0].scale] * len(accounts))
    return SpendTotals(currency, accounts, amounts, scales, latest)


def _alike(currency: str, accounts: Integers, lines: Sequence[LineTotals]) -> list[int] | None:
    """The sums where all amounts have one scale and fit 64 bits, as they nearly always do; else None."""
    scales = {line.scale for line in lines}
    if len(scales) != 1 or any(charge.currency != currency for line in lines for charge in line.charges):
        return None
    try:
        amounts = np.array([amount for line in lines for amount in line.amounts], np.int64)
    except OverflowError:
        return None
    if len(amounts) and int(np.abs(amounts).max()) * len(amounts) >= _SAFE:
        return None
    sums = np.zeros(len(accounts), np.int64)
    np.add.at(sums, np.searchsorted(accounts, np.concatenate([line.accounts for line in lines])), amounts)
    found: list[int] = sums.tolist()
    return found


def _exact(currency: str, accounts: Integers, lines: Sequence[LineTotals]) -> tuple[list[int], list[int]]:
    """The sums and their scales, whatever they are: the customer changed plans within the batch, say."""
    sums = dict.fromkeys(accounts.tolist(), NOTHING)
    for line in lines:
        rows = zip(line.accounts.tolist(), line.charge_of.tolist(), line.amounts, strict=True)
        for account, charge, amount in rows:
            if line.charges[charge].currency == currency:
                before = sums[account]
                sums[account] = Amount(amount, line.scale) if before is NOTHING else before + Amount(amount, line.scale)
    return [each.numerator for each in sums.values()], [each.scale for each in sums.values()]
