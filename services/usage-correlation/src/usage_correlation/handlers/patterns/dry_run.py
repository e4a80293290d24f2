"""Which signals would a pattern have raised over what is stored?"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.patterns.calendar import Calendar
from usage_correlation.domain.patterns.pattern import Pattern
from usage_correlation.domain.patterns.scope import SubscriberFacts
from usage_correlation.domain.signals import Signal
from usage_correlation.handlers.patterns.correlator import Correlator
from usage_correlation.handlers.patterns.ports import ActivePattern, History, People
from usage_correlation.handlers.patterns.raising import signals_of
from usage_correlation.handlers.patterns.recollection import Recollection
from usage_correlation.handlers.ports import Clock

_STATE: Final = 0


@dataclass(frozen=True, slots=True)
class Tried:
    """What a part of the try gives."""

    signals: Sequence[Signal]
    subscriptions: int
    """Looked at so far."""
    events: int
    """And how many of their events."""


class DryRun:
    """Tries patterns, by the same engine with a memory of its own."""

    def __init__(self, people: People, history: History, calendar: Calendar, clock: Clock) -> None:
        self._people = people
        self._history = history
        self._calendar = calendar
        self._clock = clock
        self._correlator = Correlator(people, history, calendar)

    async def __call__(
        self, name: str, revision: int, pattern: Pattern, interval: tuple[int, int], only: Sequence[str], most: int
    ) -> AsyncIterator[Tried]:
        """The signals with an event time in [start, end), subscription by subscription; ends after `most` of them."""
        active = ActivePattern(name, revision, _STATE, pattern)
        now = self._clock.now()
        subscriptions = events = told = 0
        async for names in self._history.subscriptions(only):
            known = await self._people.of(names, customers=pattern.needs_customer)
            facts = [known[each] for each in names if each in known]
            found, count = await self._try(active, facts, interval, now) if facts else ([], 0)
            found = found[: most - told]
            subscriptions, events, told = subscriptions + len(names), events + count, told + len(found)
            yield Tried(found, subscriptions, events)
            if told >= most:
                return

    async def _try(
        self, active: ActivePattern, facts: Sequence[SubscriberFacts], interval: tuple[int, int], now: datetime
    ) -> tuple[list[Signal], int]:
        start, end = interval
        pattern = active.pattern
        # What is told once a period is told at its first match: the period's beginning is looked at too.
        once = pattern.once_per.longest if pattern.once_per is not None else pattern.period.longest
        first = start - 2 * pattern.horizon - once
        kinds = sorted({each.type.name for each in pattern.classes if not each.type.of_place})
        batches = [await self._history.events(facts, kind, first, end - 1) for kind in kinds]
        memory = Recollection()
        # As if all of it had come in time; and then as if the clock had gone on to the end.
        clock = min(end, to_micros(now))
        outcome = await self._correlator.take(memory, [active], batches, clock + pattern.lateness, before={})
        signals = await signals_of(outcome.hits, memory, self._history, self._calendar, now)
        inside = [each for each in signals if start <= to_micros(each.event_time) < end]
        inside.sort(key=lambda each: (each.subscription, each.event_time, each.id))
        return inside, sum(len(batch) for batch in batches)
