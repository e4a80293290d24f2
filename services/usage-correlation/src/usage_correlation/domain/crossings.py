"""Which thresholds did a batch reach that had not been reached before, and by which record?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from usage_correlation.domain.amounts import Amount, nearest_nanos
from usage_correlation.domain.placement import Account
from usage_correlation.domain.policies import SpendPolicy
from usage_correlation.domain.signals import SignalKind, SpendThresholdCrossed, signal_id


@dataclass(frozen=True, slots=True)
class Spending:
    """An account's spending in one currency, after a batch was added."""

    account: int
    currency: str
    spent: Amount
    percents_passed: Mapping[str, int]
    """By policy id: the highest percentage of its limit that was reached before; and by `amounts_of(policy id)` the
    highest of its threshold amounts, in billionths."""


def amounts_of(policy_id: str) -> str:
    """Under which name it is kept which of a policy's amounts was reached."""
    return f"{policy_id}/amounts"


@dataclass(frozen=True, slots=True)
class Crossing:
    """A policy's threshold that an account has newly reached."""

    account: int
    currency: str
    policy: SpendPolicy
    percent: int
    """0 where one of the policy's amounts was reached."""
    amount: Fraction
    """What was reached: that share of the limit, or that amount."""
    spent: Amount


def crossings(spending: Spending, policies: Sequence[SpendPolicy]) -> list[Crossing]:
    """At most one for each policy's percentages, and one for its amounts: the highest reached, if none was before.

    A customer who passes 50, 80 and 100 percent with one call hears of the 100 percent alone, and not of a lower
    percentage later on. A policy that is made or lowered when so much is spent already speaks up with the next record.
    """
    found = []
    for policy in policies:
        if policy.terms.currency != spending.currency:
            continue
        percent = policy.percent_reached(spending.spent)
        if percent > spending.percents_passed.get(policy.id, 0):
            amount = policy.threshold(percent)
            found.append(Crossing(spending.account, spending.currency, policy, percent, amount, spending.spent))
        amount = policy.amount_reached(spending.spent)
        if nearest_nanos(amount) > spending.percents_passed.get(amounts_of(policy.id), 0):
            found.append(Crossing(spending.account, spending.currency, policy, 0, amount, spending.spent))
    return found


def crossing_id(crossing: Crossing, account: Account) -> str:
    """What the crossing's signal is called."""
    subscription = account.subscriber.subscription.id
    which = (crossing.percent,) if crossing.percent else ("amount", nearest_nanos(crossing.amount), crossing.currency)
    what = (crossing.policy.id, *which, account.cycle.start_micros)
    return signal_id(SignalKind.SPEND_THRESHOLD, subscription, *what)


def detail_of(crossing: Crossing, account: Account) -> SpendThresholdCrossed:
    """What the crossing's signal says."""
    return SpendThresholdCrossed(
        policy=crossing.policy.id,
        percent=crossing.percent,
        limit_nanos=nearest_nanos(crossing.policy.terms.limit),
        spent_nanos=nearest_nanos(crossing.spent.fraction),
        currency=crossing.currency,
        cycle=account.cycle,
        threshold_nanos=nearest_nanos(crossing.amount),
    )


def deciding_record(crossing: Crossing, records: Sequence[tuple[int, Fraction]]) -> tuple[int | None, Sequence[int]]:
    """The record that reached the threshold, and the batch's records before it, as rows.

    `records` are the batch's for the account, in the order in which they began, with their costs. Where the threshold
    had been reached before the batch (the policy is new, or lower than it was), the first one decides; None where the
    batch has none (what it changed are other records' costs).
    """
    spent = crossing.spent.fraction - sum((cost for _, cost in records), Fraction(0))
    for number, (row, cost) in enumerate(records):
        spent += cost
        if spent >= crossing.amount:
            return row, [before for before, _ in records[:number]]
    if records:
        raise AssertionError(f"spending {spent} never reached {crossing.amount}, which it is said to have crossed")
    return None, []
