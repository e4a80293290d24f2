"""How does a batch of usage records become stored records, raised counters and signals?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import chain
from typing import Protocol

import numpy as np

from usage_correlation.domain.bill_cycles import BillCalendar
from usage_correlation.domain.crossings import Spending
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.placement import Placement, Placer
from usage_correlation.domain.policies import least_thresholds
from usage_correlation.domain.rated import PlanUsage, kept_rows, rate_by_plan
from usage_correlation.domain.refusals import BatchOutcome, Reason, Refusal
from usage_correlation.domain.signals import Signal
from usage_correlation.domain.totals import ChargeName, line_totals, spend_totals
from usage_correlation.domain.usage import RecordKey, UsageBatch
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Clock, Keys, Ledger, LedgerWriter
from usage_correlation.handlers.signal_crossings import Arrival, SignalCrossings


class Witness(Protocol):
    """Is told what happened, for metrics."""

    def recorded(self, outcome: BatchOutcome) -> None:
        """A batch was taken in and committed."""

    def signalled(self, signals: Sequence[Signal], committed: datetime) -> None:
        """Signals were committed."""


@dataclass(frozen=True, slots=True)
class Rated:
    """A batch that is ready to be stored."""

    batch: UsageBatch
    digests: list[int]
    placement: Placement
    usages: list[PlanUsage]
    charges: Mapping[ChargeName, int]
    sources: Mapping[str, int]


class RecordUsage:
    """Takes usage in."""

    def __init__(
        self, directory: Directory, ledger: Ledger, keys: Keys, clock: Clock, witness: Witness, *, ahead: timedelta
    ) -> None:
        """`ahead`: how far the clock of a source may be ahead of ours."""
        self._directory = directory
        self._ledger = ledger
        self._keys = keys
        self._clock = clock
        self._witness = witness
        self._ahead = ahead
        self._calendar = BillCalendar()

    async def __call__(self, batch: UsageBatch, invalid: Mapping[int, Refusal]) -> BatchOutcome:
        """Store what can be stored. When this returns, it is durable, counted, and its signals are committed.

        `invalid`: by position, the records that break their own rules and are not in the batch.
        """
        outcome, signals = await self._record(batch) if len(batch) else (BatchOutcome(0, 0, {}), ())
        outcome.refusals.update(invalid)
        self._witness.recorded(outcome)
        self._witness.signalled(signals, self._clock.now())
        return outcome

    async def _record(self, batch: UsageBatch) -> tuple[BatchOutcome, Sequence[Signal]]:
        arrive_time = self._clock.now()
        rated = await self._rate(batch, arrive_time)
        rows = _firsts(batch, kept_rows(rated.placement))
        async with self._ledger.writing(rated.sources) as writer:
            known = dict(await writer.claim(batch, rows, rated.digests))
            if rated.placement.refusals:
                # What is stored already is acknowledged, whatever became of its subscription or plan since then.
                known |= await writer.known({batch.key(row) for row in rated.placement.refusals})
            fresh = [row for row in rows if batch.key(row) not in known]
            signals = await self._count(writer, rated, fresh, arrive_time) if fresh else ()
        return _outcome(rated, fresh, known), signals

    async def _rate(self, batch: UsageBatch, arrive_time: datetime) -> Rated:
        await self._directory.catch_up()
        subscribers = await self._directory.subscribers(batch.subscriptions)
        placement = Placer(self._calendar, to_micros(arrive_time), self._ahead).place(batch, subscribers)
        tariffs = await self._directory.tariffs(placement.rows_by_plan)
        usages = rate_by_plan(batch, placement, tariffs)
        charges = {
            ChargeName(usage.plan, code, usage.tariff.currency) for usage in usages for code in usage.lines.names
        }
        return Rated(
            batch,
            batch.digests(),
            placement,
            usages,
            await self._keys.of_charges(charges),
            await self._keys.of_sources(set(batch.sources)),
        )

    async def _count(
        self, writer: LedgerWriter, rated: Rated, fresh: Sequence[int], arrive_time: datetime
    ) -> Sequence[Signal]:
        batch, placement = rated.batch, rated.placement
        mask = np.zeros(len(batch), bool)
        mask[fresh] = True
        usages = [usage.only(mask) for usage in rated.usages]
        accounts = [placement.accounts[placement.account_of[row]] for row in fresh]
        await writer.append(batch, fresh, accounts, arrive_time)
        # Counters come last: from here on, others who have usage of the same subscriptions wait for this transaction.
        least = self._least(placement)
        spendings: list[Spending] = []
        for totals in spend_totals(usages, np.array(batch.starts, np.int64), len(placement.accounts)):
            spendings += await writer.add_spending(placement.accounts, totals, least.get(totals.currency))
        await writer.add_lines(placement.accounts, [line_totals(usage) for usage in usages], rated.charges)
        signal = SignalCrossings(writer, self._directory.general_policies, self._clock)
        return await signal(Arrival(batch, placement.accounts, usages, arrive_time), spendings)

    def _least(self, placement: Placement) -> Mapping[str, Fraction]:
        """By currency, what must be spent before any policy has something to say."""
        own = (policy for account in placement.accounts for policy in account.subscriber.policies)
        return least_thresholds(chain(self._directory.general_policies, own))


def _firsts(batch: UsageBatch, rows: Sequence[int]) -> list[int]:
    """The rows without those whose key came before in the same batch."""
    seen: dict[RecordKey, int] = {}
    return [row for row in rows if seen.setdefault(batch.key(row), row) == row]


def _outcome(rated: Rated, fresh: Sequence[int], known: Mapping[RecordKey, int]) -> BatchOutcome:
    batch = rated.batch
    if len(fresh) == len(batch):
        return BatchOutcome(len(fresh), 0, {})
    stored = dict(known) | {batch.key(row): rated.digests[row] for row in fresh}
    accepted = set(fresh)
    duplicates = 0
    refusals: dict[int, Refusal] = {}
    for row, digest in enumerate(rated.digests):
        if row in accepted:
            continue
        first = stored.get(batch.key(row))
        if first is None:
            refusals[batch.positions[row]] = rated.placement.refusals[row]
        elif first == digest:
            duplicates += 1
        else:
            refusals[batch.positions[row]] = _conflict(batch.key(row))
    return BatchOutcome(len(fresh), duplicates, refusals)


def _conflict(key: RecordKey) -> Refusal:
    source, record_id = key
    return Refusal(Reason.RECORD_CONFLICT, "record_id", f"{source}/{record_id} is stored with other content")
