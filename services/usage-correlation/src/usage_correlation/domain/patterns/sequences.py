"""Where have the steps of a sequence come one after the other?"""

from collections.abc import Sequence as Listed
from dataclasses import dataclass

import numpy as np

from usage_correlation.domain.patterns.hits import Kept
from usage_correlation.domain.patterns.joins import Joined
from usage_correlation.domain.patterns.matches import Found, Looking, Match, evidence_of
from usage_correlation.domain.patterns.pattern import ANY_GROUP, Sequence, Step


@dataclass(frozen=True, slots=True)
class _Reached:
    """A step is complete."""

    place: int
    """With which event, in the order of the subject's."""
    time: int
    start: int
    """When the first event of the first step was."""
    rows: tuple[int, ...]
    """The events of all steps so far."""


def sequences(looking: Looking, sequence: Sequence, kept: Kept, joined: Joined) -> Found:
    """The sequences that are complete; `kept` in order."""
    found = Found()
    counted = np.flatnonzero(joined.counts & ~np.isnan(kept.values))
    bounds = np.flatnonzero(np.diff(kept.subjects[counted], prepend=-1, append=-1))
    for first, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        rows = counted[first:end]
        groups = kept.groups[rows]
        for group in sorted(set(groups.tolist()) - {ANY_GROUP}):
            own = rows[(groups == group) | (groups == ANY_GROUP)].tolist()
            _Subject(looking, sequence, kept, joined, own, found).look(group)
    return found


class _Subject:
    """One subject's events of one group, in order."""

    def __init__(
        self, looking: Looking, sequence: Sequence, kept: Kept, joined: Joined, rows: Listed[int], found: Found
    ) -> None:
        self._looking = looking
        self._sequence = sequence
        self._kept = kept
        self._joined = joined
        self._rows = rows
        self._times: list[int] = kept.times[rows].tolist()
        self._classes: list[int] = kept.classes[rows].tolist()
        self._found = found

    def look(self, group: str) -> None:
        """Find what is complete."""
        steps = self._sequence.steps
        reached = self._first(steps[0])
        absent: Step | None = None
        for step in steps[1:]:
            if step.absent:
                absent = step
                continue
            reached = self._next(step, absent, reached)
            absent = None
        for each in reached:
            self._complete(group, each, absent)

    def _first(self, step: Step) -> list[_Reached]:
        places = self._places(step.event)
        found = []
        for last in range(step.count - 1, len(places)):
            chosen = places[last - step.count + 1 : last + 1]
            if self._fits(step, chosen):
                rows = tuple(self._rows[place] for place in chosen)
                found.append(_Reached(chosen[-1], self._times[chosen[-1]], self._times[chosen[0]], rows))
        return found

    def _next(self, step: Step, absent: Step | None, before: Listed[_Reached]) -> list[_Reached]:
        """A step after those `before`; of several that lead to it, the one that began last leaves most time."""
        places = self._places(step.event)
        unwanted = self._places(absent.event) if absent is not None else []
        found = []
        for last in range(step.count - 1, len(places)):
            chosen = places[last - step.count + 1 : last + 1]
            time = self._times[chosen[-1]]
            leading = [
                each
                for each in before
                if each.place < chosen[0]
                and time - each.start <= self._sequence.within
                and (not step.after or time - each.time <= step.after)
                and not any(each.place < place < chosen[0] for place in unwanted)
            ]
            if leading and self._fits(step, chosen):
                best = max(leading, key=lambda each: (each.start, each.place))
                rows = (*best.rows, *(self._rows[place] for place in chosen))
                found.append(_Reached(chosen[-1], time, best.start, rows))
        return found

    def _complete(self, group: str, reached: _Reached, absent: Step | None) -> None:
        subject, decided, arrived = int(self._kept.subjects[self._rows[0]]), reached.time, 0
        others = self._others(reached)
        if absent is not None:
            decided += absent.after
            unwanted = [place for place in self._places(absent.event) if place > reached.place]
            if any(self._times[place] <= decided for place in unwanted):
                return
        else:
            arrived = int(self._kept.arrivals[reached.rows[-1]])
        if not self._looking.ready(subject, decided, self._found):
            return
        self._found.matches.append(
            Match(
                subject,
                group,
                self._looking.bucket(subject, decided, decided),
                decided,
                arrived,
                reached.start,
                decided + 1,
                evidence_of([str(self._kept.references[row]) for row in reached.rows], others),
                self._measured(reached),
                others,
            )
        )

    def _measured(self, reached: _Reached) -> dict[str, float]:
        names = [f"count_{each.name}" for each in self._looking.pattern.classes]
        measured = {names[step.event]: 0.0 for step in self._sequence.steps if not step.absent}
        for row in reached.rows:
            measured[names[int(self._kept.classes[row])]] += 1
        return {"count": float(len(reached.rows)), **measured}

    def _others(self, reached: _Reached) -> dict[str, str]:
        others: dict[str, str] = {}
        for row in reached.rows:
            others |= self._joined.others.get(row, {})
        return others

    def _places(self, event: int) -> list[int]:
        return [place for place, each in enumerate(self._classes) if each == event]

    def _fits(self, step: Step, chosen: Listed[int]) -> bool:
        """Whether a step's events lie close enough together."""
        spread = self._times[chosen[-1]] - self._times[chosen[0]]
        return spread <= (step.within or self._sequence.within)
