"""How do counters, spending, accounts and signals follow from what was rated, in one transaction?

Rows are locked in one order everywhere: keys of records, groups, subscriptions (metered plans only), bill cycles by
place, what reactions lock, the signals' head.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

import numpy as np

from usage_correlation.domain.amounts import Amount
from usage_correlation.domain.book import Metering
from usage_correlation.domain.crossings import Spending
from usage_correlation.domain.placement import Account
from usage_correlation.domain.rated import PlanUsage
from usage_correlation.domain.rerating import Reason, Rerated
from usage_correlation.domain.signals import AllowanceThresholdCrossed, Signal
from usage_correlation.domain.totals import (
    ChargeName,
    Latest,
    LatestStarts,
    change_totals,
    latest_of,
    line_totals,
    spend_totals,
)
from usage_correlation.domain.usage import RecordKey, UsageBatch
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ledger_ports import (
    Arrival,
    LedgerWriter,
    MeteredAccount,
    Reaction,
    Reactions,
    TakenBack,
)
from usage_correlation.handlers.meter_usage import Metered
from usage_correlation.handlers.ports import Clock, Keys
from usage_correlation.handlers.signal_allowances import SignalAllowances
from usage_correlation.handlers.signal_crossings import SignalCrossings

Raised = Sequence[tuple[Account, Signal]]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be entered into the books."""

    batch: UsageBatch
    usages: Sequence[PlanUsage]
    """New records under plans that are not metered."""
    metered: Metered
    metering: Metering | None
    charges: Mapping[ChargeName, int]
    time: datetime


class Books:
    """Counters, spending, accounts and signals."""

    def __init__(self, directory: Directory, keys: Keys, clock: Clock, reactions: Reactions) -> None:
        self._keys = keys
        self._clock = clock
        self._crossings: Sequence[Reaction] = (SignalCrossings(directory, clock), SignalAllowances(directory, clock))
        self._reactions = reactions

    async def enter(self, writer: LedgerWriter, entry: Entry, reason: Reason) -> Sequence[Signal]:
        """Write everything, and raise the signals; those that were new."""
        metered, rerated = entry.metered, entry.metered.rerated
        usages = [*entry.usages, *metered.usages]
        lines = [line_totals(usage) for usage in usages]
        starts = np.array(entry.batch.starts, np.int64)
        latest: list[Latest | LatestStarts] = [*latest_of([*usages, *metered.late], starts)]
        charges = await self._charges(entry)
        if rerated is not None:
            lines += change_totals(rerated.changes)
            latest += _touched(rerated)
        # Counters come last: from here on, others who have usage of the same subscriptions wait for this transaction.
        least = self._least(metered.accounts)
        spendings: list[Spending] = []
        for totals in spend_totals(lines, latest):
            spendings += await writer.add_spending(metered.accounts, totals, least.get(totals.currency))
        if lines := [line for line in lines if len(line.accounts)]:
            await writer.add_lines(metered.accounts, lines, charges)
        if rerated is not None:
            await writer.accounts.book(metered.accounts, rerated.bookings, charges, reason, self._clock.now())
        raised = await self._react(writer, entry, spendings)
        if entry.metering is not None:
            await _save(writer, metered, entry.metering, raised)
        return [placed.signal for placed in await writer.raise_signals(raised)] if raised else []

    async def _charges(self, entry: Entry) -> Mapping[ChargeName, int]:
        names = {
            ChargeName(usage.plan, code, usage.tariff.currency)
            for usage in entry.metered.usages
            for code in usage.lines.names
        }
        if entry.metered.rerated is not None:
            names |= {change.charge for change in entry.metered.rerated.changes}
        return {**entry.charges, **await self._keys.of_charges(names)} if names else entry.charges

    async def _react(self, writer: LedgerWriter, entry: Entry, spendings: Sequence[Spending]) -> Raised:
        """First what may not be charged is taken back.

        Then thresholds are looked at over all records of a cycle that was rated anew; other reactions see new ones.
        """
        metered, rerated = entry.metered, entry.metered.rerated
        states = metered.states(entry.metering) if entry.metering is not None else []
        anew = {each.account for each in rerated.latest} if rerated else set()
        raised: list[tuple[Account, Signal]] = []
        arrival = Arrival(entry.batch, metered.accounts, [*entry.usages, *metered.usages], entry.time)
        whole = replace(arrival, usages=[*arrival.usages, *metered.late], metered=states, anew=rerated)
        taken_back: list[TakenBack] = []
        for restraint in self._reactions.restraints:
            told, taken = await restraint(writer, whole)
            raised += told
            taken_back += taken
        if taken_back:
            spendings, of_records = _less(spendings, taken_back), _by_record(taken_back)
            arrival, whole = replace(arrival, taken_back=of_records), replace(whole, taken_back=of_records)
        ordinary = replace(arrival, metered=[each for each in states if each.account not in anew])
        for reaction in self._crossings:
            raised += await reaction(writer, ordinary, [each for each in spendings if each.account not in anew])
            if rerated is not None:
                again = Arrival(
                    rerated.batch, metered.accounts, rerated.usages, entry.time, _of(states, anew),
                    taken_back=arrival.taken_back,
                )  # fmt: skip
                raised += await reaction(writer, again, [each for each in spendings if each.account in anew])
        for reaction in self._reactions.others:
            raised += await reaction(writer, whole, spendings)
        return raised

    def _least(self, accounts: Sequence[Account]) -> Mapping[str, Fraction]:
        """By currency, what must be spent before any reaction has something to say."""
        least: dict[str, Fraction] = {}
        for reaction in (*self._crossings, *self._reactions.others):
            for currency, amount in reaction.least(accounts).items():
                least[currency] = min(amount, least.get(currency, amount))
        return least


def _of(states: Sequence[MeteredAccount], numbers: set[int]) -> list[MeteredAccount]:
    return [each for each in states if each.account in numbers]


def _less(spendings: Sequence[Spending], taken_back: Sequence[TakenBack]) -> list[Spending]:
    amounts: defaultdict[tuple[int, str], Fraction] = defaultdict(Fraction)
    for part in taken_back:
        amounts[part.account, part.currency] -= part.amount
    return [
        replace(each, spent=each.spent + Amount(less.numerator, less.denominator))
        for each in spendings
        for less in [amounts[each.account, each.currency]]
    ]


def _by_record(taken_back: Sequence[TakenBack]) -> dict[tuple[RecordKey, str], Fraction]:
    amounts: defaultdict[tuple[RecordKey, str], Fraction] = defaultdict(Fraction)
    for part in taken_back:
        amounts[part.record, part.currency] += part.amount
    return amounts


def _touched(rerated: Rerated) -> list[Latest]:
    """Of accounts that were rated anew, those whose spending has changed."""
    touched = {(change.account, change.charge.currency) for change in rerated.changes}
    return [each for each in rerated.latest if (each.account, each.currency) in touched]


async def _save(writer: LedgerWriter, metered: Metered, metering: Metering, raised: Raised) -> None:
    """Write the accounts, with the thresholds that were passed."""
    cycles, groups = dict(metered.cycles), dict(metered.groups)
    for account, signal in raised:
        detail = signal.detail
        if not isinstance(detail, AllowanceThresholdCrossed):
            continue
        place = (account.subscriber.key, account.cycle.start_micros)
        group = metering.group_of(account.subscriber.subscription, detail.plan)
        if detail.is_shared and group is not None:
            shared = groups[group, account.cycle.start_micros]
            passed = {**shared.passed, detail.key: detail.level}
            groups[group, account.cycle.start_micros] = replace(shared, passed=passed)
        else:
            cycles[place] = replace(cycles[place], passed={**cycles[place].passed, detail.key: detail.level})
    shards = {account.subscriber.key: account.subscriber.shard for account in metered.accounts}
    await writer.accounts.save(cycles, shards)
    await writer.accounts.save_groups(groups, metering.groups)
