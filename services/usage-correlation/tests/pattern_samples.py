"""Patterns, events and a small world in memory that the tests of patterns share."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.domain.patterns.calendar import Calendar
from usage_correlation.domain.patterns.columns import Events, Texts, column_of, joined
from usage_correlation.domain.patterns.document import PatternReader
from usage_correlation.domain.patterns.event_types import EVENT_TYPES, Kind
from usage_correlation.domain.patterns.pattern import Pattern
from usage_correlation.domain.patterns.places import PlaceEvent
from usage_correlation.domain.patterns.places import events_of as place_rows
from usage_correlation.domain.patterns.scope import SubscriberFacts
from usage_correlation.domain.shards import shard_of
from usage_correlation.domain.signals import PatternMatched, Signal
from usage_correlation.domain.subscribers import PlanPeriod
from usage_correlation.handlers.patterns.correlator import Correlator
from usage_correlation.handlers.patterns.ports import ActivePattern
from usage_correlation.handlers.patterns.raising import signals_of
from usage_correlation.handlers.patterns.recollection import Recollection

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""A Monday."""
ZONE = "Europe/Vienna"
_EMPTY: Mapping[Kind, Any] = {
    Kind.STRING: "",
    Kind.STRINGS: "",
    Kind.INT: 0,
    Kind.DOUBLE: float("nan"),
    Kind.BOOL: False,
}
READER = PatternReader()

DROPS = """
format: cxmesh-pattern/1
name: Three dropped calls in one cell
events:
  drop: {type: call_failure, where: kind == "dropped"}
group_by: [cell]
window: {event: drop, sliding: 30m, measure: count, at_least: 3}
raises: {kind: REPEATED_DROPS, severity: warning, labels: {cell: cell}, measures: {drops: value}}
"""
DROPS_THEN_CARE = """
format: cxmesh-pattern/1
name: Three dropped calls in one cell within 30 minutes, then a call to care
events:
  drop: {type: call_failure, where: kind == "dropped"}
  care: {type: touch_point, where: channel == "call"}
group_by: [cell]
sequence:
  within: 3h
  steps:
    - {event: drop, count: 3, within: 30m}
    - {event: care, after: 2h}
raises: {kind: REPEATED_DROPS, labels: {cell: cell}, measures: {drops: count_drop}}
"""


def pattern(text: str) -> Pattern:
    return READER.read(text)


@dataclass(frozen=True)
class Event:
    """One event, as tests write it."""

    type: str
    subscription: str
    time: datetime
    id: str
    fields: dict[str, Any] = field(default_factory=dict)
    source: str = "probe"
    arrival: datetime | None = None


def events_of(events: Iterable[Event]) -> list[Events]:
    """In columns, by type, in the order given."""
    by_type: dict[str, list[Event]] = {}
    for event in events:
        by_type.setdefault(event.type, []).append(event)
    return [_columns(kind, some) for kind, some in by_type.items()]


def _columns(kind: str, events: Sequence[Event]) -> Events:
    def rows(name: str, of: Kind) -> list[Any]:
        return [event.fields.get(name, _EMPTY[of]) for event in events]

    return Events(
        kind,
        Texts.of([event.subscription for event in events]),
        np.array([to_micros(event.time) for event in events], np.int64),
        np.array([to_micros(event.arrival or event.time) for event in events], np.int64),
        Texts.of([event.source for event in events]),
        [event.id for event in events],
        {name: column_of(each.kind, rows(name, each.kind)) for name, each in EVENT_TYPES[kind].fields.items()},
    )


def facts(name: str, **changes: Any) -> SubscriberFacts:
    values: dict[str, Any] = {
        "id": name,
        "key": int(name.rpartition("-")[2]),
        "shard": shard_of(name),
        "customer": f"c-{name}",
        "zone": ZoneInfo(ZONE),
        "bill_cycle_day": 1,
        "plan_periods": (PlanPeriod("standard", to_micros(datetime(2020, 1, 1, tzinfo=UTC)), None),),
        "activate_micros": to_micros(datetime(2020, 1, 1, tzinfo=UTC)),
        "places": True,
    }
    return SubscriberFacts(**(values | changes))


class World:
    """Subscribers, history and one or more patterns; events go in, signals come out."""

    def __init__(self, *patterns: Pattern, people: Iterable[SubscriberFacts] = ()) -> None:
        self.known = {each.id: each for each in people}
        self.actives = [ActivePattern(f"p{number}", 1, number, each) for number, each in enumerate(patterns)]
        self.stored: list[Events] = []
        self.alerts: list[PlaceEvent] = []
        self.memory = Recollection()
        self.clock = 0
        self.latest: dict[str, int] = {}
        """Of each source."""
        self.late: dict[str, int] = {}
        self.calendar = Calendar()
        self.correlator = Correlator(self, self, self.calendar)

    async def of(self, subscriptions: Collection[str], *, customers: bool) -> Mapping[str, SubscriberFacts]:
        return {each: self.known.setdefault(each, facts(each)) for each in subscriptions if each != "unknown"}

    async def events(self, subjects: Sequence[SubscriberFacts], kind: str, start: int, end: int) -> Events:
        found = joined([each for each in self.stored if each.type == kind] or [_columns(kind, [])])
        wanted = {each.id for each in subjects}
        rows = [
            row for row in range(len(found)) if found.subscriptions[row] in wanted and start <= found.times[row] <= end
        ]
        chosen = found.take(np.array(rows, np.int64))
        # Only those who occur: what the store gives too.
        return Events(
            kind,
            Texts.of(chosen.subscriptions.rows()),
            chosen.times,
            chosen.arrivals,
            chosen.sources,
            chosen.ids,
            chosen.fields,
        )

    async def places(self, kinds: Collection[str], start: int, end: int) -> Sequence[PlaceEvent]:
        found = [each for each in self.alerts if each.type in kinds and each.overlaps(start, end)]
        return sorted(found, key=lambda each: (each.start, each.reference))

    async def subscriptions_after(self, after: str, size: int) -> Sequence[str]:
        return [each for each in sorted(self.known) if each > after][:size]

    async def subscriptions(self, only: Sequence[str]) -> AsyncIterator[Sequence[str]]:
        yield sorted(only or self.known)

    async def arrive(self, *events: Event, now: datetime | None = None) -> list[Signal]:
        """Events arrive together; the clock moves on to the latest of them, or to `now`."""
        batches = events_of(events)
        self.stored += batches
        moments = [int(each.times.max()) for each in batches] + ([to_micros(now)] if now else [])
        before = dict(self.latest)
        for event in events:
            self.latest[event.source] = max(to_micros(event.time), self.latest.get(event.source, 0))
        self.clock = max(self.clock, *moments)
        return await self._take(batches, before)

    async def alert(self, *alerts: PlaceEvent) -> list[Signal]:
        """Alerts are announced."""
        self.alerts += alerts
        return await self._take([place_rows([each]) for each in alerts])

    async def wait(self, time: timedelta) -> list[Signal]:
        """Nothing comes, for so long."""
        self.clock += time // timedelta(microseconds=1)
        return await self._take([])

    async def _take(self, batches: Sequence[Events], before: Mapping[str, int] | None = None) -> list[Signal]:
        outcome = await self.correlator.take(self.memory, self.actives, batches, self.clock, before=before or {})
        for name, count in outcome.late.items():
            self.late[name] = self.late.get(name, 0) + count
        signals = await signals_of(outcome.hits, self.memory, self, self.calendar, from_micros(self.clock))
        self.memory.raised |= {each.id for each in signals}
        return signals


def drop(name: str, at: float, cell: str = "c1", *, number: str | None = None, kind: str = "dropped") -> Event:
    """A dropped call, so many minutes after noon."""
    return Event(
        "call_failure",
        name,
        NOON + timedelta(minutes=at),
        number or f"d{at}",
        {"kind": kind, "cell": cell, "service": "voice"},
    )


def care(name: str, at: float, channel: str = "call", reason: str = "care.call") -> Event:
    return Event(
        "touch_point", name, NOON + timedelta(minutes=at), f"t{at}", {"channel": channel, "reason": reason}, "profile"
    )


def usage(name: str, time: datetime, quantity: int = 1, kind: str = "data", **fields: Any) -> Event:
    ident = f"u{to_micros(time)}"
    return Event("usage", name, time, ident, {"usage_type": kind, "quantity": quantity, **fields}, "msc")


def alert(start: float, end: float | None, *cells: str, service: str = "mobile", name: str = "a-1") -> PlaceEvent:
    """A service alert, from so many minutes after noon."""
    return PlaceEvent(
        "service_alert",
        "noc",
        name,
        to_micros(NOON + timedelta(minutes=start)),
        None if end is None else to_micros(NOON + timedelta(minutes=end)),
        to_micros(NOON),
        frozenset(cells),
        frozenset(),
        {"service": service, "severity": "major"},
    )


def detail(signal: Signal) -> PatternMatched:
    assert isinstance(signal.detail, PatternMatched)
    return signal.detail
