"""Where has a subscriber fallen silent, or changed against the own baseline?"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from usage_correlation.domain.patterns.hits import Sums
from usage_correlation.domain.patterns.matches import Found, Looking, Match
from usage_correlation.domain.patterns.pattern import DAY, HOUR, Absence, Change


def absences(looking: Looking, absence: Absence, sums: Sums) -> Found:
    """Those that were silent for long enough, or are still; `sums` by day, in order.

    A silence of a day or more never lies within one day's sums: it is between the latest event of one and the first of
    the next.
    """
    found = Found()
    for rows in _each_group(sums):
        nexts = [*sums.firsts[rows[1:]].tolist(), None]
        for place, following in enumerate(nexts):
            row = int(rows[place])
            subject, latest = int(sums.subjects[row]), int(sums.latests[row])
            decided = latest + absence.silent
            if (following is not None and following <= decided) or not looking.ready(subject, decided, found):
                continue
            first = int(sums.starts[row]) - (absence.days - 1) * DAY - HOUR
            days = rows[: place + 1]
            normal = np.count_nonzero((sums.starts[days] >= first) & (sums.counts[days] >= absence.least_events))
            if normal >= absence.least_days:
                found.matches.append(_silence(looking, absence, sums, row, float(normal)))
    return found


def _silence(looking: Looking, absence: Absence, sums: Sums, row: int, normal: float) -> Match:
    subject, latest = int(sums.subjects[row]), int(sums.latests[row])
    decided = latest + absence.silent
    return Match(
        subject,
        str(sums.groups[row]),
        looking.bucket(subject, decided, latest),
        decided,
        0,
        latest,
        decided,
        (str(sums.references[row]),),
        {"silent_days": absence.silent / DAY, "normal_days": normal},
    )


def changes(looking: Looking, change: Change, sums: Sums) -> Found:
    """The periods that differ from those before; `sums` by period, in order."""
    found = Found()
    for rows in _each_group(sums):
        _Rhythm(looking, change, sums, rows).look(found)
    return found


class _Rhythm:
    """One subject's periods of one group."""

    def __init__(self, looking: Looking, change: Change, sums: Sums, rows: NDArray[Any]) -> None:
        """Any: indices."""
        self._looking = looking
        self._change = change
        self._sums = sums
        self._rows = rows
        self._subject = int(sums.subjects[rows[0]])
        self._facts = looking.subjects[self._subject]
        values = sums.measured(change.measure.function)[rows]
        self._values: dict[int, float] = dict(zip(sums.starts[rows].tolist(), values.tolist(), strict=True))
        self._row_of: dict[int, int] = dict(zip(sums.starts[rows].tolist(), rows.tolist(), strict=True))

    def look(self, found: Found) -> None:
        """Compare every period that may be told now."""
        if self._change.upward:
            for start in self._values:
                self._compare(start, found)
            return
        # Of less, silence is the most: periods without any event count too, as long as there is a baseline.
        start = next(iter(self._values))
        last = next(reversed(self._values))
        for _ in range(2 * self._change.periods * 7 + len(self._values) + 2):
            end = self._end(start)
            if end >= self._looking.since[self._subject]:
                self._compare(start, found)
                if end > self._looking.watermark:
                    break
            if start > last and not any(self._baseline(start)):
                break
            start = end

    def _compare(self, start: int, found: Found) -> None:
        row = self._row_of.get(start)
        decided = self._end(start) if self._looking.pattern.settled or row is None else int(self._sums.latests[row])
        if not self._looking.ready(self._subject, decided, found):
            return
        baseline = self._baseline(start)
        if len(baseline) < self._change.least_periods:
            return
        value, mean, sigma = self._values.get(start, 0.0), float(np.mean(baseline)), float(np.std(baseline, ddof=1))
        if not self._differs(value, mean, sigma):
            return
        latest = decided if row is None else int(self._sums.latests[row])

        def reached(value: float, _count: int) -> bool:
            return self._differs(value, mean, sigma)

        found.matches.append(
            Match(
                self._subject,
                str(self._sums.groups[self._rows[0]]),
                self._looking.bucket(self._subject, start, start),
                latest,
                0 if row is None else int(self._sums.arrivals[row]),
                start,
                self._end(start),
                (),
                {"value": value, "mean": mean, "sigma": sigma, "periods": float(len(baseline))},
                reached=None if self._looking.pattern.settled else reached,
            )
        )

    def _differs(self, value: float, mean: float, sigma: float) -> bool:
        change = self._change
        away = value - mean if change.upward else mean - value
        if away <= 0 or away < change.least:
            return False
        if change.sigmas is not None and away <= change.sigmas * sigma:
            return False
        if change.ratio is None:
            return True
        return value >= change.ratio * mean if change.upward else value <= change.ratio * mean

    def _baseline(self, start: int) -> list[float]:
        """The values of the comparable periods before; the first that was seen may be a part, and is left out."""
        first = next(iter(self._values))
        latest_end = start - self._looking.pattern.lateness
        periods = self._looking.calendar.earlier(
            self._change.every, start, self._facts.zone, self._change.periods, same_weekday=self._change.same_weekday
        )
        return [self._values.get(begin, 0.0) for begin, end in periods if end <= latest_end and begin > first]

    def _end(self, start: int) -> int:
        return self._looking.calendar.bounds(self._change.every, start, self._facts.zone, 1)[1]


def _each_group(sums: Sums) -> Iterator[NDArray[Any]]:
    """The rows of each subject and group; Any: indices."""
    if not len(sums):
        return
    new = np.ones(len(sums), np.bool_)
    new[1:] = (sums.subjects[1:] != sums.subjects[:-1]) | (sums.groups[1:] != sums.groups[:-1])
    yield from np.split(np.arange(len(sums)), np.flatnonzero(new)[1:])
