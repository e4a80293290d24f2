"""Which signals are the matches that were found, and which records made them?"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from usage_correlation.domain.patterns.calendar import Calendar
from usage_correlation.domain.patterns.hits import kept_of, rows_of
from usage_correlation.domain.patterns.matches import match_id, signal_of
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
    start, end = min(hit.match.start for hit in hits), max(hit.match.event_time for hit in hits)
    events = await history.events(subjects, each.type.name, start, end)
    by_id = {facts.id: facts for facts in subjects}
    scope = EventScope(events, [by_id[name] for name in events.subscriptions.values], calendar)
    numbers = {name: place for place, name in enumerate(events.subscriptions.values)}
    kept = kept_of(pattern, number, scope, rows_of(pattern, each, scope), numbers).in_order()
    told = []
    for hit in hits:
        mine = (
            (kept.subjects == numbers.get(hit.facts.id, -1))
            & (kept.groups == hit.match.group)
            & (kept.times >= hit.match.start)
            & (kept.times <= hit.match.event_time)
            & ~np.isnan(kept.values)
        )
        references = tuple(str(reference) for reference in kept.references[np.flatnonzero(mine)[-MAX_EVIDENCE:]])
        told.append(replace(hit, match=replace(hit.match, evidence=references)))
    return told
