"""By how much does a batch raise each counter?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from usage_correlation.domain.amounts import Amount
from usage_correlation.domain.rated import Integers, PlanUsage

_NONE = 0
"""The scale of an account that has no amount yet."""


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
    record_counts: Integers
    latest: Integers
    """When the latest of the records began, in microseconds."""


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


def spend_totals(usages: Sequence[PlanUsage], starts: Integers, accounts: int) -> list[SpendTotals]:
    """The sums by account, for each currency, of so many accounts; `starts` are those of the whole batch."""
    by_currency: dict[str, list[PlanUsage]] = {}
    for usage in usages:
        by_currency.setdefault(usage.tariff.currency, []).append(usage)
    return [_spending(currency, same, starts, accounts) for currency, same in sorted(by_currency.items())]


def _spending(currency: str, usages: Sequence[PlanUsage], starts: Integers, size: int) -> SpendTotals:
    counts = np.zeros(size, np.int64)
    latest = np.zeros(size, np.int64)
    amounts, scales = [0] * size, [_NONE] * size
    for usage in usages:
        counts += np.bincount(usage.accounts, minlength=size)
        np.maximum.at(latest, usage.accounts, starts[usage.rows])
        scale = usage.lines.scale
        for account, amount in zip(usage.lines.bill.tolist(), usage.lines.exact.tolist(), strict=True):
            if scales[account] == scale:
                amounts[account] += amount
            elif scales[account] == _NONE:
                amounts[account], scales[account] = amount, scale
            else:  # the customer changed plans within the batch
                total = Amount(amounts[account], scales[account]) + Amount(amount, scale)
                amounts[account], scales[account] = total.numerator, total.scale
    used = np.flatnonzero(counts)
    chosen = used.tolist()
    return SpendTotals(
        currency,
        used,
        [amounts[each] for each in chosen],
        [scales[each] for each in chosen],
        counts[used],
        latest[used],
    )
