"""Which events of a batch count for a pattern, and what is kept of them?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from usage_correlation.domain.patterns.calendar import Calendar
from usage_correlation.domain.patterns.columns import Doubles, Events, Ints, Texts
from usage_correlation.domain.patterns.event_types import LIST_SEPARATOR, fields_of
from usage_correlation.domain.patterns.pattern import ANY_GROUP, EventClass, Function, Pattern
from usage_correlation.domain.patterns.scope import EventScope, SubscriberFacts

Objects = NDArray[Any]
"""Texts, one a row; Any: numpy has no type for them."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Events that are kept for a pattern, by subject, time and reference."""

    subjects: Ints
    """For each event whose it is: a number into a list of subscribers."""
    times: Ints
    arrivals: Ints
    classes: Ints
    """Which of the pattern's events it is."""
    groups: Objects
    values: Doubles
    """What is measured; not a number when there is none."""
    digests: Ints
    """64 bits of what is distinct."""
    cells: Objects
    areas: Objects
    references: Objects

    def __len__(self) -> int:
        return len(self.times)

    def take(self, rows: NDArray[Any]) -> "Kept":
        """Some of them; Any: a mask or indices."""
        return Kept(*(getattr(self, name)[rows] for name in KEPT_COLUMNS))

    def in_order(self) -> "Kept":
        """By subject, time and reference: the order that decides, whatever the order of arrival."""
        return self.take(np.lexsort((self.references.astype(str), self.times, self.subjects)))


KEPT_COLUMNS: Final = (
    "subjects", "times", "arrivals", "classes", "groups", "values", "digests", "cells", "areas", "references",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sums:
    """What is kept of a pattern's events by period: sums over each subject, group and period."""

    subjects: Ints
    groups: Objects
    starts: Ints
    counts: Ints
    totals: Doubles
    lows: Doubles
    highs: Doubles
    firsts: Ints
    """When the first event was."""
    latests: Ints
    """When the latest event was."""
    arrivals: Ints
    """When that one arrived."""
    references: Objects
    """And what it is called."""

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, rows: NDArray[Any]) -> "Sums":
        """Some of them; Any: a mask or indices."""
        return Sums(*(getattr(self, name)[rows] for name in SUM_COLUMNS))

    def in_order(self) -> "Sums":
        """By subject, group and start."""
        return self.take(np.lexsort((self.starts, self.groups.astype(str), self.subjects)))

    def measured(self, function: Function) -> Doubles:
        """The measure of each period."""
        match function:
            case Function.COUNT:
                return self.counts.astype(np.float64)
            case Function.SUM:
                return self.totals
            case Function.AVG:
                return self.totals / self.counts
            case Function.MIN:
                return self.lows
            case Function.MAX:
                return self.highs
        raise TypeError(f"{function} is not kept by period")


SUM_COLUMNS: Final = (
    "subjects", "groups", "starts", "counts", "totals", "lows", "highs", "firsts", "latests", "arrivals", "references",
)  # fmt: skip


def rows_of(pattern: Pattern, each: EventClass, scope: EventScope) -> NDArray[np.intp]:
    """The rows of a batch that count as one of a pattern's events."""
    mask = np.ones(len(scope), np.bool_) if each.where is None else each.where.holds(scope)
    if pattern.subscribers is not None and not each.type.of_place and mask.any():
        mask = mask & pattern.subscribers.holds(scope)
    return np.flatnonzero(mask)


def kept_of(
    pattern: Pattern, number: int, scope: EventScope, rows: NDArray[np.intp], subject_of: Mapping[str, int]
) -> Kept:
    """What is kept of some rows; `subject_of`: the number of each subscription."""
    events = scope.events
    groups, grouped = _groups(pattern, pattern.classes[number], scope, rows)
    if not grouped.all():
        rows, groups = rows[grouped], groups[grouped]
    chosen, measure = events.take(rows), pattern.measured
    values, digests = np.ones(len(rows)), np.zeros(len(rows), np.int64)
    if number == measure[0] and measure[1].value is not None and len(rows):
        if measure[1].function is Function.DISTINCT:
            digests = measure[1].value.digests(scope)[rows]
        else:
            values = measure[1].value.numbers(scope)[rows]
    fields = fields_of(pattern.classes[number].type)
    subjects = np.array([subject_of[name] for name in events.subscriptions.values], np.int64)
    return Kept(
        subjects[chosen.subscriptions.codes],
        chosen.times,
        chosen.arrivals,
        np.full(len(rows), number, np.int64),
        groups,
        values,
        digests,
        _place(scope, "cell", rows) if "cell" in fields else _empty(len(rows)),
        _place(scope, "area", rows) if "area" in fields else _empty(len(rows)),
        objects([chosen.reference(row) for row in range(len(rows))]),
    )


def sums_of(kept: Kept, pattern: Pattern, subjects: Sequence[SubscriberFacts], calendar: Calendar) -> Sums:
    """Events added up by subject, group and period; those without a value are left out."""
    kept = kept.take(~np.isnan(kept.values))
    if not len(kept):
        return no_sums()
    starts = _starts(kept, pattern, subjects, calendar)
    group_codes = Texts.of(kept.groups.tolist()).codes
    order = np.lexsort((Texts.of(kept.references.tolist()).codes, kept.times, starts, group_codes, kept.subjects))
    subject, group, start = kept.subjects[order], group_codes[order], starts[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (subject[1:] != subject[:-1]) | (group[1:] != group[:-1]) | (start[1:] != start[:-1])
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(order)) - 1
    values = kept.values[order]
    return Sums(
        subject[first],
        kept.groups[order][first],
        start[first],
        (last - first + 1).astype(np.int64),
        np.add.reduceat(values, first),
        np.minimum.reduceat(values, first),
        np.maximum.reduceat(values, first),
        kept.times[order][first],
        kept.times[order][last],
        kept.arrivals[order][last],
        kept.references[order][last],
    )


def _starts(kept: Kept, pattern: Pattern, subjects: Sequence[SubscriberFacts], calendar: Calendar) -> Ints:
    """When the period of each event began."""
    zones = {(each.zone.key, each.bill_cycle_day): each.zone for each in subjects}
    number = {key: place for place, key in enumerate(zones)}
    zone_of = np.array([number[each.zone.key, each.bill_cycle_day] for each in subjects], np.int64)
    listed = [(zone, day) for (_, day), zone in zones.items()]
    return calendar.starts(pattern.period, kept.times, listed, zone_of[kept.subjects])


def no_sums() -> Sums:
    """None at all."""
    ints, doubles, texts = np.empty(0, np.int64), np.empty(0), _empty(0)
    return Sums(ints, texts, ints, ints, doubles, doubles, doubles, ints, ints, ints, texts)


def objects(values: Sequence[str]) -> Objects:
    """Texts as an array."""
    found = np.empty(len(values), object)
    found[:] = values
    return found


def joined_kept(parts: Sequence[Kept]) -> Kept:
    """Several as one."""
    return Kept(*(np.concatenate([getattr(part, name) for part in parts]) for name in KEPT_COLUMNS))


def joined_sums(parts: Sequence[Sums]) -> Sums:
    """Several as one."""
    return Sums(*(np.concatenate([getattr(part, name) for part in parts]) for name in SUM_COLUMNS))


def nothing_kept() -> Kept:
    """None at all."""
    ints, texts = np.empty(0, np.int64), _empty(0)
    return Kept(ints, ints, ints, ints, texts, np.empty(0), ints, texts, texts, texts)


def _empty(size: int) -> Objects:
    return np.full(size, "", object)


def _place(scope: EventScope, name: str, rows: NDArray[np.intp]) -> Objects:
    column = scope.column(name)
    return objects(column.take(rows).rows()) if isinstance(column, Texts) else _empty(len(rows))


def _groups(
    pattern: Pattern, each: EventClass, scope: EventScope, rows: NDArray[np.intp]
) -> tuple[Objects, NDArray[np.bool_]]:
    """Each row's group, and which rows have one: all fields of the group say something."""
    if not pattern.group_by:
        return _empty(len(rows)), np.ones(len(rows), np.bool_)
    fields = fields_of(each.type)
    if any(name not in fields for name in pattern.group_by):
        return np.full(len(rows), ANY_GROUP, object), np.ones(len(rows), np.bool_)
    columns = [_place(scope, name, rows) for name in pattern.group_by]
    grouped = np.ones(len(rows), np.bool_)
    for column in columns:
        grouped &= column != ""
    if len(columns) == 1:
        return columns[0], grouped
    return objects([LIST_SEPARATOR.join(row) for row in zip(*columns, strict=True)]), grouped


def subscriptions_of(events: Events) -> list[str]:
    """Whom events concern."""
    return [name for name in events.subscriptions.values if name]
