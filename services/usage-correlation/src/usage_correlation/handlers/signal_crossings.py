"""Which signals does a batch raise, and with which evidence?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from usage_correlation.domain.crossings import Crossing, Spending, crossing_id, crossings, deciding_record, detail_of
from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.domain.placement import Account
from usage_correlation.domain.policies import SpendPolicy, policies_for
from usage_correlation.domain.rated import PlanUsage, RecordCost, record_costs
from usage_correlation.domain.signals import MAX_EVIDENCE, Signal, SignalKind
from usage_correlation.domain.usage import RecordKey, UsageBatch
from usage_correlation.handlers.ports import Clock, LedgerWriter


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a call newly stored."""

    batch: UsageBatch
    accounts: Sequence[Account]
    usages: Sequence[PlanUsage]
    """The new records alone."""
    time: datetime


class SignalCrossings:
    """Raises a signal for each threshold newly reached, in the transaction that stores the records."""

    def __init__(self, writer: LedgerWriter, general: Sequence[SpendPolicy], clock: Clock) -> None:
        """`general`: the policies that are not for one subscription alone."""
        self._writer = writer
        self._general = general
        self._clock = clock
        self._by_plan: dict[str | None, list[SpendPolicy]] = {}

    async def __call__(self, arrival: Arrival, spendings: Sequence[Spending]) -> Sequence[Signal]:
        """The signals that were new."""
        found = [
            crossing
            for spending in spendings
            for crossing in crossings(spending, self._policies(arrival, arrival.accounts[spending.account]))
        ]
        if not found:
            return []
        records = record_costs(arrival.usages, {crossing.account for crossing in found})
        decided = [
            deciding_record(crossing, _in_currency(records[crossing.account], crossing.currency)) for crossing in found
        ]
        evidence = await self._evidence(arrival, found, decided, records)
        now = self._clock.now()
        signals = [
            (account, _signal(arrival, crossing, account, row, keys, now))
            for crossing, (row, _), keys in zip(found, decided, evidence, strict=True)
            for account in [arrival.accounts[crossing.account]]
        ]
        return [placed.signal for placed in await self._writer.raise_signals(signals)]

    def _policies(self, arrival: Arrival, account: Account) -> Sequence[SpendPolicy]:
        """Those that apply to whoever holds the plan now: a late record changes nothing about that."""
        own = account.subscriber.policies
        if not own and not self._general:
            return ()
        plan = account.subscriber.subscription.plan_at(to_micros(arrival.time))
        if own:
            return policies_for(plan, own, self._general)
        if plan not in self._by_plan:
            self._by_plan[plan] = policies_for(plan, (), self._general)
        return self._by_plan[plan]

    async def _evidence(
        self,
        arrival: Arrival,
        found: Sequence[Crossing],
        decided: Sequence[tuple[int, Sequence[int]]],
        records: Mapping[int, Sequence[RecordCost]],
    ) -> list[list[RecordKey]]:
        """For each crossing the keys of the newest records that led to it, the deciding one last."""
        batch = arrival.batch
        accounts = [arrival.accounts[crossing.account] for crossing in found]
        new = [{batch.key(record.row) for record in records[crossing.account]} for crossing in found]
        stored = await self._writer.newest_records(accounts, new, MAX_EVIDENCE)
        return [
            [*keys, *(batch.key(each) for each in before), batch.key(row)][-MAX_EVIDENCE:]
            for keys, (row, before) in zip(stored, decided, strict=True)
        ]


def _in_currency(records: Sequence[RecordCost], currency: str) -> list[tuple[int, Fraction]]:
    return [(record.row, record.cost) for record in records if record.currency == currency]


def _signal(
    arrival: Arrival, crossing: Crossing, account: Account, row: int, evidence: Sequence[RecordKey], now: datetime
) -> Signal:
    subscription = account.subscriber.subscription
    return Signal(
        id=crossing_id(crossing, account),
        kind=SignalKind.SPEND_THRESHOLD,
        subscription=subscription.id,
        customer=subscription.customer,
        event_time=from_micros(arrival.batch.starts[row]),
        arrive_time=arrival.time,
        create_time=now,
        evidence=tuple(f"{source}/{record_id}" for source, record_id in evidence),
        detail=detail_of(crossing, account),
    )
