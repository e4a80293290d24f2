"""Whose usage is rated on which accounts, and with what do these begin a bill's period?

A *pool* is what draws on the same allowances: one account, or those of a group, with the members that have no bill in
the call. What is left of earlier cycles is found by going through all of them, those of all pools side by side.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from billing_accuracy.domain.prices import shared_allowances
from billing_accuracy.domain.usage import BillCase, Group, Holding, Segment
from billing_accuracy.domain.usage_table import Ints, UsageTable, rows_of
from rating import Account, Bucket, Cycle, Ledger, Tariff, open_account, rate_batch


@dataclass(frozen=True, slots=True)
class Seat:
    """A part of a bill cycle that is rated on an account of its own."""

    subscription: str
    segment: Segment


@dataclass(frozen=True, slots=True)
class Pool:
    """Accounts that draw on the same allowances."""

    owner: str
    """Whose the shared allowances are; no other pool's. Empty: nothing is shared."""
    places: Sequence[int]
    """Where the seats stand among all that are rated."""
    past: Sequence[Sequence[Seat]]
    """The seats of earlier cycles, oldest first."""


@dataclass(frozen=True, slots=True)
class Pools:
    """Everything that is rated under one plan."""

    seats: Sequence[Seat]
    """First those of bills, then those of others in their groups."""
    pools: Sequence[Pool]

    @classmethod
    def of(
        cls, plan: str, cases: Sequence[BillCase], stretches: Sequence[tuple[int, Segment]], *, grouped: bool = True
    ) -> "Pools":
        """The pools of bills' stretches under a plan, each given with the index of its case.

        Where nothing is granted they need not be `grouped`: everybody is alone.
        """
        seats = [Seat(cases[index].bill.subscription, segment) for index, segment in stretches]
        pools: list[Pool] = []
        copies: dict[int, list[_Copy]] = defaultdict(list)
        for place, (index, segment) in enumerate(stretches):
            group = cases[index].group_under(plan) if grouped else None
            if group is None:
                pools.append(Pool("", [place], _past_of(plan, cases[index], segment)))
            else:
                # By identity: members of one group have one object, and to compare hundreds of members takes time.
                _sit_down(copies[id(group)], group, place, cases[index].bill.subscription, index)
        for number, copy in enumerate(copy for found in copies.values() for copy in found):
            others = copy.others()
            places = [*copy.places, *range(len(seats), len(seats) + len(others))]
            past = _cycles(copy.group.holdings, copy.group.cycle)
            pools.append(Pool(f"{copy.group.customer} {number}", places, past))
            seats += others
        return cls(seats, pools)

    @property
    def share(self) -> bool:
        """Whether records of several accounts must be rated in order of events."""
        return any(pool.owner for pool in self.pools)

    def rows(self, usage: UsageTable) -> tuple[Ints, Ints]:
        """The rows to rate, and the place of each one's seat; in order of events where accounts share anything."""
        return _rows(self.seats, usage, in_order=self.share)

    def accounts(self, tariff: Tariff, usage: UsageTable, *, whole: bool = False) -> list[Account]:
        """What each seat begins with; with `whole`, as if the plan had been held in all of the cycle."""
        accounts = [Account()] * len(self.seats)
        for pool, left in zip(self.pools, _left_of(self.pools, tariff, usage), strict=True):
            opened = left.opened(tariff, [self.seats[place] for place in pool.places], pool.owner, whole=whole)
            for place, account in zip(pool.places, opened, strict=True):
                accounts[place] = account
        return accounts


@dataclass(slots=True)
class _Copy:
    """A group with one bill of each member at most: a subscription that is billed twice uses nothing twice."""

    group: Group
    bills: dict[str, int] = field(default_factory=dict)
    """Indices of cases, by subscription."""
    places: list[int] = field(default_factory=list)

    def others(self) -> list[Seat]:
        """What members without a bill held in the cycle."""
        return [
            Seat(one.subscription, segment)
            for one in self.group.holdings
            for segment in one.segments
            if segment.cycle == self.group.cycle and one.subscription not in self.bills
        ]


def _sit_down(copies: list[_Copy], group: Group, place: int, subscription: str, index: int) -> None:
    """Give a bill's stretch its place in the first copy of its group that has no other bill of the subscription."""
    copy = next((one for one in copies if one.bills.get(subscription, index) == index), None)
    if copy is None:
        copies.append(copy := _Copy(group))
    copy.bills[subscription] = index
    copy.places.append(place)


@dataclass(slots=True)
class _Left:
    """What the accounts of a pool have at the end of a cycle."""

    own: dict[tuple[str, datetime], Account] = field(default_factory=dict)
    """By subscription and the end of what it held."""
    shared: tuple[Bucket, ...] = ()

    def opened(self, tariff: Tariff, seats: Sequence[Seat], owner: str, *, whole: bool = False) -> list[Account]:
        """What seats of the next cycle begin with: their own, then what the group has while anybody holds the plan."""
        helds = [seat.segment.cycle if whole else seat.segment.held for seat in seats]
        own = [
            _open(tariff, seat.segment.cycle, held, self.own.get((seat.subscription, seat.segment.held.start)))
            for seat, held in zip(seats, helds, strict=True)
        ]
        if not owner:
            return own
        stint = Cycle(min(held.start for held in helds), max(held.end for held in helds))
        group = _open(tariff, seats[0].segment.cycle, stint, Account(self.shared), owner)
        common = tuple(bucket for bucket in group.buckets if bucket.owner)
        ids = shared_allowances(tariff)
        return [
            Account((*(bucket for bucket in one.buckets if bucket.allowance not in ids), *common), one.counters)
            for one in own
        ]

    def keep(self, seats: Iterable[Seat], accounts: Iterable[Account]) -> None:
        """The accounts at the end of the cycle."""
        for seat, account in zip(seats, accounts, strict=True):
            self.shared = tuple(bucket for bucket in account.buckets if bucket.owner)
            mine = tuple(bucket for bucket in account.buckets if not bucket.owner)
            self.own[seat.subscription, seat.segment.held.end] = Account(mine, account.counters)


def _left_of(pools: Sequence[Pool], tariff: Tariff, usage: UsageTable) -> list[_Left]:
    """What each pool has at the end of the cycle before the bill's."""
    left = [_Left() for _ in pools]
    for back in range(max((len(pool.past) for pool in pools), default=0), 0, -1):
        now = [number for number, pool in enumerate(pools) if len(pool.past) >= back]
        seats, opened = list[Seat](), list[Account]()
        for number in now:
            mine = pools[number].past[-back]
            seats += mine
            opened += left[number].opened(tariff, mine, pools[number].owner)
        rows, account = _rows(seats, usage, in_order=any(pools[number].owner for number in now))
        rated = rate_batch(usage.columns_for(tariff, rows), tariff, Ledger.of(tariff, opened), account)
        if rated.ledger is None:
            raise ValueError(f"{tariff.id} keeps no accounts")
        after = iter(rated.ledger.accounts())
        for number in now:
            mine = pools[number].past[-back]
            left[number].keep(mine, [next(after) for _ in mine])
    return left


def _open(tariff: Tariff, cycle: Cycle, held: Cycle, previous: Account | None, owner: str = "") -> Account:
    start = max(held.start, tariff.versions[0].active_from)
    if start >= held.end:  # the tariff begins later: until then nothing has a price, nor is anything included
        return previous or Account()
    return open_account(tariff, cycle, Cycle(start, held.end), previous, owner)


def _rows(seats: Sequence[Seat], usage: UsageTable, *, in_order: bool) -> tuple[Ints, Ints]:
    rows, places = rows_of([(seat.subscription, seat.segment.held) for seat in seats], usage)
    if not in_order:
        return rows, places
    order = usage.event_order(rows)
    return rows[order], places[order]


def _past_of(plan: str, case: BillCase, segment: Segment) -> list[list[Seat]]:
    """The cycles before of one that shares nothing: allowances begin anew with each plan."""
    if case.history is None or case.history.plan != plan or segment.held.start != segment.cycle.start:
        return []
    return [[Seat(case.bill.subscription, earlier)] for earlier in case.history.segments]


def _cycles(holdings: Sequence[Holding], now: Cycle) -> list[list[Seat]]:
    """The seats of cycles before now, oldest first."""
    found: dict[datetime, list[Seat]] = defaultdict(list)
    for one in holdings:
        for segment in one.segments:
            if segment.cycle != now:
                found[segment.cycle.start].append(Seat(one.subscription, segment))
    return [found[start] for start in sorted(found)]
