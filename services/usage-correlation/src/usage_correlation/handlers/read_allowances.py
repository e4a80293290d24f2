"""What does a subscription have of its plan's allowances in a bill cycle, used and left?"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from rating import Tariff
from usage_correlation.domain.accounts import CycleAccount, GroupAccount, GroupName, Stint, stints_within
from usage_correlation.domain.allowance_policies import AllowanceUse, uses_of
from usage_correlation.domain.bill_cycles import BillCalendar, BillCycle
from usage_correlation.domain.book import Book, GroupPlace, Place
from usage_correlation.domain.moments import MICROS
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Keys
from usage_correlation.handlers.prepare_metering import prepare

_LONGEST_CYCLE = 32 * 86_400 * MICROS


class Accounts(Protocol):
    """Reads accounts, in one view of them."""

    async def read(
        self, cycles: Mapping[int, tuple[int, int]], groups: Mapping[GroupName, tuple[int, int]]
    ) -> tuple[Mapping[Place, CycleAccount], Mapping[GroupPlace, GroupAccount]]:
        """As `AccountWriter.cycles` and `.groups`."""


@dataclass(frozen=True, slots=True)
class AllowanceCounter:
    """One allowance in a bill cycle; amounts in base units, or in major units of the currency for money."""

    plan: str
    allowance: str
    name: str
    unit: str
    """A base unit, or "money"."""
    granted: Fraction
    """What rolled over included."""
    used: Fraction
    """Blocks that were added included."""
    is_shared: bool
    """Whether all of the customer's subscriptions under the plan have it together."""
    start_micros: int
    """From when until when it may be used."""
    end_micros: int

    @property
    def left(self) -> Fraction:
        """What remains of the amount; blocks that may still be added apart."""
        return max(self.granted - self.used, Fraction(0))


async def read_allowances(
    directory: Directory,
    keys: Keys,
    accounts: Accounts,
    subscription_id: str,
    cycle: BillCycle,
    until_micros: int,
) -> list[AllowanceCounter]:
    """The counters of the plans held in a cycle before a moment; those that nothing was used of too.

    Raises SubscriptionNotFound.
    """
    await directory.catch_up()
    subscriber = await directory.subscriber(subscription_id)
    metering = await prepare(directory, keys, BillCalendar(), [subscriber])
    if not metering.tariffs:
        return []
    since = cycle.start_micros - (metering.lookback(subscriber.subscription) + 1) * _LONGEST_CYCLE
    groups = {name: (key, since) for name, key in metering.groups.items()}
    book = Book(metering, *await accounts.read({subscriber.key: (subscriber.shard, since)}, groups))
    return [
        counter
        for stint in stints_within(subscriber.subscription, cycle)
        if stint.plan in metering.tariffs and stint.start_micros < until_micros
        for counter in _counters(book, metering.tariffs[stint.plan], subscriber, cycle, stint)
    ]


def _counters(
    book: Book, tariff: Tariff, subscriber: Subscriber, cycle: BillCycle, stint: Stint
) -> list[AllowanceCounter]:
    names = _names(tariff)
    uses = uses_of(book.account(subscriber, cycle, stint).buckets)
    return [_counter(stint, use, *names[use.allowance]) for use in uses if use.allowance in names]


def _counter(stint: Stint, use: AllowanceUse, name: str, unit: str) -> AllowanceCounter:
    start, end = stint.start_micros, stint.end_micros
    return AllowanceCounter(stint.plan, use.allowance, name, unit, use.granted, use.used, use.is_shared, start, end)


def _names(tariff: Tariff) -> dict[str, tuple[str, str]]:
    """(name, unit) by allowance, as the latest version that has it says."""
    return {each.id: (each.name, each.unit) for version in tariff.versions for each in version.allowances}
