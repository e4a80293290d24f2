"""What is known of alerts and local events, which concern places?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from usage_correlation.domain.patterns.columns import Events, Texts, column_of
from usage_correlation.domain.patterns.event_types import EVENT_TYPES


@dataclass(frozen=True, slots=True)
class PlaceEvent:
    """A service alert or a local event."""

    type: str
    source: str
    id: str
    start: int
    end: int | None
    """None while nobody knows."""
    arrive: int
    cells: frozenset[str]
    areas: frozenset[str]
    content: Mapping[str, object]
    """The fields of its type."""

    @property
    def reference(self) -> str:
        """What evidence calls it."""
        return f"{self.source}/{self.id}"

    def overlaps(self, start: int, end: int) -> bool:
        """Whether it is on at any moment from `start` to `end`, both included."""
        return self.start <= end and (self.end is None or self.end > start)

    def covers(self, on: str, cell: str, area: str) -> bool:
        """Whether it concerns a place."""
        by_cell = on != "area" and cell != "" and cell in self.cells
        return by_cell or (on != "cell" and area != "" and area in self.areas)


def events_of(places: Sequence[PlaceEvent]) -> Events:
    """Place events of one type, as conditions see them."""
    kind = EVENT_TYPES[places[0].type]
    return Events(
        kind.name,
        Texts.same("", len(places)),
        np.array([each.start for each in places], np.int64),
        np.array([each.arrive for each in places], np.int64),
        Texts.of([each.source for each in places]),
        [each.id for each in places],
        {name: column_of(field.kind, [each.content[name] for each in places]) for name, field in kind.fields.items()},
    )
