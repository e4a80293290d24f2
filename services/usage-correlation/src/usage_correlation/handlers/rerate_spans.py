"""What do whole bill cycles come to when all their stored records are rated anew?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rating import Tariff
from usage_correlation.domain.accounts import CycleAccount, GroupAccount
from usage_correlation.domain.book import Book, GroupPlace, MeteredRows, Metering, Place
from usage_correlation.domain.placement import Account
from usage_correlation.domain.rerating import Figures, Rerated, rerate
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.domain.totals import ChargeName
from usage_correlation.handlers.ledger_ports import AccountWriter


async def rerate_spans(
    writer: AccountWriter,
    metering: Metering,
    accounts: list[Account],
    index: dict[Place, int],
    spans: Sequence[tuple[Subscriber, int, int]],
    known: tuple[Mapping[Place, CycleAccount], Mapping[GroupPlace, GroupAccount]],
    tariffs: Mapping[str, Tariff],
    *,
    metered_only: bool,
) -> tuple[Book, Rerated]:
    """Rate all records of the spans (whole cycles) anew; `accounts` and `index` grow by the cycles that are met."""
    stored = await writer.stored(spans)
    subscribers = {subscriber.subscription.id: subscriber for subscriber, *_ in spans}
    account_of = []
    for name, start in zip(stored.batch.subscriptions, stored.batch.starts, strict=True):
        account_of.append(_number(metering, accounts, index, subscribers[name], start))
    by_key = {subscriber.key: subscriber for subscriber, *_ in spans}
    standing: dict[tuple[int, ChargeName], Figures] = {}
    for (key, start, charge), figures in stored.standing.items():
        number = _number(metering, accounts, index, by_key[key], start)
        if accounts[number].cycle.start_micros == start:  # else counted before the bill cycle's day was changed
            standing[number, charge] = figures
    cycles, groups = known
    since = {subscriber.key: start for subscriber, start, _ in spans}
    until = {subscriber.key: end for subscriber, _, end in spans}
    customers = {subscriber.subscription.customer for subscriber, *_ in spans}
    first, last = min(since.values()), max(until.values())
    anew = {
        place: CycleAccount(cycle.cycle, group=cycle.group, passed=cycle.passed)
        for place, cycle in cycles.items()
        if place[0] in since and since[place[0]] <= place[1] < until[place[0]]
    }
    groups_anew = {at for at in groups if at[0].customer in customers and first <= at[1] < last}
    book = Book(metering, {**cycles, **anew}, {at: group for at, group in groups.items() if at not in groups_anew})
    book.changed.update(anew)
    rows = MeteredRows(stored.batch, range(len(stored.batch)), account_of, accounts)
    rerated = rerate(book, rows, standing, tariffs, metered_only=metered_only)
    for at in groups_anew & book.groups.keys():
        book.groups[at] = replace(book.groups[at], passed=groups[at].passed)
    return book, rerated


def _number(
    metering: Metering, accounts: list[Account], index: dict[Place, int], subscriber: Subscriber, start: int
) -> int:
    subscription = subscriber.subscription
    cycle = metering.calendar.cycle_at(start, subscription.bill_cycle_day, subscription.zone)
    place = (subscriber.key, cycle.start_micros)
    if place not in index:
        index[place] = len(accounts)
        accounts.append(Account(subscriber, cycle))
    return index[place]


def place_of(account: Account) -> Place:
    """Where an account's bill cycle is kept."""
    return account.subscriber.key, account.cycle.start_micros
