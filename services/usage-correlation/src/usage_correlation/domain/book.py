"""In what order do records draw on accounts, and what have the accounts left after them?

All functions here work on what a transaction has read and locked. A *pool* is what must be rated together: one
subscription, or all of a customer's that share allowances.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

import rating
from rating import Ledger, Tariff, rate_lines
from usage_correlation.domain.accounts import (
    CycleAccount,
    GroupAccount,
    GroupName,
    Stint,
    StintAccount,
    group_stint,
    joined,
    open_shared,
    open_stint,
    parted,
    shared_allowances,
    stints_within,
)
from usage_correlation.domain.bill_cycles import BillCalendar, BillCycle
from usage_correlation.domain.placement import Account
from usage_correlation.domain.rated import PlanUsage
from usage_correlation.domain.subscribers import Subscriber, Subscription
from usage_correlation.domain.usage import UsageBatch

Place = tuple[int, int]
"""(subscription key, start of the bill cycle in microseconds)."""
GroupPlace = tuple[GroupName, int]
"""(group, start of the bill cycle in microseconds)."""
_ONE: Final = 1


@dataclass(frozen=True, slots=True)
class Metering:
    """What metered plans are known by in one call."""

    tariffs: Mapping[str, Tariff]
    """Of metered plans only."""
    households: Mapping[str, Sequence[Subscriber]]
    """By customer: all subscriptions of those who share something."""
    calendar: BillCalendar
    groups: Mapping[GroupName, int] = field(default_factory=dict)
    """Keys of the groups concerned."""
    _traits: dict[str, tuple[bool, int]] = field(default_factory=dict)
    """By plan, what was looked up: see `_trait`; and by subscription key its pool."""
    _pools: dict[int, str | int] = field(default_factory=dict)

    def group_of(self, subscription: Subscription, plan: str) -> GroupName | None:
        """The group whose allowances the subscription shares under a plan."""
        return GroupName(subscription.customer, plan) if self._trait(plan)[0] else None

    def pool_of(self, subscriber: Subscriber) -> str | int:
        """What a subscription's records are rated together with: its customer's others, or nothing (its own key)."""
        pool = self._pools.get(subscriber.key)
        if pool is None:
            subscription = subscriber.subscription
            shares = any(self._trait(period.plan)[0] for period in subscription.plan_periods)
            pool = self._pools[subscriber.key] = subscription.customer if shares else subscriber.key
        return pool

    def lookback(self, subscription: Subscription) -> int:
        """For how many cycles what is unused may be kept."""
        return max((self._trait(period.plan)[1] for period in subscription.plan_periods), default=0)

    def _trait(self, plan: str) -> tuple[bool, int]:
        """Whether a plan shares anything, and for how many cycles it keeps what is unused."""
        trait = self._traits.get(plan)
        if trait is None:
            tariff = self.tariffs.get(plan)
            trait = (bool(shared_allowances(tariff)), rating.rollover_cycles(tariff)) if tariff else (False, 0)
            self._traits[plan] = trait
        return trait


class Book:
    """Accounts by bill cycle while records are rated on them; opens those that are new."""

    def __init__(
        self, metering: Metering, cycles: Mapping[Place, CycleAccount], groups: Mapping[GroupPlace, GroupAccount]
    ) -> None:
        self.metering = metering
        self.cycles = dict(cycles)
        self.groups = dict(groups)
        self.changed: set[Place] = set()
        self.groups_changed: set[GroupPlace] = set()
        self._openings: dict[tuple[str, BillCycle, Stint], rating.Account] = {}
        self._known: dict[int, dict[int, StintAccount]] = {}
        for (key, _), cycle in self.cycles.items():
            known = self._known.setdefault(key, {})
            for each in cycle.stints:
                known[each.stint.start_micros] = each

    def account(self, subscriber: Subscriber, cycle: BillCycle, stint: Stint) -> rating.Account:
        """The account that a stint's next record draws on, shared buckets included."""
        own = self._own(subscriber, cycle, stint)
        group = self.metering.group_of(subscriber.subscription, stint.plan)
        return own if group is None else joined(own, self._shared(group, cycle))

    def keep(
        self, subscriber: Subscriber, cycle: BillCycle, stint: Stint, account: rating.Account, latest: int
    ) -> None:
        """The account after records of which the latest started then."""
        place = (subscriber.key, cycle.start_micros)
        before = self.cycles.get(place) or CycleAccount(cycle)
        own, shared = parted(account)
        kept = StintAccount(stint, own)
        group = self.metering.group_of(subscriber.subscription, stint.plan)
        key = before.group if group is None else self.metering.groups[group]
        others = [each for each in before.stints if each.stint.start_micros != stint.start_micros]
        stints = sorted([*others, kept], key=lambda each: each.stint.start_micros)
        self.cycles[place] = CycleAccount(cycle, max(before.rated_until, latest), tuple(stints), key, before.passed)
        self.changed.add(place)
        self._known.setdefault(subscriber.key, {})[stint.start_micros] = kept
        if group is not None:
            at = (group, cycle.start_micros)
            known = self.groups.get(at) or GroupAccount(cycle)
            self.groups[at] = replace(known, buckets=shared, rated_until=max(known.rated_until, latest))
            self.groups_changed.add(at)

    def _own(self, subscriber: Subscriber, cycle: BillCycle, stint: Stint) -> rating.Account:
        known = self._known.get(subscriber.key, {}).get(stint.start_micros)
        if known is not None:
            return known.account
        subscription, tariff = subscriber.subscription, self.metering.tariffs[stint.plan]
        lookback = self.metering.lookback(subscription)
        if lookback:
            return open_stint(tariff, cycle, stint, self._before(subscriber, cycle, stint, lookback))
        # Nothing is carried over, so most begin like many others.
        alike = (stint.plan, cycle, stint)
        opened = self._openings.get(alike)
        if opened is None:
            opened = self._openings[alike] = open_stint(tariff, cycle, stint, None)
        return opened

    def _before(self, subscriber: Subscriber, cycle: BillCycle, stint: Stint, lookback: int) -> rating.Account | None:
        """What the stint before left; those in which nothing was used are opened one after another."""
        subscription = subscriber.subscription
        known = self._known.get(subscriber.key, {})
        left: rating.Account | None = None
        for each in self._cycles_until(subscription, cycle, lookback, subscription.activate_micros):
            for earlier in stints_within(subscription, each):
                tariff = self.metering.tariffs.get(earlier.plan)
                if tariff is None or earlier.start_micros >= stint.start_micros:
                    continue
                kept = known.get(earlier.start_micros)
                left = kept.account if kept else open_stint(tariff, each, earlier, left)
        return left

    def _shared(self, group: GroupName, cycle: BillCycle) -> tuple[rating.Bucket, ...]:
        """A group's buckets now."""
        known = self.groups.get((group, cycle.start_micros))
        if known is not None:
            return known.buckets
        tariff = self.metering.tariffs[group.plan]
        members = self._members(group, cycle)
        left: tuple[rating.Bucket, ...] = ()
        for each in self._cycles_until(members[0], cycle, rating.rollover_cycles(tariff), 0):
            kept = self.groups.get((group, each.start_micros))
            held = group_stint(members, group.plan, each)
            if kept is not None:
                left = kept.buckets
            elif held is not None:
                left = open_shared(tariff, each, held, left, group.customer)
        self.groups[group, cycle.start_micros] = GroupAccount(cycle, buckets=left)
        return left

    def _members(self, group: GroupName, cycle: BillCycle) -> list[Subscription]:
        """The customer's subscriptions that have this bill cycle."""
        household = self.metering.households.get(group.customer, ())
        found = []
        for member in (each.subscription for each in household):
            day, zone = member.bill_cycle_day, member.zone
            if self.metering.calendar.cycle_at(cycle.start_micros, day, zone) == cycle:
                found.append(member)
        if not found:
            raise AssertionError(f"nobody of customers/{group.customer} has the bill cycle that usage was placed in")
        return found

    def _cycles_until(
        self, subscription: Subscription, cycle: BillCycle, lookback: int, earliest: int
    ) -> list[BillCycle]:
        """A cycle and so many before it, oldest first, back to one that holds `earliest`."""
        cycles = [cycle]
        while len(cycles) <= lookback and cycles[0].start_micros > earliest:
            before = cycles[0].start_micros - 1
            day, zone = subscription.bill_cycle_day, subscription.zone
            cycles.insert(0, self.metering.calendar.cycle_at(before, day, zone))
        return cycles


@dataclass(frozen=True, slots=True)
class MeteredRows:
    """Records of a batch under metered plans."""

    batch: UsageBatch
    rows: Sequence[int]
    account_of: Sequence[int]
    """By row of the batch."""
    accounts: Sequence[Account]


def rate_in_order(book: Book, metered: MeteredRows) -> list[PlanUsage]:
    """Rate the rows in order of events; the book has the accounts after them.

    Plans and cycles of a pool change at the bounds of stints: one *round* has at most one stretch between two bounds of
    each pool, so that every account is whole before the next one opens from it.
    """
    usages: list[PlanUsage] = []
    for rows in _rounds(book.metering, metered):
        by_plan: dict[str, list[tuple[int, Stint]]] = {}
        for row, stint in rows:
            by_plan.setdefault(stint.plan, []).append((row, stint))
        usages += [_rate(book, metered, plan, of_plan) for plan, of_plan in sorted(by_plan.items())]
    return usages


def _rounds(metering: Metering, metered: MeteredRows) -> list[list[tuple[int, Stint]]]:
    batch, account_of = metered.batch, metered.account_of
    order = sorted(metered.rows, key=lambda row: (batch.starts[row], batch.sources[row], batch.record_ids[row]))
    stints = {number: _stints(metered.accounts[number]) for number in {account_of[row] for row in order}}
    pools = {number: metering.pool_of(metered.accounts[number].subscriber) for number in stints}
    bounds: dict[str | int, set[int]] = {}
    for number, held in stints.items():
        bounds.setdefault(pools[number], set()).update(stint.start_micros for stint in held)
    ordered = {pool: sorted(starts) for pool, starts in bounds.items()}
    stretches: dict[str | int, dict[int, int]] = {}
    rounds: list[list[tuple[int, Stint]]] = []
    for row in order:
        number, start = account_of[row], batch.starts[row]
        pool = pools[number]
        known = stretches.setdefault(pool, {})
        stretch = known.setdefault(bisect_right(ordered[pool], start), len(known))
        if stretch == len(rounds):
            rounds.append([])
        rounds[stretch].append((row, _at(stints[number], start)))
    return rounds


def _stints(account: Account) -> list[Stint]:
    return stints_within(account.subscriber.subscription, account.cycle)


def _at(stints: Sequence[Stint], micros: int) -> Stint:
    if len(stints) == _ONE:
        return stints[0]
    return stints[bisect_right([stint.start_micros for stint in stints], micros) - 1]


def _rate(book: Book, metered: MeteredRows, plan: str, placed: Iterable[tuple[int, Stint]]) -> PlanUsage:
    batch, tariff = metered.batch, book.metering.tariffs[plan]
    rows, bills, latest = list[int](), list[int](), list[int]()
    numbers: dict[int, int] = {}
    held: list[tuple[int, Stint]] = []
    for row, stint in placed:
        account = metered.account_of[row]
        number = numbers.setdefault(account, len(numbers))
        if number == len(held):
            held.append((account, stint))
            latest.append(batch.starts[row])
        latest[number] = batch.starts[row]  # rows come in order of starts
        rows.append(row)
        bills.append(number)
    opened = [
        book.account(metered.accounts[account].subscriber, metered.accounts[account].cycle, stint)
        for account, stint in held
    ]
    before = Ledger.of(tariff, opened)
    columns, bill = batch.columns(rows, tariff.currency), np.array(bills, np.int64)
    lines = rate_lines(columns, tariff, bill, before)
    after = lines.ledger
    if after is None:
        raise AssertionError(f"plan {plan} is metered, and its tariff {tariff.id} keeps no accounts")
    for (account, stint), now, start in zip(held, after.accounts(), latest, strict=True):
        whose = metered.accounts[account]
        book.keep(whose.subscriber, whose.cycle, stint, now, start)
    accounts = np.array([account for account, _ in held], np.int64)
    return PlanUsage(
        plan,
        tariff,
        np.array(rows, np.int64),
        columns,
        accounts[bill],
        replace(lines, bill=accounts[lines.bill]),
        before,
        bill,
    )
