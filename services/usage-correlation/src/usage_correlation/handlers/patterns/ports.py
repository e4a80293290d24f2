"""What do patterns need from the outside?"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from mesh.store import UnitOfWork
from usage_correlation.domain.patterns.columns import Events
from usage_correlation.domain.patterns.hits import Kept, Sums
from usage_correlation.domain.patterns.pattern import Pattern
from usage_correlation.domain.patterns.places import PlaceEvent
from usage_correlation.domain.patterns.scope import SubscriberFacts
from usage_correlation.domain.patterns.watermarks import Clocks, Patience
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

    async def forget(self, state: int, subjects: Sequence[SubscriberFacts]) -> None:
        """Forget what was counted of some subscribers, events and sums."""

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

    async def subscriptions_after(self, after: str, size: int) -> Sequence[str]:
        """The first `size` that come after one, by id."""

    async def with_events(self, subscriptions: Sequence[str], kinds: Collection[str], start: int) -> Collection[str]:
        """Those of some subscriptions of which events of some types are stored, from `start` on."""

    def subscriptions(self, only: Sequence[str]) -> AsyncIterator[Sequence[str]]:
        """All that are known, or those of `only` that are, some hundreds at a time, by id."""


@dataclass(frozen=True, slots=True)
class Recall:
    """How far what is stored has been looked up for a pattern, in one lane."""

    state: int
    after: str
    """The subscription that was the last."""
    live_micros: int
    """Since when the pattern is looked for: what was decided before is not told."""


class Lane(Protocol):
    """A lane whose work is held, in one transaction."""

    @property
    def number(self) -> int:
        """Which."""

    @property
    def memory(self) -> Memory:
        """What is remembered of its subscribers."""

    async def clocks(self) -> Clocks:
        """How far each source had come."""

    async def waiting(self, size: int, positions: list[int]) -> Sequence[Events]:
        """The first batches that wait, at most `size` of them, one while some fail; they are removed.

        `positions` takes their places, known also of what can't be read.
        """

    async def pending(self, most: int) -> Sequence[Events] | None:
        """All batches that wait or are put aside, and stay; None when there are more than `most`."""

    async def raise_signals(self, signals: Sequence[Signal]) -> Sequence[Signal]:
        """Keep and publish signals; those that were new."""

    async def learn(self, clocks: Clocks) -> None:
        """Note how far sources are, where nothing later is known of them."""

    async def leave(self, changed: Clocks, watermark: tuple[int, int]) -> None:
        """Note how far its sources are, and event time with the moment at which it was so."""

    async def recall(self, states: Collection[int], made_before: int) -> Recall | None:
        """For which of some states what is stored is still to be looked up, if asked for before a moment."""

    async def recalled(self, recall: Recall, after: str | None) -> None:
        """It was looked up until this subscription; None: for all."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why work in a lane failed."""

    lane: int
    position: int | None
    """The first batch that was worked on; None when none was."""
    reason: str
    """The kind of error and where it was raised, without anybody's data."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A batch that was put aside because it failed again and again."""

    position: int
    lane: int
    event_type: str
    """Empty when the batch could not be read."""
    event_count: int
    tries: int
    reason: str
    park_time: datetime


class ParkedBatches(Protocol):
    """Batches that were put aside."""

    async def page(self, after: int, size: int) -> Sequence[Parked]:
        """The first `size` after a position, oldest first."""

    async def replay(self, uow: UnitOfWork, positions: Collection[int]) -> int:
        """Let some wait again, all when none is named, behind what waits now; how many that were."""


class Lanes(Protocol):
    """The work that waits."""

    def free(self, number: int) -> AbstractAsyncContextManager[Lane | None]:
        """A lane, unless somebody else holds it; what is done commits when the block ends well."""

    async def pending(self, states: Collection[int], now: int, patience: Patience) -> Sequence[int]:
        """The lanes in which something waits, or is due by their clocks."""

    async def failed(self, failure: Failure, now: datetime, *, most: int) -> Parked | None:
        """Note that work failed. After `most` times in a row the batch is put aside; what was."""

    async def prune(self, kept: Mapping[int, int], forget_sources_before: int) -> None:
        """Forget what no pattern needs: `kept` says by state for how many microseconds behind the clock."""


class Patterns(Protocol):
    """Patterns as they are kept."""

    async def all(self) -> Sequence[tuple[KeptPattern, int]]:
        """All, with the key of their state."""

    async def get(self, pattern_id: str) -> KeptPattern | None:
        """One."""

    async def recalling(self) -> Collection[str]:
        """The ids of those whose past is being looked up; of a paused one it is once it is resumed."""

    async def page(self, after: str, size: int) -> Sequence[KeptPattern]:
        """The first `size` whose id comes after `after`, by id."""


class PatternWriter(Protocol):
    """Changes patterns in one transaction; every replica hears of it with its next call."""

    async def lock(self, pattern_id: str) -> KeptPattern | None:
        """One, and nobody else changes it until the transaction ends."""

    async def add(self, pattern: KeptPattern, state_digest: str) -> bool:
        """Keep a new one, to look up its past; False when its id is taken."""

    async def save(self, pattern: KeptPattern, state_digest: str, *, resumed: bool) -> None:
        """Write a changed one; it must be locked. Its past is looked up when it counts otherwise, or was `resumed`."""

    async def remove(self, pattern_id: str) -> None:
        """Remove one; it must be locked."""

    async def recalling(self, pattern_id: str) -> bool:
        """Whether the past of one is being looked up."""


class PatternWitness(Protocol):
    """Is told what happened, for metrics."""

    def signalled(self, signals: Sequence[Signal], committed: datetime) -> None:
        """Signals were committed."""

    def late(self, pattern: str, events: int) -> None:
        """So many events came too late for a pattern, and were ignored."""

    def failed(self, failure: Failure) -> None:
        """Work failed, and will be tried again."""

    def parked(self, parked: Parked) -> None:
        """A batch was put aside."""
