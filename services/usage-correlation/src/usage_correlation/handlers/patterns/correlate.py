"""What is done with events that wait, in which order, and by whom?"""

import asyncio
import traceback
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from mesh.waiting import is_set_within
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.patterns.calendar import Calendar
from usage_correlation.domain.patterns.columns import Events
from usage_correlation.domain.patterns.watermarks import Patience, advanced, watermark
from usage_correlation.domain.signals import Signal
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.patterns.book import PatternBook
from usage_correlation.handlers.patterns.correlator import Correlator
from usage_correlation.handlers.patterns.handing_over import HandOver
from usage_correlation.handlers.patterns.ports import LANES, Failure, History, Lane, Lanes, PatternWitness
from usage_correlation.handlers.patterns.raising import signals_of
from usage_correlation.handlers.ports import Clock

_BATCHES: Final = 32
"""At a time: some tens of thousands of events in one transaction."""
_LOOKS: Final = 20
_LOOK_SECONDS: Final = 0.005
"""What was handed over is there when its transaction commits: it is looked for during a tenth of a second."""
MOST_TRIES: Final = 5
"""After so many failures in a row a batch is put aside, so that those behind it are worked on."""
_SOURCES_KEPT: Final = timedelta(days=60)
"""Longer than any silence that patterns look for."""

Passes = Callable[[Exception], bool]
"""Whether a failure is nobody's fault and will pass: a server is away."""


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
        *,
        patience: Patience,
        passes: Passes,
    ) -> None:
        self._lanes = lanes
        self._directory = directory
        self._book = book
        self._correlator = correlator
        self._history = history
        self._calendar = calendar
        self._clock = clock
        self._witness = witness
        self._patience = patience
        self._passes = passes
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
        """Work on all lanes that are free, until nothing waits in them; how many batches that were.

        A lane whose work fails doesn't hold up the others; the first failure is raised when they are done.
        """
        await self._directory.catch_up()
        if not self._book.kept:
            return 0
        states = [active.state for active in self._book.active]
        waiting = set(await self._lanes.pending(states, to_micros(self._clock.now()), self._patience))
        done, failures = 0, []
        # Replicas begin with different lanes, and so meet less often.
        self._next = (self._next + 1) % LANES
        for number in sorted(waiting, key=lambda each: (each - self._next) % LANES):
            try:
                while batches := await self._work(number):
                    done += batches
            except Exception as error:  # noqa: BLE001 - raised below, when the other lanes are done
                failures.append(error)
        if failures:
            raise failures[0]
        return done

    async def prune(self) -> None:
        """Forget what no pattern needs; a job calls this now and then, in any number of replicas."""
        await self._directory.catch_up()
        for number in range(LANES):
            while await self._work(number):
                pass  # what waits for patterns that were removed meanwhile
        await self._lanes.prune(self._book.kept, to_micros(self._clock.now() - _SOURCES_KEPT))

    async def _work(self, number: int) -> int:
        """One turn in a lane; how many batches it took."""
        late: dict[str, int] = {}
        first: list[int] = []
        try:
            async with self._lanes.free(number) as lane:
                if lane is None:
                    return 0
                batches = await lane.waiting(_BATCHES, first)
                new = await self._turn(lane, batches, late)
        except Exception as error:
            if not self._passes(error):
                await self._failed(number, min(first, default=None), error)
            raise
        self._witness.signalled(new, self._clock.now())
        for pattern, events in late.items():
            self._witness.late(pattern, events)
        return len(batches)

    async def _failed(self, number: int, position: int | None, error: Exception) -> None:
        failure = Failure(number, position, _reason(error))
        self._witness.failed(failure)
        parked = await self._lanes.failed(failure, self._clock.now(), most=MOST_TRIES)
        if parked is not None:
            self._witness.parked(parked)

    async def _turn(self, lane: Lane, batches: Sequence[Events], late: dict[str, int]) -> Sequence[Signal]:
        # A pattern that was made before these events came is known here: whoever handed them over knew it.
        await self._directory.catch_up()
        now, clocks = self._clock.now(), await lane.clocks()
        as_of = _as_of(batches, to_micros(now))
        changed = advanced(clocks, batches, as_of)
        reached = watermark({**clocks, **changed}, as_of, self._patience)
        before = {source: clock.micros for source, clock in clocks.items()}
        outcome = await self._correlator.take(lane.memory, self._book.active, batches, reached, before=before)
        late.update(outcome.late)
        signals = await signals_of(outcome.hits, lane.memory, self._history, self._calendar, now)
        new = await lane.raise_signals(signals)
        if batches:
            await lane.leave(changed, (reached, as_of))
        return new


def _as_of(batches: Sequence[Events], now: int) -> int:
    """By which moment is judged how far sources are: where more may wait, when the last of these arrived.

    What waited for us, because nobody worked on it for a while, is not late for that.
    """
    if len(batches) < _BATCHES:
        return now
    return min(now, max((int(batch.arrivals.max()) for batch in batches if len(batch)), default=now))


def _reason(error: Exception) -> str:
    """Its kind and place: the message may hold personal data."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
