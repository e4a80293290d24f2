"""By how much does a batch raise each counter?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from usage_correlation.domain.amounts import NOTHING, Amount
from usage_correlation.domain.rated import Integers, PlanUsage


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


def latest_of(usages: Sequence[PlanUsage], starts: Integers) -> list[Latest]:
    """When the latest record of each account began; `starts` are those of the whole batch."""
    found: dict[tuple[int, str], int] = {}
    for usage in usages:
        latest = np.zeros(int(usage.accounts.max(initial=-1)) + 1, np.int64)
        np.maximum.at(latest, usage.accounts, starts[usage.rows])
        used = np.unique(usage.accounts)
        for account, micros in zip(used.tolist(), latest[used].tolist(), strict=True):
            key = (account, usage.tariff.currency)
            found[key] = max(micros, found.get(key, 0))
    return [Latest(account, currency, micros) for (account, currency), micros in found.items()]


def spend_totals(lines: Sequence[LineTotals], latest: Sequence[Latest]) -> list[SpendTotals]:
    """The sums by account for each currency; `latest` names every account and currency that is touched."""
    amounts: dict[str, dict[int, Amount]] = {}
    moments: dict[str, dict[int, int]] = {}
    for each in latest:
        amounts.setdefault(each.currency, {})[each.account] = NOTHING
        of_currency = moments.setdefault(each.currency, {})
        of_currency[each.account] = max(each.micros, of_currency.get(each.account, 0))
    for line in lines:
        currencies = [amounts[charge.currency] for charge in line.charges]
        scale = line.scale
        rows = zip(line.accounts.tolist(), line.charge_of.tolist(), line.amounts, strict=True)
        for account, charge, amount in rows:
            spent = currencies[charge]
            before = spent[account]
            spent[account] = Amount(amount, scale) if before is NOTHING else before + Amount(amount, scale)
    return [_spending(currency, amounts[currency], moments[currency]) for currency in sorted(amounts)]


def _spending(currency: str, amounts: dict[int, Amount], latest: dict[int, int]) -> SpendTotals:
    accounts = list(amounts)
    return SpendTotals(
        currency,
        np.array(accounts, np.int64),
        [amounts[each].numerator for each in accounts],
        [amounts[each].scale for each in accounts],
        np.array([latest[each] for each in accounts], np.int64),
    )
