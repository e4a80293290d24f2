"""Which patterns hold, now that these events have come and the clock is here?

The same for events as they come, for a try over history and in tests: what differs is the memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from usage_correlation.domain.moments import LATEST_MICROS
from usage_correlation.domain.patterns.calendar import Calendar
from usage_correlation.domain.patterns.columns import Events, joined
from usage_correlation.domain.patterns.evaluation import over_events, over_sums
from usage_correlation.domain.patterns.hits import Kept, joined_kept, kept_of, rows_of, subscriptions_of, sums_of
from usage_correlation.domain.patterns.matches import Found, Looking, Match
from usage_correlation.domain.patterns.pattern import Absence, Pattern
from usage_correlation.domain.patterns.places import PlaceEvent
from usage_correlation.domain.patterns.scope import EventScope, SubscriberFacts
from usage_correlation.handlers.patterns.ports import (
    ActivePattern,
    History,
    KeptPart,
    Memory,
    People,
    SumPart,
)
from usage_correlation.handlers.patterns.touched import Touched, bounds, by_class, reach, stretch, works_due

_AT_A_TIME: Final = 2000


@dataclass(frozen=True, slots=True)
class Hit:
    """A match, with whose it is."""

    active: ActivePattern
    facts: SubscriberFacts
    match: Match


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    hits: Sequence[Hit]
    late: Mapping[str, int]
    """By pattern, how many events came too late to count."""


class Correlator:
    """Keeps what patterns need of events, and finds where they hold."""

    def __init__(self, people: People, history: History, calendar: Calendar) -> None:
        self._people = people
        self._history = history
        self._calendar = calendar

    async def take(
        self,
        memory: Memory,
        actives: Sequence[ActivePattern],
        batches: Sequence[Events],
        clock: int,
        *,
        before: Mapping[str, int],
    ) -> Outcome:
        """Take events in. Finds what they complete, and what is due by now without them.

        `clock`: event time now; `before`: by source the latest event that had come, by which others are late or not.
        """
        scopes = await self._scopes(actives, batches)
        touched = [self._keep(active, scopes, before) for active in actives]
        kept = [part for each, _ in touched for part in each if isinstance(part, KeptPart)]
        sums = [part for each, _ in touched for part in each if isinstance(part, SumPart)]
        if kept:
            await memory.keep_events(kept)
        if sums:
            await memory.add_sums(sums)
        works = [work for _, work in touched]
        for work in works:
            await self._touch_places(memory, work, batches)
        hits = await self._look_now(memory, [work for work in works if work.bounds], clock)
        hits += await self._look_due(memory, actives, clock)
        return Outcome(hits, {work.active.id: work.late for work in works if work.late})

    async def remember(
        self, active: ActivePattern, batches: Sequence[Events]
    ) -> tuple[KeptPart | SumPart | None, Sequence[SubscriberFacts]]:
        """What is to be kept of events that came in the past, and of whom; nothing is looked for."""
        [parts, touched] = self._keep(active, await self._scopes([active], batches), {})
        return (parts[0] if parts else None), list(touched.subjects.values())

    async def _scopes(self, actives: Sequence[ActivePattern], batches: Sequence[Events]) -> dict[str, EventScope]:
        """The events of each type that some pattern looks at, with their subscribers."""
        wanted = {each.type.name for active in actives for each in active.pattern.classes}
        by_type: dict[str, list[Events]] = {}
        for batch in batches:
            if batch.type in wanted and subscriptions_of(batch):
                by_type.setdefault(batch.type, []).append(batch)
        merged = {name: joined(parts) for name, parts in by_type.items()}
        ids = {name for events in merged.values() for name in subscriptions_of(events)}
        known = await self._people.of(ids, customers=_customers(actives)) if ids else {}
        return {name: self._scope(events, known) for name, events in merged.items()}

    def _scope(self, events: Events, known: Mapping[str, SubscriberFacts]) -> EventScope:
        values = events.subscriptions.values
        here = np.array([value in known for value in values], np.bool_)
        if not here.all():
            events = events.take(here[events.subscriptions.codes])
        nobody = next(iter(known.values()), None)
        facts = [known.get(value, nobody) for value in values]
        return EventScope(events, [each for each in facts if each is not None], self._calendar)

    def _keep(
        self, active: ActivePattern, scopes: Mapping[str, EventScope], before: Mapping[str, int]
    ) -> tuple[list[KeptPart | SumPart], Touched]:
        """What is to be kept for a pattern, and whom it touches."""
        pattern, touched = active.pattern, Touched(active)
        parts, subjects, touched.late = self._hits(active, scopes, before)
        if not parts:
            return [], touched
        kept = joined_kept(parts)
        # What is joined may let events count that came earlier, or later, than it.
        after = max((join.after for join in pattern.joins), default=0)
        before_it = max((join.before for join in pattern.joins), default=0)
        for number, first, last in bounds(kept):
            touched.touch(subjects[number], first - after, last + before_it)
        if pattern.in_periods:
            return [SumPart(active.state, subjects, sums_of(kept, pattern, subjects, self._calendar))], touched
        return [KeptPart(active.state, subjects, kept)], touched

    def _hits(
        self, active: ActivePattern, scopes: Mapping[str, EventScope], before: Mapping[str, int]
    ) -> tuple[list[Kept], list[SubscriberFacts], int]:
        """The events that count, whose they are, and how many more would have if they had not come so late."""
        subjects: list[SubscriberFacts] = []
        numbers: dict[str, int] = {}
        parts, late = [], 0
        for number, each in enumerate(active.pattern.classes):
            scope = scopes.get(each.type.name)
            if scope is None or not len(scope):
                continue
            counting = rows_of(active.pattern, each, scope)
            rows = _in_time(active.pattern, scope, counting, before)
            late += len(counting) - len(rows)
            if not len(rows):
                continue
            for value, facts in zip(scope.events.subscriptions.values, scope.facts, strict=True):
                if value not in numbers:
                    numbers[value] = len(subjects)
                    subjects.append(facts)
            part = kept_of(active.pattern, number, scope, rows, numbers)
            if len(part):
                parts.append(part)
        return parts, subjects, late

    async def _touch_places(self, memory: Memory, work: Touched, batches: Sequence[Events]) -> None:
        """An alert may let events count that came before it."""
        pattern = work.active.pattern
        if not any(each.type.of_place for each in pattern.classes):
            return
        kinds = {each.type.name for each in pattern.classes if each.type.of_place}
        for place in await self._announced([batch for batch in batches if batch.type in kinds and len(batch)]):
            after = max(join.after for join in pattern.joins)
            before = max(join.before for join in pattern.joins)
            first, last = place.start - after, LATEST_MICROS if place.end is None else place.end + before
            near = await memory.near(work.active.state, place, first, last)
            known = await self._people.of(near, customers=True) if near else {}
            for facts in known.values():
                work.touch(facts, first, last)

    async def _announced(self, batches: Sequence[Events]) -> list[PlaceEvent]:
        """The alerts and local events that have come: a batch tells when each begins, the rest is stored."""
        found: list[PlaceEvent] = []
        for batch in batches:
            references = {batch.reference(row) for row in range(len(batch))}
            first, last = int(batch.times.min()), int(batch.times.max())
            stored = await self._history.places([batch.type], first, last)
            found += [each for each in stored if each.reference in references]
        return found

    async def _look_now(self, memory: Memory, works: Sequence[Touched], clock: int) -> list[Hit]:
        """Look for what is raised at once; note the rest to be looked at when it is settled."""
        waiting: list[tuple[int, SubscriberFacts, int, int]] = []
        lasting: list[tuple[int, SubscriberFacts, int, int]] = []
        now = []
        for work in works:
            pattern = work.active.pattern
            if not pattern.settled:
                now.append(work)
                continue
            silent = pattern.what.silent if isinstance(pattern.what, Absence) else 0
            for name, (first, _) in work.bounds.items():
                due = first + silent
                row = (work.active.state, work.subjects[name], due, due + pattern.lateness)
                (lasting if silent else waiting).append(row)
        if waiting:
            await memory.look_again(waiting, earliest=True)
        if lasting:
            # A silence that is due already is looked at then: one row for each subscriber, not one for each event.
            await memory.look_again(lasting, earliest=False)
        return await self._look(memory, now, clock)

    async def _look_due(self, memory: Memory, actives: Sequence[ActivePattern], clock: int) -> list[Hit]:
        """Look at what is due, as often as that makes something else due."""
        by_state = {active.state: active for active in actives}
        hits: list[Hit] = []
        while dues := await memory.take_due(list(by_state), clock, _AT_A_TIME):
            known = await self._people.of({due.subscription for due in dues}, customers=_customers(actives))
            hits += await self._look(memory, works_due(dues, by_state, known), clock)
            if len(dues) < _AT_A_TIME:
                break
        return hits

    async def _look(self, memory: Memory, works: Sequence[Touched], clock: int) -> list[Hit]:
        events = [work for work in works if not work.active.pattern.in_periods]
        sums = [work for work in works if work.active.pattern.in_periods]
        found: list[tuple[Touched, Found]] = []
        if events:
            places = await self._places(events)
            answers = await memory.events([stretch(work) for work in events])
            for work, kept in zip(events, answers, strict=True):
                mine = by_class(work.active, places)
                found.append((work, over_events(self._looking(work, clock), kept, mine)))
        if sums:
            answered = await memory.sums([stretch(work) for work in sums])
            for work, each in zip(sums, answered, strict=True):
                found.append((work, over_sums(self._looking(work, clock), each)))
        await self._again(memory, found)
        return [
            Hit(work.active, list(work.subjects.values())[match.subject], match)
            for work, each in found
            for match in each.matches
        ]

    async def _again(self, memory: Memory, found: Sequence[tuple[Touched, Found]]) -> None:
        rows = [
            (work.active.state, list(work.subjects.values())[subject], due, due + work.active.pattern.lateness)
            for work, each in found
            for subject, due in each.due.items()
        ]
        if rows:
            await memory.look_again(rows, earliest=True)

    def _looking(self, work: Touched, clock: int) -> Looking:
        subjects = list(work.subjects.values())
        since = {number: work.bounds[facts.id][0] for number, facts in enumerate(subjects)}
        pattern = work.active.pattern
        return Looking(pattern, subjects, since, clock - pattern.lateness, self._calendar)

    async def _places(self, works: Sequence[Touched]) -> Sequence[PlaceEvent]:
        """The alerts and local events that may be near."""
        kinds = {each.type.name for work in works for each in work.active.pattern.classes if each.type.of_place}
        if not kinds:
            return ()
        stretches = [reach(work, each) for work in works for each in work.bounds.values()]
        return await self._history.places(kinds, min(s for s, _ in stretches), max(e for _, e in stretches))


def _in_time(
    pattern: Pattern, scope: EventScope, rows: NDArray[np.intp], before: Mapping[str, int]
) -> NDArray[np.intp]:
    """The rows that come no later than a pattern can still count them, each by its own source's clock."""
    sources = scope.events.sources
    earliest = np.array([before.get(each, 0) for each in sources.values], np.int64) - pattern.horizon - pattern.lateness
    return rows[scope.events.times[rows] >= earliest[sources.codes[rows]]]


def _customers(actives: Sequence[ActivePattern]) -> bool:
    return any(active.pattern.needs_customer for active in actives)
