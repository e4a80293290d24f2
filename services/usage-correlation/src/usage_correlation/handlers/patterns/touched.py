"""Over what must a pattern be looked for again?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from usage_correlation.domain.moments import LATEST_MICROS
from usage_correlation.domain.patterns.calendar import Calendar
from usage_correlation.domain.patterns.hits import Kept
from usage_correlation.domain.patterns.places import PlaceEvent, events_of
from usage_correlation.domain.patterns.scope import EventScope, SubscriberFacts
from usage_correlation.handlers.patterns.ports import ActivePattern, Due, Stretch


@dataclass(slots=True)
class Touched:
    """What a pattern must be looked for over again."""

    active: ActivePattern
    subjects: dict[str, SubscriberFacts] = field(default_factory=dict)
    bounds: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By subscription: from when to when something came."""
    late: int = 0

    def touch(self, facts: SubscriberFacts, first: int, last: int) -> None:
        """Something came from `first` to `last`."""
        known = self.bounds.get(facts.id, (first, last))
        self.subjects[facts.id] = facts
        self.bounds[facts.id] = (min(first, known[0]), max(last, known[1]))


def works_due(
    dues: Sequence[Due], by_state: Mapping[int, ActivePattern], known: Mapping[str, SubscriberFacts]
) -> list[Touched]:
    works: dict[int, Touched] = {}
    for due in dues:
        active, facts = by_state.get(due.state), known.get(due.subscription)
        if active is not None and facts is not None:
            works.setdefault(due.state, Touched(active)).touch(facts, due.micros, LATEST_MICROS)
    return list(works.values())


def reach(work: Touched, bounds: tuple[int, int]) -> tuple[int, int]:
    """From when to when kept events matter for what came between `bounds`."""
    horizon = work.active.pattern.horizon
    return max(0, bounds[0] - horizon), min(LATEST_MICROS, bounds[1] + horizon)


def stretch(work: Touched) -> Stretch:
    subjects = list(work.subjects.values())
    bounds = {number: reach(work, work.bounds[facts.id]) for number, facts in enumerate(subjects)}
    return Stretch(work.active.state, subjects, bounds)


def bounds(kept: Kept) -> list[tuple[int, int, int]]:
    """Each subject with its first and last moment."""
    if not len(kept):
        return []
    order = np.argsort(kept.subjects, kind="stable")
    subjects, times = kept.subjects[order], kept.times[order]
    first = np.flatnonzero(np.diff(subjects, prepend=-1))
    lows, highs = np.minimum.reduceat(times, first), np.maximum.reduceat(times, first)
    return list(zip(subjects[first].tolist(), lows.tolist(), highs.tolist(), strict=True))


def by_class(active: ActivePattern, places: Sequence[PlaceEvent]) -> dict[int, list[PlaceEvent]]:
    """The place events that count as each of the pattern's."""
    found: dict[int, list[PlaceEvent]] = {}
    for number, each in enumerate(active.pattern.classes):
        if each.type.of_place:
            mine = [place for place in places if place.type == each.type.name]
            if each.where is not None and mine:
                holds = each.where.holds(EventScope(events_of(mine), (), Calendar()))
                mine = [place for place, counts in zip(mine, holds.tolist(), strict=True) if counts]
            found[number] = mine
    return found
