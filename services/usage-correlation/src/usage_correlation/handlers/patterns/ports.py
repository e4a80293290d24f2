"""What do patterns need from the outside?"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from usage_correlation.domain.patterns.columns import Events
from usage_correlation.domain.patterns.hits import Kept, Sums
from usage_correlation.domain.patterns.pattern import Pattern
from usage_correlation.domain.patterns.places import PlaceEvent
from usage_correlation.domain.patterns.scope import SubscriberFacts
from usage_correlation.domain.signals import Signal

LANES: Final = 4
"""Subscribers are spread over lanes by shard; a lane is worked on by one process at a time, in order."""


@dataclass(frozen=True, slots=True)
class KeptPattern:
    """A pattern as it is kept."""

    id: str
    document: str
    paused: bool
    revision: int
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True, slots=True)
class ActivePattern:
    """A pattern that is looked for."""

    id: str
    revision: int
    state: int
    """Under which key its state is kept."""
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class KeptPart:
    """Events to be kept for a pattern."""

    state: int
    subjects: Sequence[SubscriberFacts]
    kept: Kept


@dataclass(frozen=True, slots=True)
class SumPart:
    """Sums to be added to those of a pattern."""

    state: int
    subjects: Sequence[SubscriberFacts]
    sums: Sums


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is asked of a pattern's state: some subjects, each from a moment to a moment, both included."""

    state: int
    subjects: Sequence[SubscriberFacts]
    bounds: Mapping[int, tuple[int, int]]
    """By number of the subject."""


@dataclass(frozen=True, slots=True)
class Due:
    """Something may be found though no event comes."""

    state: int
    subscription: str
    micros: int
    """What was decided before is known."""


class Memory(Protocol):
    """What patterns remember of subscribers, in one transaction."""

    async def keep_events(self, parts: Sequence[KeptPart]) -> None:
        """Keep events; those that are kept already stay as they are."""

    async def add_sums(self, parts: Sequence[SumPart]) -> None:
        """Add to the sums by period."""

    async def events(self, wanted: Sequence[Stretch]) -> Sequence[Kept]:
        """The events of each stretch."""

    async def sums(self, wanted: Sequence[Stretch]) -> Sequence[Sums]:
        """The sums of periods that began in each stretch."""

    async def near(self, state: int, place: PlaceEvent, start: int, end: int) -> Collection[str]:
        """The subscriptions that have kept events in the cells or areas of a place event, from start to end."""

    async def look_again(self, dues: Sequence[tuple[int, SubscriberFacts, int, int]], *, earliest: bool) -> None:
        """Look again at (state, subscriber) for what is decided at a moment, once the clock is at another.

        `earliest`: an earlier moment replaces a later one; otherwise what stands stays.
        """

    async def take_due(self, states: Collection[int], clock: int, size: int) -> Sequence[Due]:
        """The first `size` of some states that the clock has reached, which are removed."""

    async def known(self, ids: Collection[str]) -> Collection[str]:
        """Those of some signals' ids that were raised before."""


class People(Protocol):
    """Knows subscribers."""

    async def of(self, subscriptions: Collection[str], *, customers: bool) -> Mapping[str, SubscriberFacts]:
        """Those that exist, by id; what the customer is like and consents to is asked for with `customers` alone."""


class History(Protocol):
    """What is stored of events."""

    async def events(self, subjects: Sequence[SubscriberFacts], kind: str, start: int, end: int) -> Events:
        """Those of one type from start to end, both included, by subscription and time."""

    async def places(self, kinds: Collection[str], start: int, end: int) -> Sequence[PlaceEvent]:
        """Service alerts and local events that are on at any moment from start to end, by start and reference."""

    def subscriptions(self, only: Sequence[str]) -> AsyncIterator[Sequence[str]]:
        """All that are known, or those of `only` that are, some hundreds at a time, by id."""


class Lane(Protocol):
    """A lane whose work is held, in one transaction."""

    @property
    def number(self) -> int:
        """Which."""

    @property
    def clock(self) -> tuple[int, int]:
        """Event time, and as of when, both in microseconds."""

    @property
    def memory(self) -> Memory:
        """What is remembered of its subscribers."""

    async def waiting(self, size: int) -> Sequence[Events]:
        """The first batches that wait, at most `size` of them; they are removed."""

    async def raise_signals(self, signals: Sequence[Signal]) -> Sequence[Signal]:
        """Keep and publish signals; those that were new."""

    async def leave(self, clock: tuple[int, int]) -> None:
        """Note how far the clock is."""


class Lanes(Protocol):
    """The work that waits."""

    def free(self, number: int) -> AbstractAsyncContextManager[Lane | None]:
        """A lane, unless somebody else holds it; what is done commits when the block ends well."""

    async def pending(self, states: Collection[int], now: int) -> Sequence[int]:
        """The lanes in which something waits, or is due by their clocks."""

    async def prune(self, kept: Mapping[int, int]) -> None:
        """Forget what no pattern needs: `kept` says by state for how many microseconds behind the clock."""


class Patterns(Protocol):
    """Patterns as they are kept."""

    async def all(self) -> Sequence[tuple[KeptPattern, int]]:
        """All, with the key of their state."""

    async def get(self, pattern_id: str) -> KeptPattern | None:
        """One."""

    async def page(self, after: str, size: int) -> Sequence[KeptPattern]:
        """The first `size` whose id comes after `after`, by id."""


class PatternWriter(Protocol):
    """Changes patterns in one transaction; every replica hears of it with its next call."""

    async def lock(self, pattern_id: str) -> KeptPattern | None:
        """One, and nobody else changes it until the transaction ends."""

    async def add(self, pattern: KeptPattern, state_digest: str) -> bool:
        """Keep a new one; False when its id is taken."""

    async def save(self, pattern: KeptPattern, state_digest: str) -> None:
        """Write a changed one; it must be locked."""

    async def remove(self, pattern_id: str) -> None:
        """Remove one; it must be locked."""


class PatternWitness(Protocol):
    """Is told what happened, for metrics."""

    def signalled(self, signals: Sequence[Signal], committed: datetime) -> None:
        """Signals were committed."""

    def late(self, pattern: str, events: int) -> None:
        """So many events came too late for a pattern, and were ignored."""
