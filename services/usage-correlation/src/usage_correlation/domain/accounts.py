"""With which allowances and tiers does a subscription go through its bill cycles, and whose are they?

A plan whose prices depend on more than the record (allowances, tiers, free records) is *metered*. What it depends on is
kept for each *stint*: the part of one bill cycle in which the subscription held one plan. Shared allowances belong to a
*group*: all subscriptions of one customer that hold the plan and have the same bill cycle.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import rating
from rating import Bucket, Counter, Tariff
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.moments import from_micros
from usage_correlation.domain.subscribers import Subscription

NEVER: Final = -1
"""The moment up to which a cycle was rated before its first record."""


@dataclass(frozen=True, slots=True)
class Stint:
    """A plan held within one bill cycle, [start, end)."""

    plan: str
    start_micros: int
    end_micros: int


@dataclass(frozen=True, slots=True)
class StintAccount:
    """What a stint has and has used, without what it shares."""

    stint: Stint
    account: rating.Account


@dataclass(frozen=True, slots=True)
class CycleAccount:
    """The metered stints of one subscription's bill cycle, as far as they were opened."""

    cycle: BillCycle
    rated_until: int = NEVER
    """Start of the latest record rated, in microseconds."""
    stints: tuple[StintAccount, ...] = ()
    """By start."""
    group: int | None = None
    """Key of the group whose allowances were drawn on, if any."""
    passed: Mapping[str, int] = field(default_factory=dict)
    """Which thresholds of allowances were reached; see `allowance_policies`."""


@dataclass(frozen=True, slots=True, order=True)
class GroupName:
    """Whose shared allowances: a customer's, under a plan."""

    customer: str
    plan: str


@dataclass(frozen=True, slots=True)
class GroupAccount:
    """A group's shared buckets in one bill cycle."""

    cycle: BillCycle
    rated_until: int = NEVER
    buckets: tuple[Bucket, ...] = ()
    passed: Mapping[str, int] = field(default_factory=dict)


def stints_within(subscription: Subscription, cycle: BillCycle) -> list[Stint]:
    """The plans held in a cycle, oldest first."""
    found = []
    for period in subscription.plan_periods:
        start = max(period.start_micros, subscription.activate_micros, cycle.start_micros)
        end = cycle.end_micros if period.end_micros is None else min(period.end_micros, cycle.end_micros)
        if start < end:
            found.append(Stint(period.plan, start, end))
    return found


def shared_allowances(tariff: Tariff) -> frozenset[str]:
    """Ids of the allowances that a group shares."""
    return frozenset(each.id for version in tariff.versions for each in version.allowances if each.shared)


def group_stint(household: Iterable[Subscription], plan: str, cycle: BillCycle) -> Stint | None:
    """The part of a cycle in which any of a customer's subscriptions held a plan."""
    held = [stint for subscription in household for stint in stints_within(subscription, cycle) if stint.plan == plan]
    if not held:
        return None
    return Stint(plan, min(stint.start_micros for stint in held), max(stint.end_micros for stint in held))


def open_stint(tariff: Tariff, cycle: BillCycle, stint: Stint, previous: rating.Account | None) -> rating.Account:
    """What a stint begins with of its own: new allowances, prorated as declared, and what the last stint left."""
    opened = _open(tariff, cycle, stint, previous, owner="")
    shared = shared_allowances(tariff)
    return rating.Account(tuple(bucket for bucket in opened.buckets if bucket.allowance not in shared))


def open_shared(
    tariff: Tariff, cycle: BillCycle, stint: Stint, previous: Sequence[Bucket], owner: str
) -> tuple[Bucket, ...]:
    """What a group begins a cycle with."""
    opened = _open(tariff, cycle, stint, rating.Account(tuple(previous)), owner=owner)
    return tuple(bucket for bucket in opened.buckets if bucket.owner)


def _open(
    tariff: Tariff, cycle: BillCycle, stint: Stint, previous: rating.Account | None, owner: str
) -> rating.Account:
    whole = rating.Cycle(cycle.start, cycle.end)
    start = max(from_micros(stint.start_micros), _first(tariff))
    end = from_micros(stint.end_micros)
    if start >= end:  # the tariff begins later: until then nothing has a price, nor is anything included
        return previous or rating.Account()
    return rating.open_account(tariff, whole, rating.Cycle(start, end), previous, owner)


def _first(tariff: Tariff) -> datetime:
    return tariff.versions[0].active_from


def joined(own: rating.Account, shared: Iterable[Bucket]) -> rating.Account:
    """A stint's own account with its group's buckets, as the rater wants it."""
    return rating.Account((*own.buckets, *shared), own.counters)


def parted(account: rating.Account) -> tuple[rating.Account, tuple[Bucket, ...]]:
    """A stint's own account, and its group's buckets."""
    if not any(bucket.owner for bucket in account.buckets):
        return account, ()
    own = tuple(bucket for bucket in account.buckets if not bucket.owner)
    counters: Mapping[str, Counter] = account.counters
    return rating.Account(own, counters), tuple(bucket for bucket in account.buckets if bucket.owner)
