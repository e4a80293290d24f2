"""How does a batch of usage records become stored records, raised counters and signals?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import numpy as np
from opentelemetry.trace import SpanContext

from usage_correlation.domain.bill_cycles import BillCalendar
from usage_correlation.domain.book import Metering
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.placement import Placement, Placer
from usage_correlation.domain.rated import Ratings, kept_rows, rate_by_plan
from usage_correlation.domain.refusals import BatchOutcome, Refusal
from usage_correlation.domain.refusals import Reason as RefusalReason
from usage_correlation.domain.rerating import Reason
from usage_correlation.domain.signals import Signal
from usage_correlation.domain.totals import ChargeName
from usage_correlation.domain.usage import RecordKey, UsageBatch
from usage_correlation.handlers.books import Books, Entry
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.gather_calls import Asked, GatherCalls
from usage_correlation.handlers.ledger_ports import NO_REACTIONS, Causes, Ledger, LedgerWriter, Reactions
from usage_correlation.handlers.meter_usage import Metered, MeterUsage
from usage_correlation.handlers.ports import Clock, Keys
from usage_correlation.handlers.prepare_metering import prepare

_ATTEMPTS: Final = 5
"""Changes of the very subscriptions and plans that a batch is about are rare; five in a row are a fault."""


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
    ratings: Ratings
    metering: Metering | None
    """None when no record is metered."""
    charges: Mapping[ChargeName, int]
    sources: Mapping[str, int]
    version: int
    """Of what is known: see `Directory.version`."""


class _OutdatedError(Exception):
    """What the batch was placed by has changed meanwhile; nothing is stored."""


class RecordUsage:
    """Takes usage in."""

    def __init__(
        self,
        directory: Directory,
        ledger: Ledger,
        keys: Keys,
        clock: Clock,
        witness: Witness,
        *,
        ahead: timedelta,
        reactions: Reactions = NO_REACTIONS,
    ) -> None:
        """`ahead`: how far the clock of a source may be ahead of ours; `reactions`: in the same transaction."""
        self._directory = directory
        self._ledger = ledger
        self._keys = keys
        self._clock = clock
        self._witness = witness
        self._ahead = ahead
        self._gather = GatherCalls(self._record)
        self._books = Books(directory, keys, clock, reactions)
        self._calendar = BillCalendar()

    async def __call__(self, batch: UsageBatch, invalid: Mapping[int, Refusal]) -> BatchOutcome:
        """Store what can be stored. When this returns, it is durable, counted, and its signals are committed.

        `invalid`: by position, the records that break their own rules and are not in the batch.
        """
        outcome = await self._gather(batch) if len(batch) else BatchOutcome(0, 0, {})
        outcome.refusals.update(invalid)
        self._witness.recorded(outcome)
        return outcome

    async def _record(self, calls: Sequence[Asked]) -> Sequence[BatchOutcome]:
        """Store the batches of several calls in one transaction."""
        arrive_time = self._clock.now()
        batches = [call.batch for call in calls]
        batch, causes = UsageBatch.joined(batches), _causes(calls)
        for _ in range(_ATTEMPTS - 1):
            try:
                stored, signals = await self._try(batch, arrive_time, causes)
                break
            except _OutdatedError:  # the profile or the catalogue told of a change while this was under way
                continue
        else:
            stored, signals = await self._try(batch, arrive_time, causes)
        self._witness.signalled(signals, self._clock.now())
        return stored.outcomes(batches)

    async def _try(
        self, batch: UsageBatch, arrive_time: datetime, causes: Causes | None
    ) -> tuple["_Stored", Sequence[Signal]]:
        rated = await self._rate(batch, arrive_time)
        rows = _firsts(batch, kept_rows(rated.placement))
        async with self._ledger.writing(rated.sources, causes) as writer:
            known = dict(await writer.claim(batch, rows, rated.digests))
            if rated.placement.refusals:
                # What is stored already is acknowledged, whatever became of its subscription or plan since then.
                known |= await writer.known({batch.key(row) for row in rated.placement.refusals})
            fresh = [row for row in rows if batch.key(row) not in known] if known else rows
            signals = await self._store(writer, rated, fresh, arrive_time) if fresh else ()
        return _Stored(rated, fresh, known), signals

    async def _rate(self, batch: UsageBatch, arrive_time: datetime) -> Rated:
        version = await self._directory.catch_up()
        subscribers = await self._directory.subscribers(batch.subscriptions)
        placement = Placer(self._calendar, to_micros(arrive_time), self._ahead).place(batch, subscribers)
        tariffs = await self._directory.tariffs(placement.rows_by_plan)
        ratings = rate_by_plan(batch, placement, tariffs)
        charges = {
            ChargeName(usage.plan, code, usage.tariff.currency)
            for usage in ratings.usages
            for code in usage.lines.names
        }
        return Rated(
            batch,
            batch.digests(),
            placement,
            ratings,
            await self._metering(placement, ratings) if ratings.metered_rows else None,
            await self._keys.of_charges(charges),
            await self._keys.of_sources(set(batch.sources)),
            version,
        )

    async def _metering(self, placement: Placement, ratings: Ratings) -> Metering:
        numbers = {placement.account_of[row] for row in ratings.metered_rows}
        subscribers = [placement.accounts[number].subscriber for number in numbers]
        return await prepare(self._directory, self._keys, self._calendar, subscribers)

    async def _store(
        self, writer: LedgerWriter, rated: Rated, fresh: Sequence[int], arrive_time: datetime
    ) -> Sequence[Signal]:
        batch, placement = rated.batch, rated.placement
        mask = np.zeros(len(batch), bool)
        mask[fresh] = True
        accounts = [placement.accounts[placement.account_of[row]] for row in fresh]
        version = await writer.append(batch, fresh, accounts, arrive_time)
        if version > rated.version and await self._directory.concerns(
            rated.version, batch.subscriptions, placement.rows_by_plan
        ):
            raise _OutdatedError
        usages = [usage.only(mask) for usage in rated.ratings.usages]
        metered = Metered(list(placement.accounts))
        rows = [row for row in rated.ratings.metered_rows if mask[row]]
        if rows and rated.metering is not None:
            meter = MeterUsage(writer.accounts, rated.metering, placement.accounts)
            metered = await meter(batch, rows, placement.account_of)
        entry = Entry(batch, usages, metered, rated.metering, rated.charges, arrive_time)
        return await self._books.enter(writer, entry, Reason.LATE_RECORD)


def _causes(calls: Sequence[Asked]) -> Causes | None:
    """In which call's trace a signal is; None where there is one call, in whose trace everything is."""
    if len(calls) == 1:
        return None

    def cause(signal: Signal) -> SpanContext | None:
        source, _, record_id = signal.evidence[-1].partition("/") if signal.evidence else ("", "", "")
        for call in calls:
            batch = call.batch
            for row, known in enumerate(batch.record_ids):
                if known == record_id and batch.sources[row] == source:
                    return call.trace
        return None

    return cause


def _firsts(batch: UsageBatch, rows: Sequence[int]) -> list[int]:
    """The rows without those whose key came before in the same batch."""
    keys = list(zip(batch.sources, batch.record_ids, strict=True))
    if len(rows) == len(keys) == len(set(keys)):
        return list(rows)
    seen: dict[RecordKey, int] = {}
    return [row for row in rows if seen.setdefault(keys[row], row) == row]


@dataclass(frozen=True, slots=True)
class _Stored:
    """What became of the records of a transaction."""

    rated: Rated
    fresh: Sequence[int]
    known: Mapping[RecordKey, int]

    def outcomes(self, batches: Sequence[UsageBatch]) -> list[BatchOutcome]:
        """By call, in their order."""
        batch = self.rated.batch
        if len(self.fresh) == len(batch):
            return [BatchOutcome(len(each), 0, {}) for each in batches]
        stored = dict(self.known) | {batch.key(row): self.rated.digests[row] for row in self.fresh}
        accepted, found, first = set(self.fresh), list[BatchOutcome](), 0
        for each in batches:
            found.append(self._outcome(range(first, first + len(each)), accepted, stored))
            first += len(each)
        return found

    def _outcome(self, rows: Sequence[int], accepted: Collection[int], stored: Mapping[RecordKey, int]) -> BatchOutcome:
        batch, duplicates = self.rated.batch, 0
        refusals: dict[int, Refusal] = {}
        others = [row for row in rows if row not in accepted]
        for row in others:
            first = stored.get(batch.key(row))
            if first is None:
                refusals[batch.positions[row]] = self.rated.placement.refusals[row]
            elif first == self.rated.digests[row]:
                duplicates += 1
            else:
                refusals[batch.positions[row]] = _conflict(batch.key(row))
        return BatchOutcome(len(rows) - len(others), duplicates, refusals)


def _conflict(key: RecordKey) -> Refusal:
    source, record_id = key
    return Refusal(RefusalReason.RECORD_CONFLICT, "record_id", f"{source}/{record_id} is stored with other content")
