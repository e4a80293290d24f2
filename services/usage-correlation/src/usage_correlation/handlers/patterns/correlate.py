"""What is done with events that wait, in which order, and by whom?"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from mesh.waiting import is_set_within
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.patterns.calendar import Calendar
from usage_correlation.domain.patterns.columns import Events
from usage_correlation.domain.signals import Signal
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.patterns.book import PatternBook
from usage_correlation.handlers.patterns.correlator import Correlator
from usage_correlation.handlers.patterns.handing_over import HandOver
from usage_correlation.handlers.patterns.ports import LANES, History, Lane, Lanes, PatternWitness
from usage_correlation.handlers.patterns.raising import signals_of
from usage_correlation.handlers.ports import Clock

_BATCHES: Final = 32
"""At a time: some tens of thousands of events in one transaction."""
_LOOKS: Final = 20
_LOOK_SECONDS: Final = 0.005
"""What was handed over is there when its transaction commits: it is looked for during a tenth of a second."""


class Correlate:
    """Works on the lanes that are free; any number of replicas do, and share them."""

    def __init__(
        self,
        lanes: Lanes,
        directory: Directory,
        book: PatternBook,
        correlator: Correlator,
        history: History,
        calendar: Calendar,
        clock: Clock,
        witness: PatternWitness,
    ) -> None:
        self._lanes = lanes
        self._directory = directory
        self._book = book
        self._correlator = correlator
        self._history = history
        self._calendar = calendar
        self._clock = clock
        self._witness = witness
        self._next = 0

    async def watch(self, hand_over: HandOver, poll: timedelta) -> None:
        """Work on what waits; then wait for more from this process, for `poll` at most. A job repeats this."""
        hand_over.waiting.clear()
        try:
            await self.drain()
        except Exception:
            # What fails, because the profile is away, fails again: not without a pause.
            await asyncio.sleep(poll.total_seconds())
            raise
        if await is_set_within(hand_over.waiting, poll.total_seconds()):
            for _ in range(_LOOKS):
                if await self.drain():
                    break
                await asyncio.sleep(_LOOK_SECONDS)

    async def drain(self) -> int:
        """Work on all lanes that are free, until nothing waits in them; how many batches that were."""
        await self._directory.catch_up()
        if not self._book.kept:
            return 0
        states = [active.state for active in self._book.active]
        waiting = set(await self._lanes.pending(states, to_micros(self._clock.now())))
        done = 0
        # Replicas begin with different lanes, and so meet less often.
        self._next = (self._next + 1) % LANES
        for number in sorted(waiting, key=lambda each: (each - self._next) % LANES):
            while batches := await self._work(number):
                done += batches
        return done

    async def prune(self) -> None:
        """Forget what no pattern needs; a job calls this now and then, in any number of replicas."""
        await self._directory.catch_up()
        for number in range(LANES):
            while await self._work(number):
                pass  # what waits for patterns that were removed meanwhile
        await self._lanes.prune(self._book.kept)

    async def _work(self, number: int) -> int:
        """One turn in a lane; how many batches it took."""
        late: dict[str, int] = {}
        async with self._lanes.free(number) as lane:
            if lane is None:
                return 0
            batches = await lane.waiting(_BATCHES)
            new = await self._turn(lane, batches, late)
        self._witness.signalled(new, self._clock.now())
        for pattern, events in late.items():
            self._witness.late(pattern, events)
        return len(batches)

    async def _turn(self, lane: Lane, batches: Sequence[Events], late: dict[str, int]) -> Sequence[Signal]:
        # A pattern that was made before these events came is known here: whoever handed them over knew it.
        await self._directory.catch_up()
        now = self._clock.now()
        before, clock = clocks(lane.clock, batches, to_micros(now))
        outcome = await self._correlator.take(lane.memory, self._book.active, batches, clock, before=before)
        late.update(outcome.late)
        signals = await signals_of(outcome.hits, lane.memory, self._history, self._calendar, now)
        new = await lane.raise_signals(signals)
        if batches:
            await lane.leave((clock, to_micros(now)))
        return new


def clocks(left: tuple[int, int], batches: Sequence[Events], now: int) -> tuple[int, int]:
    """Event time when the first of some events arrived, and now.

    `left`: event time when it was last noted, and when that was. It goes on with the wall clock while nothing comes,
    jumps to the latest event that came, and is never ahead of the wall clock.
    """
    clock, as_of = left
    began = clock > 0
    events = [batch for batch in batches if len(batch)]
    first = min((int(batch.arrivals.min()) for batch in events), default=now)
    before = clock + max(0, first - as_of) if began else 0
    latest = max((int(batch.times.max()) for batch in events), default=0)
    passed = clock + max(0, now - as_of) if began else 0
    return min(before, now), min(max(passed, latest), now)
