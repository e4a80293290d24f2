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
    """By policy id: the highest percentage of its limit that was reached before."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A policy's threshold that an account has newly reached."""

    account: int
    currency: str
    policy: SpendPolicy
    percent: int
    spent: Amount


def crossings(spending: Spending, policies: Sequence[SpendPolicy]) -> list[Crossing]:
    """At most one for each policy: the highest threshold reached, if it is higher than any reached before.

    A customer who passes 50, 80 and 100 percent with one call hears of the 100 percent alone, and not of a lower
    percentage later on. A policy that is made or lowered when so much is spent already speaks up with the next record.
    """
    found = []
    for policy in policies:
        if policy.terms.currency != spending.currency:
            continue
        percent = policy.percent_reached(spending.spent)
        if percent > spending.percents_passed.get(policy.id, 0):
            found.append(Crossing(spending.account, spending.currency, policy, percent, spending.spent))
    return found


def crossing_id(crossing: Crossing, account: Account) -> str:
    """What the crossing's signal is called."""
    subscription = account.subscriber.subscription.id
    what = (crossing.policy.id, crossing.percent, account.cycle.start_micros)
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
    )


def deciding_record(crossing: Crossing, records: Sequence[tuple[int, Fraction]]) -> tuple[int, Sequence[int]]:
    """The record that reached the threshold, and the batch's records before it, as rows.

    `records` are the batch's for the account, in the order in which they began, with their costs. Where the threshold
    had been reached before the batch (the policy is new, or lower than it was), the first one decides.
    """
    threshold = crossing.policy.threshold(crossing.percent)
    spent = crossing.spent.fraction - sum((cost for _, cost in records), Fraction(0))
    for number, (row, cost) in enumerate(records):
        spent += cost
        if spent >= threshold:
            return row, [before for before, _ in records[:number]]
    raise AssertionError(f"spending {spent} never reached the threshold {threshold} that it is said to have crossed")
