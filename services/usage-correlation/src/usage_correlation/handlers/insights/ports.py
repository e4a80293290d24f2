"""What do the shipped signals need from the outside?"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, Protocol

from mesh.store import UnitOfWork
from rating import UsageColumns
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.insights.roaming import Presence
from usage_correlation.domain.signals import Signal
from usage_correlation.domain.subscribers import Subscriber


@dataclass(frozen=True, slots=True)
class Around:
    """What is stored around the records of a batch."""

    before: tuple[str, int] | None
    """Network and start of the newest record after the known presence and before the batch's first; None: none."""
    newest_micros: int
    """When the subscription's newest record began, the batch's included."""


class Presences(Protocol):
    """Where subscriptions were when they were last used abroad, within one transaction."""

    async def hold(self, subscribers: Sequence[Subscriber]) -> Sequence[Presence]:
        """Of each, in this order; whoever else has usage abroad of them waits until the transaction ends."""

    async def around(
        self, subscribers: Sequence[Subscriber], after_micros: Sequence[int], before_micros: Sequence[int]
    ) -> Sequence[Around]:
        """What is stored of each between two moments, both exclusive, and its newest record."""

    async def keep(self, subscribers: Sequence[Subscriber], presences: Sequence[Presence]) -> None:
        """Remember where they are now."""


PresencesIn = Callable[[UnitOfWork], Presences]


@dataclass(frozen=True, slots=True)
class ClosedCycle:
    """A bill cycle that is over, and whose it was."""

    subscription: str
    key: int
    cycle: BillCycle
    """Or another stretch of time that is to be looked at."""
    cause: str = ""
    """`{source}/{observation_id}` of the observation that asks for it."""
    content: Mapping[str, Any] = field(default_factory=dict)
    """What that says; Any: see observations."""


class RoundPage(Protocol):
    """Some of the cycles that are to be looked at. What is raised is kept together with how far the work has come."""

    @property
    def cycles(self) -> Sequence[ClosedCycle]:
        """At most as many as were asked for, the newest of each subscription."""

    async def raise_signals(self, signals: Sequence[Signal]) -> int:
        """Keep and publish those that are new; how many these were."""


class Rounds(Protocol):
    """Which bill cycles were looked at, by shard."""

    async def due(self, insight: str, target: datetime) -> Sequence[int]:
        """The shards in which there is something to do, if nobody else does it."""

    def page(
        self, insight: str, shard: int, target: datetime, size: int
    ) -> AbstractAsyncContextManager[RoundPage | None]:
        """The next cycles of the shard that ended up to `target`; None when there is nothing to do, or others do it.

        A transaction: commits when the block ends well, and then these cycles are done.
        """


class PastUsage(Protocol):
    """Reads what many subscriptions used, in one go."""

    async def columns(
        self, subscriptions: Sequence[str], interval: tuple[int, int], currency: str | None = None
    ) -> tuple[UsageColumns, Sequence[int]]:
        """The records that begin in [start, end), with the place of each one's subscription in the sequence.

        Without their own prices, unless it is said in which currency those are wanted.
        """

    async def spent(self, cycles: Sequence[ClosedCycle]) -> Sequence[Mapping[str, Fraction]]:
        """What was spent in each cycle, by currency."""

    async def typical_spending(self, since: datetime) -> Mapping[str, Fraction]:
        """The median of what subscriptions spent in cycles that ended since, by currency, of those who spent."""

    async def quantities(self, cycles: Sequence[ClosedCycle], since: datetime) -> "Sequence[Sequence[LineQuantity]]":
        """Of each one's subscription: what was used in cycles from a moment to this one, by line and cycle."""

    async def first_used(self, cycles: Sequence[ClosedCycle], lines: Sequence[str]) -> "Sequence[Sequence[str]]":
        """Of each one's subscription: those of the lines that it used for the first time in this cycle."""

    async def lines(self) -> "Sequence[UsedLine]":
        """Every bill line that was ever used; the oldest first."""

    async def active_subscriptions(self, since: datetime) -> int:
        """How many subscriptions had a bill cycle with usage that ended since, or is under way."""

    async def newest_records(self, cycles: Sequence[ClosedCycle], size: int) -> Sequence[Sequence[str]]:
        """`{source}/{record_id}` of each cycle's newest records, oldest first."""


@dataclass(frozen=True, slots=True)
class LineQuantity:
    """What was used of a bill line in a cycle."""

    line: str
    start_micros: int
    """Of the cycle."""
    quantity: float


@dataclass(frozen=True, slots=True)
class UsedLine:
    """A bill line, who uses it, and since when."""

    line: str
    since_micros: int
    """Start of the first cycle in which anybody used it."""
    adopters: int
    """Subscriptions that have used it."""


@dataclass(frozen=True, slots=True)
class OpenCycle:
    """A bill cycle under way, what was spent in it, and in those before."""

    at: ClosedCycle
    """It isn't closed yet."""
    currency: str
    spent: Fraction
    latest_micros: int
    """When its newest record began."""
    past: Sequence[tuple[int, Fraction]]
    """Starts and totals of the cycles before it that had usage, oldest first."""


class OpenCycles(Protocol):
    """Looks at cycles under way."""

    def page(
        self, shard: int, now: datetime, after_key: int, size: int
    ) -> AbstractAsyncContextManager[tuple[Sequence[OpenCycle], RoundPage]]:
        """Those with usage of late, that have spent something and were not signalled yet; a transaction."""


@dataclass(frozen=True, slots=True)
class CareContact:
    """A call or a chat with care."""

    customer: str
    time: datetime
    touch_point: str


class CareContacts(Protocol):
    """How often customers had to do with care."""

    async def counts(self, customers: Sequence[str], intervals: Sequence[tuple[datetime, datetime]]) -> Sequence[int]:
        """Contacts of each customer in their interval, [start, end)."""
