"""Which signals are the matches that were found, and which records made them?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import numpy as np

from usage_correlation.domain.patterns.calendar import Calendar
from usage_correlation.domain.patterns.hits import Kept, kept_of, rows_of
from usage_correlation.domain.patterns.matches import Match, match_id, signal_of
from usage_correlation.domain.patterns.pattern import Function
from usage_correlation.domain.patterns.scope import EventScope
from usage_correlation.domain.signals import MAX_EVIDENCE, Signal
from usage_correlation.handlers.patterns.correlator import Hit
from usage_correlation.handlers.patterns.ports import ActivePattern, History, Memory


async def signals_of(
    hits: Sequence[Hit], memory: Memory, history: History, calendar: Calendar, now: datetime
) -> list[Signal]:
    """The signals that were not raised before, with their evidence; by event time."""
    by_id = {_id(hit): hit for hit in sorted(hits, key=lambda each: -each.match.event_time)}
    known: Collection[str] = await memory.known(list(by_id)) if by_id else ()
    new = [hit for each, hit in by_id.items() if each not in known]
    told = await _with_evidence(new, history, calendar)
    signals = [
        signal_of(hit.active.id, hit.active.revision, hit.active.pattern, hit.facts, hit.match, now) for hit in told
    ]
    return sorted(signals, key=lambda each: (each.event_time, each.id))


def _id(hit: Hit) -> str:
    return match_id(hit.active.id, hit.active.pattern, hit.facts.id, hit.match)


async def _with_evidence(hits: Sequence[Hit], history: History, calendar: Calendar) -> list[Hit]:
    """Where only sums were kept, what made them is looked up."""
    complete = [hit for hit in hits if hit.match.evidence]
    by_pattern: dict[str, list[Hit]] = {}
    for hit in hits:
        if not hit.match.evidence:
            by_pattern.setdefault(hit.active.id, []).append(hit)
    for some in by_pattern.values():
        complete += await _looked_up(some[0].active, some, history, calendar)
    return complete


async def _looked_up(active: ActivePattern, hits: Sequence[Hit], history: History, calendar: Calendar) -> list[Hit]:
    pattern = active.pattern
    number = pattern.measured[0]
    each = pattern.classes[number]
    subjects = list({hit.facts.id: hit.facts for hit in hits}.values())
    start, end = min(hit.match.start for hit in hits), max(_end(hit.match) for hit in hits)
    events = await history.events(subjects, each.type.name, start, end)
    by_id = {facts.id: facts for facts in subjects}
    scope = EventScope(events, [by_id[name] for name in events.subscriptions.values], calendar)
    numbers = {name: place for place, name in enumerate(events.subscriptions.values)}
    kept = kept_of(pattern, number, scope, rows_of(pattern, each, scope), numbers)
    kept = kept.take(~np.isnan(kept.values)).in_order()
    return [replace(hit, match=_complete(hit, kept, numbers.get(hit.facts.id, -1))) for hit in hits]


def _end(match: Match) -> int:
    """The last moment that may have to do with it."""
    return match.event_time if match.reached is None else max(match.event_time, match.end - 1)


def _complete(hit: Hit, kept: Kept, subject: int) -> Match:
    """A match with the events that made it, up to the first with which there was enough of them."""
    match, function = hit.match, hit.active.pattern.measured[1].function
    mine = (kept.subjects == subject) & (kept.groups == hit.match.group)
    rows = np.flatnonzero(mine & (kept.times >= match.start) & (kept.times <= _end(match)))
    if match.reached is not None and function in _SO_FAR:
        values = _SO_FAR[function].accumulate(kept.values[rows]).tolist()
        decided = next((place for place, value in enumerate(values) if match.reached(value, place + 1)), None)
        if decided is not None:
            row = rows[decided]
            rows = rows[: decided + 1]
            measured = {**match.measured, "value": values[decided]}
            if "count" in measured:
                measured["count"] = float(decided + 1)
            match = replace(
                match, event_time=int(kept.times[row]), arrive_time=int(kept.arrivals[row]), measured=measured
            )
    return replace(match, evidence=tuple(str(each) for each in kept.references[rows[-MAX_EVIDENCE:]]))


_SO_FAR: Final[Mapping[Function, np.ufunc]] = {
    Function.COUNT: np.add,  # of ones
    Function.SUM: np.add,
    Function.MAX: np.maximum,
    Function.MIN: np.minimum,
}
