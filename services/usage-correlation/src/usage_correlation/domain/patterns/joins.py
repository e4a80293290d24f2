"""Which events count because, or though, another is near?"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from usage_correlation.domain.patterns.columns import Bools
from usage_correlation.domain.patterns.hits import Kept
from usage_correlation.domain.patterns.pattern import Join, Pattern
from usage_correlation.domain.patterns.places import PlaceEvent


@dataclass(frozen=True, slots=True)
class Joined:
    """What joins make of events."""

    counts: Bools
    """Which events count."""
    others: Mapping[int, Mapping[str, str]]
    """By row, what it was joined with: references, by `<event>.id`."""


def joined(pattern: Pattern, kept: Kept, places: Mapping[int, Sequence[PlaceEvent]]) -> Joined:
    """Apply a pattern's joins to events in order; `places` by the class that they are of, by start and reference."""
    counts = np.ones(len(kept), np.bool_)
    others: dict[int, dict[str, str]] = {}
    for join in pattern.joins:
        name = f"{pattern.classes[join.other].name}.id"
        near = _Near(kept, join, places.get(join.other))
        for row in np.flatnonzero(kept.classes == join.event).tolist():
            found = near.to(row)
            counts[row] &= (found is None) == join.absent
            if found is not None and not join.absent:
                others.setdefault(row, {})[name] = found
    return Joined(counts, others)


class _Near:
    """Finds what is near an event."""

    def __init__(self, kept: Kept, join: Join, places: Sequence[PlaceEvent] | None) -> None:
        self._kept = kept
        self._join = join
        self._places = places
        self._rows: dict[int, list[int]] = {}
        if places is None:
            for row in np.flatnonzero(kept.classes == join.other).tolist():
                self._rows.setdefault(int(kept.subjects[row]), []).append(row)

    def to(self, row: int) -> str | None:
        """The reference of the first that is near; None when there is none."""
        time = int(self._kept.times[row])
        start, end = time - self._join.before, time + self._join.after
        if self._places is not None:
            cell, area = str(self._kept.cells[row]), str(self._kept.areas[row])
            near = (
                each.reference
                for each in self._places
                if each.overlaps(start, end) and each.covers(self._join.on, cell, area)
            )
            return next(near, None)
        rows = self._rows.get(int(self._kept.subjects[row]), [])
        first = bisect_left(rows, start, key=lambda each: int(self._kept.times[each]))
        for other in rows[first:]:
            if self._kept.times[other] > end:
                break
            if other != row and self._same_place(row, other):
                return str(self._kept.references[other])
        return None

    def _same_place(self, row: int, other: int) -> bool:
        kept, on = self._kept, self._join.on
        if not on:
            return True
        same_cell = kept.cells[row] != "" and kept.cells[row] == kept.cells[other]
        same_area = kept.areas[row] != "" and kept.areas[row] == kept.areas[other]
        return bool((on != "area" and same_cell) or (on != "cell" and same_area))
