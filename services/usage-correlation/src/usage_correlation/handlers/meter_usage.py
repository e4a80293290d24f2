"""How are records rated whose prices depend on accounts, in the transaction that stores them?

In order of events: a record that begins after all that its account has rated continues from there. One that comes late
changes what later records cost, unless everything used had room enough in any order; then whole bill cycles are rated
anew from the stored records, and what differs is booked.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import lcm

import numpy as np

import rating
from rating import rate_lines
from usage_correlation.domain.accounts import (
    NEVER,
    CycleAccount,
    GroupAccount,
    GroupName,
    stints_within,
)
from usage_correlation.domain.book import Book, GroupPlace, MeteredRows, Metering, Place, rate_in_order
from usage_correlation.domain.moments import LATEST_MICROS, MICROS
from usage_correlation.domain.placement import Account
from usage_correlation.domain.rated import PlanUsage
from usage_correlation.domain.rerating import Rerated, costs_by_record
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.domain.usage import UsageBatch
from usage_correlation.handlers.ledger_ports import AccountWriter, MeteredAccount
from usage_correlation.handlers.prepare_metering import plans_of
from usage_correlation.handlers.rerate_spans import place_of, rerate_spans

Pool = str | int
_LONGEST_CYCLE = 32 * 86_400 * MICROS
"""More than any bill cycle, in microseconds."""


@dataclass(slots=True)
class Metered:
    """What metered records come to."""

    accounts: list[Account]
    """Those of the placement, and others whose cycles were rated anew."""
    usages: list[PlanUsage] = field(default_factory=list)
    """New records that came in order."""
    late: list[PlanUsage] = field(default_factory=list)
    """New records of cycles that were rated anew."""
    rerated: Rerated | None = None
    cycles: dict[Place, CycleAccount] = field(default_factory=dict)
    """Accounts that changed."""
    groups: dict[GroupPlace, GroupAccount] = field(default_factory=dict)

    def keep(self, book: Book) -> None:
        """Take over the accounts that changed in a book."""
        self.cycles.update({place: book.cycles[place] for place in book.changed})
        self.groups.update({place: book.groups[place] for place in book.groups_changed})

    def states(self, metering: Metering) -> list[MeteredAccount]:
        """The accounts that changed, for reactions."""
        index = {place_of(account): number for number, account in enumerate(self.accounts)}
        found = []
        for place, cycle in self.cycles.items():
            number = index[place]
            subscription = self.accounts[number].subscriber.subscription
            shared = {}
            for held in cycle.stints if self.groups else ():
                group = metering.group_of(subscription, held.stint.plan)
                account = self.groups.get((group, place[1])) if group else None
                if account is not None:
                    shared[held.stint.plan] = account
            found.append(MeteredAccount(number, cycle, shared, metering.tariffs))
        return found


class MeterUsage:
    """Rates metered records on locked accounts."""

    def __init__(self, writer: AccountWriter, metering: Metering, placed: Sequence[Account]) -> None:
        self._writer = writer
        self._metering = metering
        self._accounts = list(placed)
        self._index = {place_of(account): number for number, account in enumerate(placed)}
        self._cycles: Mapping[Place, CycleAccount] = {}
        self._groups: Mapping[GroupPlace, GroupAccount] = {}

    async def __call__(self, batch: UsageBatch, rows: Sequence[int], account_of: Sequence[int]) -> Metered:
        """Rate the rows, which are stored already; `account_of` by row of the batch."""
        metered = Metered(self._accounts)
        numbers = {account_of[row] for row in rows}
        pools = {number: self._metering.pool_of(self._accounts[number].subscriber) for number in numbers}
        await self._lock(numbers, pools)
        late, broken = self._late(batch, rows, account_of, pools)
        book = Book(self._metering, self._cycles, self._groups)
        first = [row for row in rows if pools[account_of[row]] in late]
        usages = rate_in_order(book, MeteredRows(batch, first, account_of, self._accounts)) if first else []
        bad = broken | self._crowded(book, {account_of[row] for row in first}, pools)
        rest = [row for row in rows if pools[account_of[row]] not in late]
        if bad:  # begin anew with those that can go on as they are
            book, usages = Book(self._metering, self._cycles, self._groups), []
            rest = [row for row in rows if pools[account_of[row]] not in bad]
        if rest:
            usages += rate_in_order(book, MeteredRows(batch, rest, account_of, self._accounts))
        metered.usages = usages
        metered.keep(book)
        if bad:
            again = [row for row in rows if pools[account_of[row]] in bad]
            await self._again(metered, batch, again, account_of, pools)
        return metered

    async def _lock(self, numbers: Collection[int], pools: Mapping[int, Pool]) -> None:
        """Lock and read all accounts of the pools."""
        wanted: dict[int, tuple[int, int]] = {}
        groups: dict[GroupName, tuple[int, int]] = {}
        for number in numbers:
            account = self._accounts[number]
            start = account.cycle.start_micros
            if not isinstance(pools[number], str):  # alone
                key = account.subscriber.key
                since = start - self._metering.lookback(account.subscriber.subscription) * _LONGEST_CYCLE
                known = wanted.get(key)
                wanted[key] = (account.subscriber.shard, min(since, known[1]) if known else since)
                continue
            for member in self.members(pools[number], account.subscriber):
                since = start - self._metering.lookback(member.subscription) * _LONGEST_CYCLE
                if member.key != account.subscriber.key:
                    since -= _LONGEST_CYCLE
                known = wanted.get(member.key)
                wanted[member.key] = (member.shard, min(since, known[1]) if known else since)
                for plan in plans_of(member):
                    group = self._metering.group_of(member.subscription, plan)
                    if group is not None:
                        earlier = groups.get(group)
                        at = min(since, earlier[1]) if earlier else since
                        groups[group] = (self._metering.groups[group], at)
        await self._writer.lock([key for key, _ in groups.values()], wanted)
        self._cycles = await self._writer.cycles(wanted)
        self._groups = await self._writer.groups(groups)

    def members(self, pool: Pool, subscriber: Subscriber) -> Sequence[Subscriber]:
        """Who is rated together with a subscriber, itself included."""
        household = self._metering.households.get(pool, ()) if isinstance(pool, str) else ()
        others = [each for each in household if each.key != subscriber.key]
        return [subscriber, *others]

    def _late(
        self, batch: UsageBatch, rows: Sequence[int], account_of: Sequence[int], pools: Mapping[int, Pool]
    ) -> tuple[set[Pool], set[Pool]]:
        """Pools with late records; and among them those whose accounts were opened under other plans than now."""
        late: set[Pool] = set()
        broken: set[Pool] = set()
        until = {number: self._rated_until(self._accounts[number]) for number in pools}
        for row in rows:
            number = account_of[row]
            if batch.starts[row] <= until[number]:
                late.add(pools[number])
        for number, pool in pools.items():
            known = self._cycles.get(place_of(self._accounts[number]))
            if known is not None and not _fits(known, self._accounts[number]):
                late.add(pool)
                broken.add(pool)
        return late, broken

    def _rated_until(self, account: Account) -> int:
        """The moment up to which records of an account, and whatever they bear on, were rated."""
        place, subscription = place_of(account), account.subscriber.subscription
        known = self._cycles.get(place)
        until = known.rated_until if known else NEVER
        for stint in stints_within(subscription, account.cycle) if self._groups else ():
            group = self._metering.group_of(subscription, stint.plan)
            shared = self._groups.get((group, place[1])) if group else None
            if shared is not None:
                until = max(until, shared.rated_until)
        return LATEST_MICROS if self._went_on(account) else until

    def _went_on(self, account: Account) -> bool:
        """Whether later cycles began with what this one left."""
        key, start = place_of(account)
        if not self._metering.lookback(account.subscriber.subscription):
            return False
        customer = account.subscriber.subscription.customer
        later = any(other == key and since > start for other, since in self._cycles)
        return later or any(group.customer == customer and since > start for group, since in self._groups)

    def _crowded(self, book: Book, numbers: Collection[int], pools: Mapping[int, Pool]) -> set[Pool]:
        """Pools in which a late record may have changed what others cost."""
        crowded: set[Pool] = set()
        for number in numbers:
            account = self._accounts[number]
            place = place_of(account)
            has_room = all(rating.has_room(each.account) for each in book.cycles[place].stints)
            shared = [book.groups[at] for at in book.groups_changed if at[0].customer == pools[number]]
            has_room = has_room and all(bucket.left for group in shared for bucket in group.buckets)
            if not has_room or self._went_on(account):
                crowded.add(pools[number])
        return crowded

    async def _again(
        self,
        metered: Metered,
        batch: UsageBatch,
        rows: Sequence[int],
        account_of: Sequence[int],
        pools: Mapping[int, Pool],
    ) -> None:
        """Rate whole cycles of the rows' pools anew."""
        spans: dict[int, tuple[Subscriber, int, int]] = {}
        for number in sorted({account_of[row] for row in rows}):
            account = self._accounts[number]
            for member in self.members(pools[number], account.subscriber):
                since, until = self._span(member, account)
                known = spans.get(member.key)
                if known is not None:
                    since, until = min(since, known[1]), max(until, known[2])
                spans[member.key] = (member, since, until)
        book, rerated = await rerate_spans(
            self._writer, self._metering, self._accounts, self._index, list(spans.values()),
            (self._cycles, self._groups), self._metering.tariffs, metered_only=True,
        )  # fmt: skip
        metered.rerated = rerated
        metered.keep(book)
        metered.late = _late_usages(batch, rows, account_of, rerated)

    def _span(self, member: Subscriber, account: Account) -> tuple[int, int]:
        """From when until when a member's records may cost something else."""
        subscription = member.subscription
        cycle_at, day, zone = self._metering.calendar.cycle_at, subscription.bill_cycle_day, subscription.zone
        first = cycle_at(account.cycle.start_micros, day, zone)
        if self._metering.lookback(subscription):
            return first.start_micros, LATEST_MICROS
        return first.start_micros, cycle_at(account.cycle.end_micros - 1, day, zone).end_micros


def _late_usages(
    batch: UsageBatch, rows: Sequence[int], account_of: Sequence[int], rerated: Rerated
) -> list[PlanUsage]:
    """The new records of cycles that were rated anew, with what they cost there."""
    costs = costs_by_record(rerated, {batch.key(row) for row in rows})
    by_plan: dict[str, list[int]] = {}
    tariffs = {usage.plan: usage.tariff for usage in rerated.usages}
    for row in rows:
        subscription = rerated.accounts[account_of[row]].subscriber.subscription
        plan = subscription.plan_at(batch.starts[row])
        if plan in tariffs and batch.key(row) in costs:
            by_plan.setdefault(plan, []).append(row)
    usages = []
    for plan, mine in sorted(by_plan.items()):
        tariff = tariffs[plan]
        columns, found = batch.columns(mine, tariff.currency), [costs[batch.key(row)][1] for row in mine]
        scale = lcm(*(cost.denominator for cost in found))
        lines = rate_lines(columns.rows(slice(0, 0)), tariff, None, rating.Ledger.of(tariff, [rating.Account()]))
        accounts = np.array([account_of[row] for row in mine], np.int64)
        amounts = tuple(int(cost * scale) for cost in found)
        usages.append(
            PlanUsage(plan, tariff, np.array(mine, np.int64), columns, accounts, lines, found_costs=(amounts, scale))
        )
    return usages


def _fits(known: CycleAccount, account: Account) -> bool:
    """Whether the stints that were opened are those that the subscription has now."""
    held = stints_within(account.subscriber.subscription, account.cycle)
    return all(each.stint in held for each in known.stints)
