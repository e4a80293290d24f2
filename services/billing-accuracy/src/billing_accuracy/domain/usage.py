"""Which stored usage belongs to which bill and plan?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.entries import AccountEntry
from billing_accuracy.domain.evidence.repeats import alike, repeated_rows
from billing_accuracy.domain.quotes import Quote
from rating import Cycle, UsageColumns

Ints = NDArray[np.int64]
_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class UsageTable:
    """Stored usage of several subscriptions: the rows of one stand together, ordered by start."""

    columns: UsageColumns
    """Starts in whole seconds."""
    start_micros: Ints
    """Starts as stored: a record belongs to the period in which it began, to the microsecond."""
    ranges: Mapping[str, tuple[int, int]]
    """First row and the one after the last, by subscription."""
    repeats: Ints = field(default_factory=lambda: _NONE)
    """Rows, in order, of records that were reported before under another id: they are not to be billed."""
    turns: Ints = field(default_factory=lambda: _NONE)
    """By row: its place among records that began at one moment; empty: as the rows stand."""

    @classmethod
    def of(
        cls,
        columns: UsageColumns,
        start_micros: Ints,
        ranges: Mapping[str, tuple[int, int]],
        turns: Ints = _NONE,
    ) -> "UsageTable":
        """The table; what is reported twice is looked for."""
        owner = np.zeros(len(start_micros), np.int64)
        for number, (low, high) in enumerate(ranges.values()):
            owner[low:high] = number
        return cls(columns, start_micros, ranges, repeated_rows(columns, start_micros, owner), turns)

    def event_order(self, rows: Ints) -> Ints:
        """Places in `rows`, in the order in which the records draw on what they share."""
        turns = self.turns[rows] if len(self.turns) else rows
        return np.lexsort((rows, turns, self.start_micros[rows]))

    def rows(self, subscription: str, stretch: Cycle) -> tuple[int, int]:
        """First row and the one after the last of what the subscription began to use in a stretch of time."""
        low, high = self.ranges.get(subscription, (0, 0))
        edges = [micros_of(stretch.start), micros_of(stretch.end)]
        first, last = np.searchsorted(self.start_micros[low:high], edges, side="left").tolist()
        return low + first, low + last

    def single_rows(self, subscription: str, stretch: Cycle) -> Ints:
        """The rows of a stretch of time, each use once."""
        first, last = self.rows(subscription, stretch)
        rows = np.arange(first, last, dtype=np.int64)
        return rows[~np.isin(rows, self.repeats)] if len(self.repeats) else rows

    def count(self, subscription: str, stretch: Cycle) -> int:
        """How many uses began in a stretch of time."""
        first, last = self.rows(subscription, stretch)
        return last - first - self._repeats_between(first, last)

    def repeated_rows(self, subscription: str, stretch: Cycle) -> list[int]:
        """Rows of uses that were reported more than once in a stretch of time, all of each."""
        first, last = self.rows(subscription, stretch)
        low, high = np.searchsorted(self.repeats, [first, last]).tolist()
        rows = self.repeats[low:high].tolist()
        found = {at for row in rows for at in alike(self.columns, self.start_micros, row, first, last)}
        return sorted(found)

    def rows_at(self, subscription: str, moments: Iterable[int]) -> list[int]:
        """For each moment in microseconds the first row that began then; -1 where none did."""
        low, high = self.ranges.get(subscription, (0, 0))
        mine = self.start_micros[low:high]
        wanted = np.array(list(moments), np.int64)
        found = np.searchsorted(mine, wanted)
        there = [at < len(mine) and mine[at] == moment for at, moment in zip(found, wanted, strict=True)]
        return [low + int(at) if is_there else -1 for at, is_there in zip(found, there, strict=True)]

    def has_repeats(self, subscription: str) -> bool:
        """Whether some use of a subscription was reported more than once."""
        low, high = self.ranges.get(subscription, (0, 0))
        return self._repeats_between(low, high) > 0

    def as_stored(self) -> "UsageTable":
        """With everything counted as often as it was reported."""
        return replace(self, repeats=_NONE)

    def _repeats_between(self, first: int, last: int) -> int:
        low, high = np.searchsorted(self.repeats, [first, last]).tolist()
        return int(high - low)


@dataclass(frozen=True, slots=True)
class PlanPeriod:
    """A plan and when it was in force."""

    plan: str
    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a bill check has to know of a subscription."""

    name: str
    customer: str
    plan_periods: tuple[PlanPeriod, ...]
    """Oldest first, without gaps."""
    bill_cycle_day: int = 1
    """Day of the month on which a bill cycle starts."""
    time_zone: str = "UTC"
    """The customer's."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What is known of what was owed before a period, and paid in it."""

    before: Fraction
    """Negative for what the customer had in credit."""
    paid: Fraction
    said_by: str
    """Where this is known from, in words."""


@dataclass(frozen=True, slots=True)
class Uncharged:
    """What a record may not be charged, because a spending limit had stopped the service."""

    start_micros: int
    """When the record began."""
    plan: str
    charge_code: str
    amount: Fraction
    """As rated, exact."""
    record: str
    """`{source}/{record_id}`."""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What an account adds to the bill of a period."""

    entries: tuple[AccountEntry, ...] = ()
    """In order of time; the kinds that stand on bills as lines."""
    balance: Balance | None = None
    """What was owed before; None when it isn't known."""
    quote: Quote | None = None
    """What was promised, of the subscription's first bill; None of later ones, and where nobody said."""
    uncharged: tuple[Uncharged, ...] = ()
    """What spending limits keep off the bill, in order of time."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bill's period under one plan."""

    plan: str
    cycle: Cycle
    """The whole period."""
    held: Cycle
    """The part of it in which the plan was in force."""


@dataclass(frozen=True, slots=True)
class History:
    """Earlier bill cycles in which a plan was held without a break: what is left of its allowances comes from them."""

    plan: str
    segments: tuple[Segment, ...]
    """Oldest first; the last one ends where the bill's period begins."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A plan that one subscription held without a break, by bill cycle."""

    subscription: str
    segments: tuple[Segment, ...]
    """Oldest first, of those cycles that count."""


@dataclass(frozen=True, slots=True)
class Group:
    """Who draws on a plan's shared allowances: a customer's subscriptions that hold it and have one bill cycle."""

    customer: str
    plan: str
    cycle: Cycle
    """The bill's."""
    holdings: tuple[Holding, ...]
    """Of this cycle; of those before, too, where what is left of them counts."""

    @property
    def has_past(self) -> bool:
        """Whether what is left of earlier cycles counts."""
        return any(segment.cycle != self.cycle for one in self.holdings for segment in one.segments)

    def of_cycle(self) -> "Group":
        """The same without its past."""
        now = (replace(one, segments=tuple(s for s in one.segments if s.cycle == self.cycle)) for one in self.holdings)
        return replace(self, holdings=tuple(one for one in now if one.segments))

    def alone(self, subscription: str) -> "Group":
        """One subscription, as if nobody shared anything with it."""
        return replace(self, holdings=tuple(one for one in self.holdings if one.subscription == subscription))


@dataclass(frozen=True, slots=True)
class BillCase:
    """A bill with what it is to be checked against."""

    bill: Bill
    subscription: Subscription
    segments: tuple[Segment, ...]
    """In order, at least one."""
    account: AccountFacts = AccountFacts()
    history: History | None = None
    """Of the plan in force when the period begins, where what was left before counts."""
    groups: tuple[Group, ...] = ()
    """Of those of its plans that share allowances."""

    @property
    def reads_from(self) -> datetime:
        """When the usage begins that tells what the bill should be."""
        pasts = [one.segments[0].held.start for group in self.groups for one in group.holdings]
        if self.history:
            pasts.append(self.history.segments[0].held.start)
        return min([self.bill.start, *pasts])

    @property
    def reads(self) -> frozenset[str]:
        """Whose usage tells what the bill should be."""
        return frozenset(
            {self.bill.subscription}.union(*({one.subscription for one in g.holdings} for g in self.groups))
        )

    @property
    def has_past(self) -> bool:
        """Whether what is left of earlier cycles counts."""
        return self.history is not None or any(group.has_past for group in self.groups)

    def group_under(self, plan: str) -> Group | None:
        """With whom the subscription shares allowances of a plan."""
        return next((group for group in self.groups if group.plan == plan), None)

    def segment_of(self, entry: AccountEntry) -> int:
        """Which segment's plan an entry belongs to: the one in force when it took effect, or next to that time."""
        begun = [number for number, segment in enumerate(self.segments) if segment.held.start <= entry.time]
        return begun[-1] if begun else 0

    @property
    def plans(self) -> tuple[str, ...]:
        """The plans that were in force, in order."""
        return tuple(segment.plan for segment in self.segments)


def segments_of(bill: Bill, subscription: Subscription) -> tuple[Segment, ...]:
    """The bill's period, cut where the plan changed; nothing before the subscription began or after it ended."""
    cycle = Cycle(bill.start, bill.end)
    segments = []
    for period in subscription.plan_periods:
        start = max(period.start, bill.start)
        end = bill.end if period.end is None else min(period.end, bill.end)
        if start < end:
            segments.append(Segment(period.plan, cycle, Cycle(start, end)))
    return tuple(segments)


def rows_of(held: Sequence[tuple[str, Cycle]], usage: UsageTable) -> tuple[Ints, Ints]:
    """Rows of what subscriptions used in stretches of time, and for each row the place of its stretch."""
    rows = [usage.single_rows(subscription, stretch) for subscription, stretch in held]
    places = np.repeat(np.arange(len(held)), np.array([len(each) for each in rows], np.int64))
    return np.concatenate([_NONE, *rows]), places


def micros_of(moment: datetime) -> int:
    """Microseconds since 1970."""
    seconds = int(moment.replace(microsecond=0).timestamp())
    return seconds * 1_000_000 + moment.microsecond
