"""What does a condition see of events and of whom they concern?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from usage_correlation.domain.patterns.calendar import Calendar, weekdays
from usage_correlation.domain.patterns.columns import Column, Events, Texts
from usage_correlation.domain.patterns.event_types import EVENT_TYPES
from usage_correlation.domain.patterns.pattern import DAY, HOUR
from usage_correlation.domain.subscribers import PlanPeriod

_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class SubscriberFacts:
    """What patterns know of a subscriber."""

    id: str
    key: int
    """Its short name in the store."""
    shard: int
    customer: str
    zone: ZoneInfo
    bill_cycle_day: int
    plan_periods: tuple[PlanPeriod, ...]
    activate_micros: int
    region: str = ""
    life_cycle: str = ""
    places: bool = False
    """Whether the customer has consented to the use of location."""


class EventScope:
    """Events of one type, with their subscribers."""

    def __init__(self, events: Events, facts: Sequence[SubscriberFacts], calendar: Calendar) -> None:
        """`facts`: of each of `events.subscriptions.values`; of no matter for events of places."""
        self.events = events
        self.facts = facts
        self._calendar = calendar
        self._columns: dict[str, Column] = {}
        self._made: Mapping[str, Column] = {}

    def __len__(self) -> int:
        return len(self.events)

    def column(self, name: str) -> Column:
        """A variable's values, one a row."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self._make(name)
        return found

    def _make(self, name: str) -> Column:
        events = self.events
        field = EVENT_TYPES[events.type].fields.get(name)
        if field is not None:
            column = events.fields[name]
            return self._with_consent(column) if field.place and isinstance(column, Texts) else column
        if name == "source":
            return events.sources
        if name in ("local_hour", "local_weekday"):
            local = self._local()
            return local % DAY // HOUR if name == "local_hour" else weekdays(local)
        return self._fact(name.removeprefix("subscriber."))

    def _with_consent(self, column: Texts) -> Texts:
        """Places of those who consent; the others' are empty."""
        if all(each.places for each in self.facts):
            return column
        allowed = np.array([each.places for each in self.facts], np.bool_)[self.events.subscriptions.codes]
        values = ["", *column.values]
        return Texts(np.where(allowed, column.codes + 1, 0).astype(np.int32), values)

    def _local(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        zones = {each.zone.key: each.zone for each in self.facts}
        number = {key: place for place, key in enumerate(zones)}
        zone_of = np.array([number[each.zone.key] for each in self.facts], np.int64)
        return self._calendar.local(self.events.times, list(zones.values()), zone_of[self.events.subscriptions.codes])

    def _fact(self, name: str) -> Column:
        codes, facts = self.events.subscriptions.codes, self.facts
        match name:
            case "plan":
                return self._plans()
            case "bill_cycle_day":
                return np.array([each.bill_cycle_day for each in facts], np.int64)[codes]
            case "tenure_days":
                activated = np.array([each.activate_micros for each in facts], np.int64)
                return (self.events.times - activated[codes]) // DAY
            case "time_zone":
                return _texts([each.zone.key for each in facts], codes)
            case "region" | "life_cycle":
                return _texts([getattr(each, name) for each in facts], codes)
        raise KeyError(f"subscriber.{name}")

    def _plans(self) -> Texts:
        """The plan in force at each event; empty when there was none."""
        facts, codes = self.facts, self.events.subscriptions.codes
        if all(len(each.plan_periods) == 1 and each.plan_periods[0].end_micros is None for each in facts):
            return _texts([each.plan_periods[0].plan for each in facts], codes)
        rows = zip(codes.tolist(), self.events.times.tolist(), strict=True)
        return Texts.of([plan_at(facts[code], time) for code, time in rows])


def plan_at(facts: SubscriberFacts, micros: int) -> str:
    """The plan in force; empty when there was none."""
    for period in facts.plan_periods:
        if micros >= period.start_micros and (period.end_micros is None or micros < period.end_micros):
            return period.plan
    return ""


def facts_at(facts: SubscriberFacts, micros: int) -> dict[str, object]:
    """All that expressions may name of a subscriber, at a moment."""
    return {
        "subscriber.plan": plan_at(facts, micros),
        "subscriber.time_zone": facts.zone.key,
        "subscriber.bill_cycle_day": facts.bill_cycle_day,
        "subscriber.tenure_days": (micros - facts.activate_micros) // DAY,
        "subscriber.region": facts.region,
        "subscriber.life_cycle": facts.life_cycle,
    }


def _texts(values: list[str], codes: np.ndarray[tuple[int], np.dtype[np.int32]]) -> Texts:
    return Texts(codes, values)
