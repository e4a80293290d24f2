"""What do many futures of a bill cycle cost under the real tariff, with its allowances as they are now?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, lcm
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rating import Account, Cycle, Ledger, RatedColumns, Tariff, bill_totals, draws_of, open_account, rate_batch
from usage_correlation.domain.consumption.rated_cycle import RatedCycle
from usage_correlation.domain.consumption.stretches import PlanStretch
from usage_correlation.domain.forecast.crossings import HIGH, LOW, Growth, Spending
from usage_correlation.domain.forecast.futures import Futures
from usage_correlation.domain.forecast.rhythm import used_abroad

_SAFE: Final = 2.0**62
Exact = NDArray[Any]
"""Any: Python ints, exact whatever their size."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An amount that is not known yet."""

    expected: Fraction
    """Half of the futures come to less."""
    low: Fraction
    """A tenth do."""
    high: Fraction
    """Nine tenths do."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the futures of a cycle come to."""

    usage: Estimate
    """Of the whole cycle: what is spent already and what is to come; lines rounded as tariffs declare."""
    total: Estimate
    """With recurring charges, commitments, discounts and taxes."""
    spending: Spending
    """What each record to come costs, in the currency asked for."""
    allowances: dict[str, Growth]
    """By allowance of the plan in force: what records to come take from it, in its unit."""
    unrated: int
    """Records to come, in a middling future, for which the plan has no price; they are in no amount."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A plan's part of the cycle in all futures."""

    usage: Exact
    total: Exact
    scale: int
    rated: RatedColumns | None
    future: NDArray[np.int64]


def outlook(
    rated: RatedCycle, stretches: Sequence[tuple[PlanStretch, Tariff]], futures: Futures, currency: str
) -> Outlook:
    """The cycle in one currency. `rated` is what was used so far, `stretches` are all plans of the cycle."""
    past = {part.stretch: part for part in rated.stretches}
    parts: list[_Part] = []
    for stretch, tariff in stretches:
        held = stretch.held_under(tariff)
        if tariff.currency != currency or held is None:
            continue
        before = past.get(stretch)
        lines = before.line_amounts() if before else {}
        account = before.account if before else open_account(tariff, stretch.whole, held)
        parts.append(_part(_Holding(tariff, stretch.whole, held), _own(account), lines, futures))
    scale = lcm(*(part.scale for part in parts))
    going_on = [part for part in parts if part.rated is not None]
    failed = sum(len(part.rated.failed) for part in going_on if part.rated)
    return Outlook(
        usage=_estimate(sum(part.usage * (scale // part.scale) for part in parts), scale),
        total=_estimate(sum(part.total * (scale // part.scale) for part in parts), scale),
        spending=Spending.joined([_spending(part.rated, part.future) for part in going_on if part.rated]),
        allowances=_draws(going_on[0]) if going_on else {},
        unrated=ceil(failed / futures.count),
    )


@dataclass(frozen=True, slots=True)
class _Holding:
    """A plan, and for how much of the cycle it is held."""

    tariff: Tariff
    cycle: Cycle
    held: Cycle


def _own(account: Account) -> Account:
    """An account whose shared buckets are its own: what others will take from them isn't known."""
    return Account(tuple(replace(bucket, owner="") for bucket in account.buckets), account.counters)


def _part(holding: _Holding, account: Account, lines: dict[str, Fraction], futures: Futures) -> _Part:
    tariff, held = holding.tariff, holding.held
    start = futures.columns.start
    mine = (start >= held.start.timestamp()) & (start < held.end.timestamp())
    future = futures.future[mine]
    # A ledger of as many accounts as futures, each as the real one is now.
    ledger = Ledger.repeated(tariff, [account], futures.count)
    rated = rate_batch(futures.columns.rows(mine), tariff, ledger, future)
    width = len(rated.lines)
    cells = future[rated.pieces.record] * width + rated.line
    exact = _sums(cells, rated.amount, futures.count * width)
    so_far = [int(lines.get(line, Fraction(0)) * rated.scale) for line in rated.lines]
    whole = exact.reshape(futures.count, width) + np.array(so_far, object)
    totals = bill_totals(tariff, holding.cycle, whole, held)
    return _Part(totals.usage, totals.totals, totals.scale, rated if len(future) else None, future)


def _sums(cells: NDArray[np.int64], amounts: Exact, size: int) -> Exact:
    """The sum of amounts by cell, in Python ints where 64 bits might not hold them."""
    fits = amounts.dtype != object and float(np.abs(amounts).max(initial=0)) * len(amounts) < _SAFE
    sums = np.zeros(size, np.int64 if fits else object)
    np.add.at(sums, cells, amounts)
    return sums.astype(object)


def _estimate(totals: Any, scale: int) -> Estimate:  # Any: the sum of arrays of Python ints
    ordered = sorted(totals.tolist())
    places = (0.5, LOW, HIGH)
    expected, low, high = (Fraction(ordered[max(ceil(share * len(ordered)) - 1, 0)], scale) for share in places)
    return Estimate(expected, low, high)


def _spending(rated: RatedColumns, future: NDArray[np.int64]) -> Spending:
    """What each record costs."""
    columns = rated.columns
    amount = (rated.record_amounts.astype(object) / rated.scale).astype(np.float64)
    growth = Growth(future, columns.start, amount)
    return Spending(growth, columns.service.astype(np.int64), used_abroad(columns, rated.tariff.home_networks))


def _draws(part: _Part) -> dict[str, Growth]:
    found: dict[str, list[Growth]] = {}
    if part.rated is None:
        return {}
    for draws in draws_of(part.rated):
        taken = (draws.taken.astype(object) / draws.scale).astype(np.float64)
        growth = Growth(draws.account, part.rated.columns.start[draws.record], taken)
        found.setdefault(draws.allowance.id, []).append(growth)
    return {allowance: Growth.joined(parts) for allowance, parts in found.items()}
