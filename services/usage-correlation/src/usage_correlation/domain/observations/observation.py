"""What is one observation, and what do patterns see of it?"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Any

import numpy as np

from usage_correlation.domain.insights.perceived import perceived
from usage_correlation.domain.patterns.columns import Events, Texts, column_of
from usage_correlation.domain.patterns.event_types import EVENT_TYPES, LIST_SEPARATOR, Kind
from usage_correlation.domain.patterns.places import PlaceEvent

Content = Mapping[str, Any]
"""The fields of an event type; Any: texts, numbers, truth values, lists of texts, None for what was not measured."""
ObservationKey = tuple[str, str]
"""(source, observation id)."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Where and for how long something of a place is so."""

    start_micros: int
    end_micros: int | None
    """None while nobody knows."""
    cells: tuple[str, ...]
    areas: tuple[str, ...]
    key: str = ""
    """The source's own of an alert, the same in all its revisions; empty: the observation's."""
    revision: int = 0
    """The highest one holds."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One that keeps its own rules."""

    position: int
    """Where in the request it stood."""
    source: str
    id: str
    subscription: str
    """Empty for what concerns places."""
    kind: str
    """An event type."""
    micros: int
    content: Content
    spread: Spread | None = None
    """Of what concerns places alone."""

    @property
    def key(self) -> ObservationKey:
        """What identifies it."""
        return self.source, self.id

    @property
    def place_key(self) -> str:
        """What identifies the alert or the local event that is told of, among those of its source."""
        return self.spread.key or self.id if self.spread is not None else self.id

    def digest(self) -> int:
        """Of its content, without its key, 64 bits with a sign: the same if it is the same observation again."""
        spread = self.spread
        revised = [spread.key, spread.revision] if spread and (spread.key or spread.revision) else []
        told = [
            self.subscription,
            self.kind,
            self.micros,
            dict(self.content),
            [spread.start_micros, spread.end_micros, spread.cells, spread.areas, *revised] if spread else None,
        ]
        text = json.dumps(told, sort_keys=True, ensure_ascii=False)
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


class Reason(StrEnum):
    """Why one is refused; the names are those of cxmesh.usage.v1.ErrorReason without their prefix."""

    SUBSCRIPTION_NOT_FOUND = "SUBSCRIPTION_NOT_FOUND"
    INVALID_OBSERVATION = "INVALID_OBSERVATION"
    OBSERVATION_CONFLICT = "OBSERVATION_CONFLICT"
    OBSERVATION_IN_FUTURE = "OBSERVATION_IN_FUTURE"
    CONSENT_MISSING = "CONSENT_MISSING"


@dataclass(frozen=True, slots=True)
class Rejection:
    """One observation's outcome; it tells the value and what was expected, but no personal data."""

    reason: Reason
    field: str
    """Path in Observation."""
    description: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the observations of a call."""

    accepted: int
    duplicates: int
    rejections: dict[int, Rejection]
    """By position in the request."""


def events_of(observations: Sequence[Observation], arrive_micros: int) -> list[Events]:
    """Observations as patterns see them, by type; of alerts and local events when they begin."""
    by_kind: dict[str, list[Observation]] = {}
    for each in observations:
        by_kind.setdefault(each.kind, []).append(each)
    return [_columns(kind, some, arrive_micros) for kind, some in by_kind.items()]


def place_event(observation: Observation, arrive_micros: int) -> PlaceEvent:
    """What is known of an alert or a local event. Raises ValueError for anything else."""
    spread = observation.spread
    if spread is None:
        raise ValueError(f"an observation of {observation.kind} concerns no place")
    return PlaceEvent(
        observation.kind,
        observation.source,
        observation.place_key,
        spread.start_micros,
        spread.end_micros,
        arrive_micros,
        frozenset(spread.cells),
        frozenset(spread.areas),
        observation.content,
    )


def _columns(kind: str, some: Sequence[Observation], arrive_micros: int) -> Events:
    fields = EVENT_TYPES[kind].fields
    return Events(
        kind,
        Texts.of([each.subscription for each in some]),
        np.array([each.spread.start_micros if each.spread else each.micros for each in some], np.int64),
        np.full(len(some), arrive_micros, np.int64),
        Texts.of([each.source for each in some]),
        [each.place_key for each in some],
        perceived(
            kind,
            {
                name: column_of(field.kind, [as_column(each.content.get(name), field.kind) for each in some])
                for name, field in fields.items()
            },
        ),
    )


def as_column(value: Any, kind: Kind) -> Any:
    """A value as a column holds it: not measured is not a number, a list is one text. Any: see Content."""
    if kind is Kind.DOUBLE:
        return math.nan if value is None else value
    if kind is Kind.STRINGS:
        return LIST_SEPARATOR.join(value or ())
    return value
