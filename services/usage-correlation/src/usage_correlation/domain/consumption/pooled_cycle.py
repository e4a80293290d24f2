"""What does each record of a bill cycle cost where allowances are shared, or are left over from earlier cycles?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rating import Tariff, keeps_accounts, rate_batch, rollover_cycles
from usage_correlation.domain.accounts import GroupName, Stint, shared_allowances
from usage_correlation.domain.bill_cycles import BillCalendar, BillCycle
from usage_correlation.domain.book import Book, MeteredRows, Metering, rate_in_order
from usage_correlation.domain.consumption.history import History, Integers
from usage_correlation.domain.consumption.rated_cycle import RatedCycle, RatedPart, RatedStretch, rate_cycle
from usage_correlation.domain.consumption.stretches import PlanStretch, plan_stretches
from usage_correlation.domain.placement import Account
from usage_correlation.domain.rated import PlanUsage
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.domain.usage import UsageBatch


def needs_pool(tariffs: Mapping[str, Tariff]) -> bool:
    """Whether what records cost under these plans depends on other subscriptions or earlier cycles."""
    return any(shared_allowances(tariff) or rollover_cycles(tariff) for tariff in tariffs.values())


@dataclass(frozen=True, slots=True)
class Pool:
    """Whose records must be rated together."""

    subject: Subscriber
    members: Sequence[Subscriber]
    """All of the customer's subscriptions where something is shared; the subject is one."""
    histories: Mapping[str, History]
    """By subscription, with the records' keys, from the first cycle that matters on."""
    tariffs: Mapping[str, Tariff]
    """Of all plans that are known; records of others are left out."""


def rate_pooled(pool: Pool, cycle: BillCycle, stretches: Sequence[PlanStretch]) -> RatedCycle:
    """The subject's cycle: all that the pool used until its end, in order of events."""
    metered = {plan: tariff for plan, tariff in pool.tariffs.items() if keeps_accounts(tariff)}
    customer = pool.subject.subscription.customer
    groups = {GroupName(customer, plan): 0 for plan in metered}
    calendar = BillCalendar()
    metering = Metering(metered, {customer: pool.members}, calendar, groups)
    rows = _rows(pool, metered, calendar, cycle.end_micros)
    book = Book(metering, {}, {})
    usages = rate_in_order(book, rows)
    history = pool.histories[pool.subject.subscription.id]
    within = history.between(cycle.start_micros, cycle.end_micros)
    alone = rate_cycle(within, cycle, [each for each in stretches if each.plan not in metered], pool.tariffs)
    own = {(rows.batch.sources[row], rows.batch.record_ids[row]): row for row in rows.rows}
    row_of = np.array([own.get(key, -1) for key in within.keys], np.int64)
    rated = {each.stretch: each for each in alone.stretches}
    for stretch in stretches:
        if stretch.plan in metered:
            stint = Stint(stretch.plan, stretch.start_micros, stretch.end_micros)
            account = book.account(pool.subject, cycle, stint)
            parts = _parts(stretch, within, row_of, usages)
            rated[stretch] = RatedStretch(stretch, metered[stretch.plan], parts, account)
    return RatedCycle(cycle, within, tuple(rated[stretch] for stretch in stretches))


def _rows(pool: Pool, metered: Mapping[str, Tariff], calendar: BillCalendar, until: int) -> MeteredRows:
    """The records under metered plans that began before a moment, and the account of each."""
    batch = UsageBatch.empty()
    accounts: list[Account] = []
    account_of: list[int] = []
    index: dict[tuple[int, int], int] = {}
    for member in pool.members:
        subscription = member.subscription
        history = pool.histories.get(subscription.id)
        if history is None:
            continue
        known = history.between(0, until)
        plans = [subscription.plan_at(start) for start in known.start_micros.tolist()]
        for row, plan in enumerate(plans):
            if plan not in metered:
                continue
            start = int(known.start_micros[row])
            cycle = calendar.cycle_at(start, subscription.bill_cycle_day, subscription.zone)
            number = index.setdefault((member.key, cycle.start_micros), len(accounts))
            if number == len(accounts):
                accounts.append(Account(member, cycle))
            account_of.append(number)
            _add(batch, known, row, subscription.id)
    if not any(batch.values):
        batch.values.clear()
    return MeteredRows(batch, range(len(batch)), account_of, accounts)


def _add(batch: UsageBatch, history: History, row: int, subscription: str) -> None:
    columns = history.columns
    source, record_id = history.keys[row]
    batch.positions.append(len(batch.positions))
    batch.sources.append(source)
    batch.record_ids.append(record_id)
    batch.subscriptions.append(subscription)
    batch.services.append(int(columns.service[row]))
    batch.starts.append(int(history.start_micros[row]))
    batch.quantities.append(int(columns.quantity[row]))
    batch.destinations.append(str(columns.destination[row]))
    networks = columns.visited_network
    batch.visited_networks.append("" if networks is None else str(networks[row]))
    batch.location_ids.append("")
    batch.values.append(None if history.values is None else history.values.at(row))


def _parts(
    stretch: PlanStretch, within: History, row_of: Integers, usages: Sequence[PlanUsage]
) -> tuple[RatedPart, ...]:
    """The subject's records of a stretch in what was rated together."""
    first, last = (int(at) for at in np.searchsorted(within.start_micros, [stretch.start_micros, stretch.end_micros]))
    wanted = row_of[first:last]
    parts = []
    for usage in usages:
        if usage.plan != stretch.plan:
            continue
        mine = np.flatnonzero(np.isin(wanted, usage.rows))
        if not len(mine):
            continue
        place = {int(row): at for at, row in enumerate(usage.rows.tolist())}
        rated = rate_batch(usage.columns, usage.tariff, usage.ledger, usage.bills)
        at = np.array([place[int(row)] for row in wanted[mine]], np.int64)
        parts.append(RatedPart(first + int(mine[0]), rated, at))
    return tuple(parts)


def pooled_plans(members: Sequence[Subscriber], cycles: Sequence[BillCycle]) -> frozenset[str]:
    """Every plan that any member held in these cycles."""
    held = (
        stretch.plan for member in members for cycle in cycles for stretch in plan_stretches(member.subscription, cycle)
    )
    return frozenset(held)
