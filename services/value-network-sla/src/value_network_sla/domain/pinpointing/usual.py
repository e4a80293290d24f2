"""What is usual for a kind of call at an hour of the week, though some of the hours that tell it were bad ones?

Each hour of sessions leaves one row a kind of call. What is usual at an hour of the week is the median of the rows of
the same hour of the weeks before, so that an incident, however bad, is one row among others. Where fewer rows are there
than it takes to outvote an incident, rows of the same hour of other days count, then those of all hours.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from apportioning.rounding import MILLION
from value_network_sla.domain.pinpointing.calls import Calls, Edge
from value_network_sla.domain.pinpointing.window import LATE, Usual

_FEWEST_ROWS: Final = 3
"""One bad hour among three is outvoted."""
_FEWEST_CALLS: Final = 20
"""From fewer an hour's p95 is its worst call."""
PAST: Final = timedelta(days=35)
"""Five weeks: five rows of each hour of the week."""
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class HourOfCalls:
    """One kind of call in one hour."""

    edge: Edge
    hour: datetime
    """Its start, UTC."""
    calls: int
    own_p95_ns: int
    late_ns: int
    """Beyond the p95, a call on average."""
    gap_p50_ns: int
    gap_p75_ns: int
    failed_ppm: int


def summarize(calls: Calls, failed: Mapping[Edge, float], hour: datetime) -> Sequence[HourOfCalls]:
    """The rows of an hour; `failed`: the share of sessions whose error began with such a call."""
    rows = []
    for number, edge in enumerate(calls.edges):
        mine = calls.edge == number
        own = calls.own_ns[mine]
        if len(own) < _FEWEST_CALLS:
            continue
        p95 = float(np.quantile(own, 1 - LATE))
        late = float(np.maximum(own - p95, 0).mean())
        p50, p75 = np.quantile(calls.gap_ns[mine], (0.5, 0.75)).tolist()
        share = round(failed.get(edge, 0.0) * MILLION)
        rows.append(HourOfCalls(edge, hour, len(own), round(p95), round(late), round(p50), round(p75), share))
    return rows


def usual_at(rows: Iterable[HourOfCalls], moment: datetime, agreed: Mapping[Edge, float]) -> Mapping[Edge, Usual]:
    """What is usual at the hour of the week of `moment`, of what came before its hour; `agreed` budgets hold."""
    start = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    by_edge: dict[Edge, list[HourOfCalls]] = defaultdict(list)
    for row in rows:
        if row.hour < start:
            by_edge[row.edge].append(row)
    return {
        edge: _usual(chosen, agreed.get(edge))
        for edge, found in by_edge.items()
        if (chosen := _comparable(found, start))
    }


def comparable_failures(rows: Iterable[HourOfCalls], moment: datetime) -> tuple[Mapping[tuple[str, str], float], int]:
    """By party and operation: the usual share of sessions that fail there; and of how many calls that was learned."""
    start = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    by_origin: dict[tuple[str, str], list[HourOfCalls]] = defaultdict(list)
    for row in rows:
        if row.hour < start:
            by_origin[row.edge[1], row.edge[2]].append(row)
    usual, learned_from = {}, 0
    for origin, found in by_origin.items():
        chosen = _comparable(found, start)
        if chosen:
            usual[origin] = float(np.median([row.failed_ppm for row in chosen])) / MILLION
            learned_from = max(learned_from, sum(row.calls for row in chosen))
    return usual, learned_from


def _comparable(rows: Sequence[HourOfCalls], start: datetime) -> Sequence[HourOfCalls]:
    same_hour = [row for row in rows if row.hour.astimezone(UTC).hour == start.hour]
    same_weekday = [row for row in same_hour if row.hour.astimezone(UTC).weekday() == start.weekday()]
    return next((some for some in (same_weekday, same_hour, rows) if len(some) >= _FEWEST_ROWS), ())


def _usual(rows: Sequence[HourOfCalls], agreed: float | None) -> Usual:
    def middle(values: Iterable[int]) -> float:
        return float(np.median(list(values)))

    learned = middle(row.own_p95_ns for row in rows)
    return Usual(
        budget_ns=learned if agreed is None else agreed,
        # Beyond an agreed budget that is more than the p95, fewer are late; that few can't be told from one quantile,
        # so that suspicion needs the more.
        late_share=LATE,
        lateness_ns=middle(row.late_ns for row in rows) if agreed is None or agreed <= learned else 0.0,
        gap_ns=middle(row.gap_p50_ns for row in rows),
        long_gap_ns=middle(row.gap_p75_ns for row in rows),
    )
