"""Which signals does a batch raise, and with which evidence?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from itertools import chain

from usage_correlation.domain.crossings import Crossing, Spending, crossing_id, crossings, deciding_record, detail_of
from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.domain.placement import Account
from usage_correlation.domain.policies import SpendPolicy, least_thresholds, policies_for
from usage_correlation.domain.rated import RecordCost, record_costs
from usage_correlation.domain.signals import MAX_EVIDENCE, Signal, SignalKind
from usage_correlation.domain.usage import RecordKey
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ledger_ports import Arrival, LedgerWriter
from usage_correlation.handlers.ports import Clock


class SignalCrossings:
    """The reaction that signals each threshold newly reached."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def least(self, accounts: Sequence[Account]) -> Mapping[str, Fraction]:
        """By currency, what must be spent before any policy has something to say."""
        own = (policy for account in accounts for policy in account.subscriber.policies)
        return least_thresholds(chain(self._directory.general_policies, own))

    async def __call__(
        self, writer: LedgerWriter, arrival: Arrival, spendings: Sequence[Spending]
    ) -> Sequence[tuple[Account, Signal]]:
        """A signal for each threshold."""
        applying = _Applying(self._directory.general_policies, to_micros(arrival.time))
        found = [
            crossing
            for spending in spendings
            for crossing in crossings(spending, applying.to(arrival.accounts[spending.account]))
        ]
        if not found:
            return []
        records = _charged(arrival, {crossing.account for crossing in found})
        decided = [
            deciding_record(crossing, _in_currency(records[crossing.account], crossing.currency)) for crossing in found
        ]
        evidence = await _evidence(writer, arrival, found, decided, records)
        now = self._clock.now()
        return [
            (account, _signal(arrival, crossing, account, row, keys, now))
            for crossing, (row, _), keys in zip(found, decided, evidence, strict=True)
            for account in [arrival.accounts[crossing.account]]
        ]


def _charged(arrival: Arrival, accounts: Collection[int]) -> Mapping[int, Sequence[RecordCost]]:
    """The records of some accounts with what they cost, less what is not charged."""
    records = record_costs(arrival.usages, accounts)
    if not arrival.taken_back:
        return records
    return {
        account: [
            replace(each, cost=each.cost - arrival.taken_back.get((arrival.batch.key(each.row), each.currency), 0))
            for each in costs
        ]
        for account, costs in records.items()
    }


class _Applying:
    """Finds the policies that apply to accounts."""

    def __init__(self, general: Sequence[SpendPolicy], now_micros: int) -> None:
        self._general = general
        self._now = now_micros
        self._by_plan: dict[str | None, list[SpendPolicy]] = {}

    def to(self, account: Account) -> Sequence[SpendPolicy]:
        """Those that apply to whoever holds the plan now: a late record changes nothing about that."""
        own = account.subscriber.policies
        if not own and not self._general:
            return ()
        plan = account.subscriber.subscription.plan_at(self._now)
        if own:
            return policies_for(plan, own, self._general)
        if plan not in self._by_plan:
            self._by_plan[plan] = policies_for(plan, (), self._general)
        return self._by_plan[plan]


async def _evidence(
    writer: LedgerWriter,
    arrival: Arrival,
    found: Sequence[Crossing],
    decided: Sequence[tuple[int | None, Sequence[int]]],
    records: Mapping[int, Sequence[RecordCost]],
) -> list[list[RecordKey]]:
    """For each crossing the keys of the newest records that led to it, the deciding one last."""
    batch = arrival.batch
    accounts = [arrival.accounts[crossing.account] for crossing in found]
    new = [{batch.key(record.row) for record in records[crossing.account]} for crossing in found]
    stored = await writer.newest_records(accounts, new, MAX_EVIDENCE)
    return [
        [*keys, *(batch.key(each) for each in before), *([] if row is None else [batch.key(row)])][-MAX_EVIDENCE:]
        for keys, (row, before) in zip(stored, decided, strict=True)
    ]


def _in_currency(records: Sequence[RecordCost], currency: str) -> list[tuple[int, Fraction]]:
    return [(record.row, record.cost) for record in records if record.currency == currency]


def _signal(
    arrival: Arrival,
    crossing: Crossing,
    account: Account,
    row: int | None,
    evidence: Sequence[RecordKey],
    now: datetime,
) -> Signal:
    subscription = account.subscriber.subscription
    return Signal(
        id=crossing_id(crossing, account),
        kind=SignalKind.SPEND_THRESHOLD,
        subscription=subscription.id,
        customer=subscription.customer,
        event_time=arrival.time if row is None else from_micros(arrival.batch.starts[row]),
        arrive_time=arrival.time,
        create_time=now,
        evidence=tuple(f"{source}/{record_id}" for source, record_id in evidence),
        detail=detail_of(crossing, account),
    )
