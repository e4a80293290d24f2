"""What does the stored usage of roamers come to between the networks, and for their customers?"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from billing_accuracy.domain.prices import charges_values
from billing_accuracy.domain.usage import Segment, Subscription
from billing_accuracy.domain.usage_table import UsageTable
from billing_accuracy.domain.wholesale.charges import EventKey
from billing_accuracy.domain.wholesale.comparing import Used
from rating import Account, Cycle, Ledger, Tariff, keeps_accounts, open_account, rate_batch


@dataclass(frozen=True, slots=True)
class Retail:
    """What customers' usage is rated by."""

    subscriptions: Mapping[str, Subscription]
    tariffs: Mapping[str, Tariff]
    rates: Mapping[str, Fraction]
    """What one unit of the inter-operator tariff's currency is worth, by currency."""


def used_of(
    usage: UsageTable, names: Sequence[str], sources: Collection[str], period: Cycle, agreed: Tariff, retail: Retail
) -> dict[EventKey, Used]:
    """The usage of certain sources, by event; `names` of all records as `{source}/{record_id}`."""
    found: dict[EventKey, Used] = {}
    # What networks agreed on is mostly in a currency of its own, and charges nothing of what content costs.
    between = usage if charges_values(agreed) else usage.without_values()
    for subscription, (low, high) in usage.ranges.items():
        mine = [row for row in range(low, high) if names[row].partition("/")[0] in sources]
        if not mine:
            continue
        expected = _amounts(between, np.array(mine, np.int64), agreed, Account())
        charged = _retail(usage, subscription, period, retail)
        rows: dict[EventKey, list[int]] = defaultdict(list)
        for row in mine:
            rows[EventKey.of_record(names[row])].append(row)
        for key, of_event in rows.items():
            found[key] = Used(
                key=key,
                subscription=subscription,
                start_micros=int(usage.start_micros[of_event[0]]),
                expected=_sum(expected, of_event),
                retail=_sum(charged, of_event),
            )
    return found


def _sum(amounts: Mapping[int, Fraction], rows: Sequence[int]) -> Fraction | None:
    known = [amounts[row] for row in rows if row in amounts]
    return sum(known, Fraction()) if len(known) == len(rows) else None


def _retail(usage: UsageTable, subscription: str, period: Cycle, retail: Retail) -> Mapping[int, Fraction]:
    """What the customer is charged for each record, in the currency of the inter-operator tariff."""
    found: dict[int, Fraction] = {}
    held = retail.subscriptions.get(subscription)
    for segment in _segments(held, period) if held else ():
        tariff = retail.tariffs.get(segment.plan)
        if tariff is None or tariff.version_at(segment.held.start) is None:
            continue
        account = open_account(tariff, segment.cycle, segment.held) if keeps_accounts(tariff) else Account()
        rows = usage.single_rows(subscription, segment.held)
        rate = retail.rates[tariff.currency]
        found |= {row: amount / rate for row, amount in _amounts(usage, rows, tariff, account).items()}
    return found


def _segments(held: Subscription, period: Cycle) -> list[Segment]:
    found = []
    for one in held.plan_periods:
        start = max(one.start, period.start)
        end = period.end if one.end is None else min(one.end, period.end)
        if start < end:
            found.append(Segment(one.plan, period, Cycle(start, end)))
    return found


def _amounts(
    usage: UsageTable, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]", tariff: Tariff, account: Account
) -> dict[int, Fraction]:
    """What each record costs, of those that have a price."""
    ledger = Ledger.of(tariff, [account]) if keeps_accounts(tariff) else None
    rated = rate_batch(usage.columns_for(tariff, rows), tariff, ledger)
    pairs = zip(rows.tolist(), rated.record_amounts.tolist(), rated.outcome.tolist(), strict=True)
    return {row: Fraction(int(amount), rated.scale) for row, amount, outcome in pairs if not outcome}
