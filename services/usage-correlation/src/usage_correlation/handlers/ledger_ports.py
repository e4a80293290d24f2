"""What does taking usage in need from where it is kept?"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Final, Protocol

from opentelemetry.trace import SpanContext

from mesh.store import UnitOfWork
from rating import Tariff
from usage_correlation.domain.accounts import CycleAccount, GroupAccount, GroupName
from usage_correlation.domain.book import GroupPlace, Place
from usage_correlation.domain.crossings import Spending
from usage_correlation.domain.placement import Account
from usage_correlation.domain.rated import PlanUsage
from usage_correlation.domain.rerating import Booking, Figures, Rerated
from usage_correlation.domain.rerating import Reason as RerateReason
from usage_correlation.domain.signals import PlacedSignal, Signal
from usage_correlation.domain.subscribers import Subscriber, Subscription
from usage_correlation.domain.totals import ChargeName, LineTotals, SpendTotals
from usage_correlation.domain.usage import RecordKey, UsageBatch
from usage_correlation.handlers.ports import Plan


@dataclass(frozen=True, slots=True)
class Rerating:
    """A request to rate a subscription's usage anew."""

    subscription: str
    shard: int
    key: int
    """The subscription's."""
    from_micros: int
    """Usage from then on costs something else."""
    reason: RerateReason


class Subscribers(Protocol):
    """What usage was rated with."""

    async def learn(self, subscriptions: Mapping[str, Subscription]) -> Mapping[str, int]:
        """Keys of subscriptions that the profile told of; what differs from before is noted, to be rated anew."""


class RatedPlans(Protocol):
    """With which tariffs usage was rated."""

    async def learn(self, plans: Collection[Plan]) -> None:
        """Keep those of which nothing is known yet."""


@dataclass(frozen=True, slots=True)
class StoredCycles:
    """Stored records, with what stands in the counters that they raised."""

    batch: UsageBatch
    standing: Mapping[tuple[int, int, ChargeName], Figures]
    """By subscription key, start of the bill cycle in microseconds, and charge."""


class AccountWriter(Protocol):
    """The accounts of metered plans, in one transaction."""

    async def lock(self, groups: Collection[int], subscriptions: Collection[int]) -> None:
        """Nobody else rates on these accounts until the transaction ends."""

    async def take(self, subscriptions: Collection[int]) -> Sequence[Rerating]:
        """The requests to rate locked subscriptions anew that nobody else is meeting, removed: they are met now."""

    async def lock_cycles(self, spans: Sequence[tuple[Subscriber, int, int]]) -> None:
        """Nobody raises the counters of bill cycles from then on until the transaction ends."""

    async def cycles(self, wanted: Mapping[int, tuple[int, int]]) -> Mapping[Place, CycleAccount]:
        """Accounts by place. `wanted`: by subscription key its shard and the moment from which cycles may begin."""

    async def groups(self, wanted: Mapping[GroupName, tuple[int, int]]) -> Mapping[GroupPlace, GroupAccount]:
        """Groups' accounts. `wanted`: by group its key and the moment from which cycles may begin."""

    async def save(self, cycles: Mapping[Place, CycleAccount], shards: Mapping[int, int]) -> None:
        """Write accounts of locked subscriptions; `shards` by their keys."""

    async def save_groups(self, groups: Mapping[GroupPlace, GroupAccount], keys: Mapping[GroupName, int]) -> None:
        """Write accounts of locked groups."""

    async def stored(self, spans: Sequence[tuple[Subscriber, int, int]]) -> StoredCycles:
        """All records of subscriptions that began in [start, end) microseconds, with what stands in their counters."""

    async def book(
        self,
        accounts: Sequence[Account],
        bookings: Sequence[Booking],
        charges: Mapping[ChargeName, int],
        reason: RerateReason,
        now: datetime,
    ) -> None:
        """Note what was booked, and why. Nothing of it ever changes."""


class LedgerWriter(Protocol):
    """One transaction that takes usage in: all of it is true at its end, or nothing."""

    @property
    def accounts(self) -> AccountWriter:
        """The accounts of metered plans."""

    @property
    def uow(self) -> UnitOfWork:
        """The transaction, for those who keep tables of their own beside the ledger's."""

    async def claim(self, batch: UsageBatch, rows: Sequence[int], digests: Sequence[int]) -> Mapping[RecordKey, int]:
        """Make the rows' records known; the content digests of those that were known before, by key."""

    async def known(self, keys: Collection[RecordKey]) -> Mapping[RecordKey, int]:
        """The content digests of those records that are known."""

    async def append(
        self, batch: UsageBatch, rows: Sequence[int], accounts: Sequence[Account], arrive_time: datetime
    ) -> int:
        """Store records; `accounts` for each of the rows. The version of the change log as of then."""

    async def add_spending(
        self, accounts: Sequence[Account], totals: SpendTotals, least: Fraction | None
    ) -> Sequence[Spending]:
        """Raise what the accounts have spent, and tell of those that have spent `least` then; None: of nobody.

        Waits for others who have usage of the same accounts, and makes others wait until the transaction ends.
        """

    async def add_lines(
        self, accounts: Sequence[Account], lines: Sequence[LineTotals], charges: Mapping[ChargeName, int]
    ) -> None:
        """Raise the counters of accounts whose spending was raised before."""

    async def newest_records(
        self, accounts: Sequence[Account], but: Sequence[Collection[RecordKey]], size: int
    ) -> Sequence[Sequence[RecordKey]]:
        """The keys of each account's newest `size` stored records, oldest first, without those in its `but`."""

    async def raise_signals(self, signals: Sequence[tuple[Account, Signal]]) -> Sequence[PlacedSignal]:
        """Keep and publish signals and that their thresholds were passed; those that were new."""


Causes = Callable[[Signal], SpanContext | None]
"""The trace of the call that a signal follows from; None: the one that is under way."""


class Ledger(Protocol):
    """Where usage is kept."""

    def writing(
        self, sources: Mapping[str, int], causes: Causes | None = None
    ) -> AbstractAsyncContextManager[LedgerWriter]:
        """A transaction; commits when the block ends well. `sources`: the keys of the batch's sources."""


@dataclass(frozen=True, slots=True)
class MeteredAccount:
    """What an account of a metered plan has now."""

    account: int
    """Index into the arrival's accounts."""
    cycle: CycleAccount
    shared: Mapping[str, GroupAccount]
    """By plan: what its group has."""
    tariffs: Mapping[str, Tariff]
    """Of metered plans."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a transaction newly stored; records that were known or refused are in `batch` alone."""

    batch: UsageBatch
    accounts: Sequence[Account]
    usages: Sequence[PlanUsage]
    """The new records alone: `rows` are theirs in the batch. `costs` tells what each costs in the order of events."""
    time: datetime
    metered: Sequence[MeteredAccount] = ()
    """The accounts of metered plans that the records drew on."""
    anew: Rerated | None = None
    """Bill cycles that were rated anew because of it; accounts are numbered as here."""
    taken_back: Mapping[tuple[RecordKey, str], Fraction] = field(default_factory=dict)
    """By record and currency, how much of its price is not charged."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A part of a record's price that is not charged."""

    account: int
    """Index into the arrival's accounts."""
    record: RecordKey
    currency: str
    amount: Fraction


class Restraint(Protocol):
    """Takes back what may not be charged, in the transaction that stores the usage and before anything reacts to it."""

    async def __call__(
        self, writer: LedgerWriter, arrival: Arrival
    ) -> tuple[Sequence[tuple[Account, Signal]], Sequence[TakenBack]]:
        """The signals to raise, and what was taken back from the counters."""


class Reaction(Protocol):
    """Does something about usage in the transaction that stores it: once for each record, or not at all.

    Keep it short, since others wait for the accounts' bill cycles meanwhile. Rows are locked in one order everywhere:
    record keys, bill cycles, then what reactions lock (in the order of their tables, each sorted), the signals' head.
    """

    def least(self, accounts: Sequence[Account]) -> Mapping[str, Fraction]:
        """By currency, what must be spent before it has something to say about it; it hears of no smaller spending."""

    async def __call__(
        self, writer: LedgerWriter, arrival: Arrival, spendings: Sequence[Spending]
    ) -> Sequence[tuple[Account, Signal]]:
        """The signals to raise. `spendings`: what accounts have spent now, at least those with `least` or more."""


@dataclass(frozen=True, slots=True)
class Reactions:
    """All that is done about usage beside storing it, each in this order."""

    restraints: Sequence[Restraint] = ()
    others: Sequence[Reaction] = ()


NO_REACTIONS: Final = Reactions()
