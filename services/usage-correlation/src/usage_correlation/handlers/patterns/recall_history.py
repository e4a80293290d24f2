"""How does a new pattern come to know what happened before it was made?

Subscriber by subscriber, from what is stored, while it is looked for already. What it counted so far of a subscriber is
counted anew from what is stored, without what still waits to be counted: whoever holds the lane knows both.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import numpy as np

from usage_correlation.domain.moments import LATEST_MICROS, to_micros
from usage_correlation.domain.patterns.columns import Events
from usage_correlation.domain.patterns.scope import SubscriberFacts
from usage_correlation.domain.patterns.watermarks import recalled as clocks_recalled
from usage_correlation.domain.shards import shard_of
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.patterns.book import PatternBook
from usage_correlation.handlers.patterns.correlator import Correlator
from usage_correlation.handlers.patterns.handing_over import HandOver
from usage_correlation.handlers.patterns.ports import (
    LANES,
    ActivePattern,
    History,
    Lane,
    Lanes,
    Patterns,
    People,
    Recall,
    SumPart,
)
from usage_correlation.handlers.ports import Clock

BEGIN_AFTER: Final = timedelta(seconds=30)
"""Calls that began before a pattern was made may not know it; by now they have ended, and what they stored is seen."""
_MOST_WAITING: Final = 64
"""Batches. Where more waits, what is new goes first."""
_EVENTS: Final = 20_000
"""At a time, about: a lane is held for some tenths of a second."""
_SUBSCRIPTIONS: Final = (1, 512)
_LOOKED_THROUGH: Final = 4000
_REST: Final = 4
"""So many times as long as it worked it rests: what is new goes first."""


class RecallHistory:
    """Looks up the past of patterns that were made, resumed, or count otherwise; any number of replicas do."""

    def __init__(
        self,
        lanes: Lanes,
        patterns: Patterns,
        directory: Directory,
        book: PatternBook,
        people: People,
        correlator: Correlator,
        history: History,
        clock: Clock,
    ) -> None:
        self._lanes = lanes
        self._patterns = patterns
        self._directory = directory
        self._book = book
        self._people = people
        self._correlator = correlator
        self._history = history
        self._clock = clock
        self._size = 32

    async def watch(self, hand_over: HandOver) -> None:
        """Look up what there is to be looked up; a job repeats this. It takes a fifth of a replica's time at most."""
        while await self._patterns.recalling():
            begun, worked = time.monotonic(), 0
            for number in range(LANES):
                worked += await self.step(number)
                hand_over.waiting.set()  # who found the lane held comes back
                await asyncio.sleep(_REST * (time.monotonic() - begun))
                begun = time.monotonic()
            if not worked:
                return

    async def step(self, number: int) -> bool:
        """Look up a part of what is to be looked up in a lane; whether there was anything."""
        await self._directory.catch_up()
        actives = {active.state: active for active in self._book.active}
        async with self._lanes.free(number) as lane:
            if lane is None:
                return False
            recall = await lane.recall(list(actives), to_micros(self._clock.now() - BEGIN_AFTER))
            if recall is None:
                return False
            return await self._part(lane, actives[recall.state], recall)

    async def _part(self, lane: Lane, active: ActivePattern, recall: Recall) -> bool:
        names = await self._history.subscriptions_after(recall.after, _LOOKED_THROUGH)
        kinds = {each.type.name for each in active.pattern.classes if not each.type.of_place}
        first = recall.live_micros - active.pattern.horizon - active.pattern.lateness
        lanes = [name for name in names if shard_of(name) % LANES == lane.number]
        # Of most subscribers nothing may be stored that the pattern looks at: the profile is not asked about them.
        some = await self._history.with_events(lanes, kinds, first) if lanes else ()
        mine = [name for name in lanes if name in some]
        last = mine[self._size - 1] if len(mine) > self._size else (names[-1] if names else None)
        known = await self._people.of(mine[: self._size], customers=active.pattern.needs_customer) if mine else {}
        subjects = [known[name] for name in mine[: self._size] if name in known]
        if subjects:
            past = [await self._history.events(subjects, kind, first, LATEST_MICROS - 1) for kind in sorted(kinds)]
            waiting = await lane.pending(_MOST_WAITING)
            if waiting is None:
                return False
            await self._count(lane, active, subjects, [_without(batch, waiting) for batch in past], recall)
            # So that silence is noticed also where nothing has come since.
            await lane.learn(clocks_recalled(past))
            self._suit(sum(map(len, past)))
        await lane.recalled(recall, last)
        return True

    async def _count(
        self,
        lane: Lane,
        active: ActivePattern,
        subjects: Sequence[SubscriberFacts],
        past: Sequence[Events],
        recall: Recall,
    ) -> None:
        if active.pattern.in_periods:
            await lane.memory.forget(active.state, subjects)
        part, touched = await self._correlator.remember(active, past)
        if isinstance(part, SumPart):
            await lane.memory.add_sums([part])
        elif part is not None:
            await lane.memory.keep_events([part])
        if touched:
            # At once: the next turn in the lane tells what was decided since the pattern is looked for.
            rows = [(active.state, each, recall.live_micros, 0) for each in touched]
            await lane.memory.look_again(rows, earliest=True)

    def _suit(self, events: int) -> None:
        """As many subscribers at a time as have about so many events."""
        least, most = _SUBSCRIPTIONS
        if events > _EVENTS:
            self._size = max(least, self._size // 2)
        elif events < _EVENTS // 4:
            self._size = min(most, self._size * 2)


def _without(past: Events, waiting: Sequence[Events]) -> Events:
    """What is stored and does not wait to be counted."""
    same = [batch for batch in waiting if batch.type == past.type]
    if not same or not len(past):
        return past
    references = {batch.reference(row) for batch in same for row in range(len(batch))}
    rows = np.array([past.reference(row) not in references for row in range(len(past))], np.bool_)
    return past if rows.all() else past.take(rows).compact()
