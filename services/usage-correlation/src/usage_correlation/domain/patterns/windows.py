"""Where does a window's measure reach its threshold?"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from usage_correlation.domain.patterns.columns import Bools, Doubles, Ints, Texts
from usage_correlation.domain.patterns.hits import Kept, Sums
from usage_correlation.domain.patterns.joins import Joined
from usage_correlation.domain.patterns.matches import Found, Looking, Match, evidence_of
from usage_correlation.domain.patterns.pattern import Function, Test, Window

Indices = NDArray[Any]
"""Any: of any integer type."""
_REDUCE: Final = {Function.SUM: np.add, Function.MIN: np.minimum, Function.MAX: np.maximum, Function.AVG: np.add}


def sliding(looking: Looking, window: Window, kept: Kept, joined: Joined) -> Found:
    """The windows that end with an event; `kept` in order."""
    found = Found()
    rows = np.flatnonzero((kept.classes == window.event) & joined.counts & ~np.isnan(kept.values))
    if not len(rows):
        return found
    groups = Texts.of(kept.groups[rows].tolist()).codes
    # By subject and group, then as they were: by time and reference.
    order = np.lexsort((np.arange(len(rows)), groups, kept.subjects[rows]))
    rows, groups = rows[order], groups[order]
    left, right = spans(_keys(kept.subjects[rows], groups), kept.times[rows], window.sliding)
    values = _measured(window, kept.values[rows], kept.digests[rows], left, right)
    counts = right - left
    for place in np.flatnonzero(passes(window, values, counts) | _not_yet(looking, kept.times[rows])).tolist():
        row = int(rows[place])
        subject, time = int(kept.subjects[row]), int(kept.times[row])
        if not looking.ready(subject, time, found) or not passes(window, values[[place]], counts[[place]])[0]:
            continue
        # What happened at the same moment is in the window, whichever of it is looked at; the last one decides.
        inside = rows[left[place] : right[place]]
        others: dict[str, str] = {}
        for each in inside.tolist():
            others |= joined.others.get(each, {})
        references = [str(kept.references[each]) for each in inside.tolist()]
        found.matches.append(
            Match(
                subject,
                str(kept.groups[row]),
                looking.bucket(subject, time, time),
                time,
                int(kept.arrivals[inside[-1]]),
                time - window.sliding + 1,
                time + 1,
                evidence_of(references, others),
                {"value": float(values[place]), "count": float(counts[place])},
                others,
            )
        )
    return found


def stepping(looking: Looking, window: Window, sums: Sums) -> Found:
    """The windows that end with a step, over sums by step; `sums` in order."""
    found = Found()
    if not len(sums) or window.every is None:
        return found
    groups = Texts.of(sums.groups.tolist()).codes
    left, right = spans(_keys(sums.subjects, groups), sums.starts, window.sliding)
    counts = _reduced(np.add, sums.counts.astype(np.float64), left, right)
    values = _stepped(window, sums, counts, left, right)
    for row in range(len(sums)):
        subject, start = int(sums.subjects[row]), int(sums.starts[row])
        end = start + window.every.micros
        if not looking.ready(subject, end if looking.pattern.settled else int(sums.latests[row]), found):
            continue
        if passes(window, values[[row]], counts[[row]])[0]:
            measured = {"value": float(values[row]), "count": float(counts[row])}
            found.matches.append(_of_sums(looking, window, sums, row, (end - window.sliding, end), measured))
    return found


def tumbling(looking: Looking, window: Window, sums: Sums) -> Found:
    """The periods, over sums by period."""
    found = Found()
    if not len(sums) or window.every is None:
        return found
    values, counts = sums.measured(window.measure.function), sums.counts.astype(np.float64)
    passed = passes(window, values, counts)
    for row in np.flatnonzero(passed | looking.pattern.settled).tolist():
        facts = looking.subjects[int(sums.subjects[row])]
        start, end = looking.calendar.bounds(window.every, int(sums.starts[row]), facts.zone, facts.bill_cycle_day)
        decided = end if looking.pattern.settled else int(sums.latests[row])
        if looking.ready(int(sums.subjects[row]), decided, found) and passed[row]:
            measured = {"value": float(values[row]), "count": float(counts[row])}
            found.matches.append(_of_sums(looking, window, sums, row, (start, end), measured))
    return found


def _of_sums(
    looking: Looking, window: Window, sums: Sums, row: int, stretch: tuple[int, int], measured: Mapping[str, float]
) -> Match:
    subject, start = int(sums.subjects[row]), int(sums.starts[row])

    def reached(value: float, count: int) -> bool:
        return bool(passes(window, np.array([value]), count)[0])

    return Match(
        subject,
        str(sums.groups[row]),
        looking.bucket(subject, start, start),
        int(sums.latests[row]),
        int(sums.arrivals[row]),
        *stretch,
        (),
        measured,
        reached=None if looking.pattern.settled else reached,
    )


def passes(window: Window, values: Doubles, counts: Any) -> Bools:
    """Which values pass the test; Any: ints or doubles."""
    threshold = window.threshold
    match window.test:
        case Test.AT_LEAST:
            found = values >= threshold
        case Test.ABOVE:
            found = values > threshold
        case Test.AT_MOST:
            found = values <= threshold
        case Test.BELOW:
            found = values < threshold
    result: Bools = found & (counts >= window.least_count)
    return result


def spans(keys: Ints, positions: Ints, length: int) -> tuple[Indices, Indices]:
    """For each row the first and the end of its key's rows in (position - length, position]; rows are in that order."""
    base = int(positions.min())
    width = int(positions.max()) - base + length + 1
    flat = keys * width + (positions - base)
    # Clipped to the key's own rows: a span before the first of them would reach into the key before.
    own = np.searchsorted(keys, keys, side="left")
    left = np.maximum(np.searchsorted(flat, flat - length, side="right"), own)
    return left, np.searchsorted(flat, flat, side="right")


def _keys(subjects: Ints, groups: NDArray[np.int32]) -> Ints:
    """Numbers from 0 that rise with subject and group."""
    new = np.ones(len(subjects), np.int64)
    new[1:] = (subjects[1:] != subjects[:-1]) | (groups[1:] != groups[:-1])
    found: Ints = np.cumsum(new) - 1
    return found


def _not_yet(looking: Looking, times: Ints) -> Bools:
    """Those that must be looked at though they may not pass: to be looked at again when they are settled."""
    return (times > looking.watermark) & looking.pattern.settled


def _measured(window: Window, values: Doubles, digests: Ints, left: Indices, right: Indices) -> Doubles:
    match window.measure.function:
        case Function.COUNT:
            return (right - left).astype(np.float64)
        case Function.DISTINCT:
            pairs = zip(left.tolist(), right.tolist(), strict=True)
            return np.array([len(set(digests[first:end].tolist())) for first, end in pairs], np.float64)
        case function:
            reduced = _reduced(_REDUCE[function], values, left, right)
            return reduced / (right - left) if function is Function.AVG else reduced


def _stepped(window: Window, sums: Sums, counts: Doubles, left: Indices, right: Indices) -> Doubles:
    match window.measure.function:
        case Function.COUNT:
            return counts
        case Function.AVG:
            return _reduced(np.add, sums.totals, left, right) / counts
        case function:
            return _reduced(_REDUCE[function], sums.measured(function), left, right)


def _reduced(reduce: np.ufunc, values: Doubles, left: Indices, right: Indices) -> Doubles:
    """Each span's values reduced by themselves, so that what lies around them changes no digit."""
    bounds = np.stack([left, right], axis=1).ravel()
    found: Doubles = reduce.reduceat(np.append(values, 0.0), bounds)[::2]
    return found
