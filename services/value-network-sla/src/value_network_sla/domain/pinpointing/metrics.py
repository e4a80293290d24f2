"""Who is behind a rise in latency or in failures, when all that is known is metrics per node and who calls whom?

What a node takes or fails beyond what is usual, times its requests, is its excess. What its callees take or fail
beyond what is usual comes back to it, so its *own* excess is the difference. A node is a suspect when its own excess
in a window is further from its usual one than that of any node nearly ever was while all was well; the suspect with
the largest own excess comes first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Graph = Mapping[str, Sequence[str]]
"""By node, whom it calls."""
_SMOOTHED: Final = 2
"""Intervals taken together: one bad interval may be chance."""
_USUAL_SPREAD: Final = 0.95
"""Up to this quantile own excess is usual. Not higher, lest an incident in the good times hides the next."""
_FALSE_ALARMS: Final = 0.05
"""Of the good times' windows, so many may have a suspect."""
_LEAST_FAILURES: Final = 0.5
"""Requests in an interval: less than one failure is no difference."""
_LEAST_SLOWNESS: Final = 0.01
"""Of the usual latency."""


class Measure(StrEnum):
    """What rose."""

    LATENCY = "LATENCY"
    FAILURES = "FAILURES"


@dataclass(frozen=True, slots=True)
class NodeMetrics:
    """A node's series, one value an interval; NaN where nothing was measured."""

    requests: Floats
    values: Floats
    """Mean latency, in any unit, or the share of requests that failed, 0 to 1."""


@dataclass(frozen=True, slots=True)
class NodeSuspect:
    """A node that is behind it."""

    node: str
    excess: float
    """Its own, at its worst: latency times requests, or failures, an interval."""
    score: float
    """How many times further from its usual excess than what is usual; suspects have more than the alarm level."""


@dataclass(frozen=True, slots=True)
class _UsualNode:
    value: float
    """Median."""
    spread: float
    """Of its own excess."""


@dataclass(frozen=True, slots=True)
class MetricBaseline:
    """How the nodes below an entry are when all is well."""

    measure: Measure
    callees: Graph
    """Those that are measured, past those that aren't."""
    usual: Mapping[str, _UsualNode]
    alarm: float
    """The score from which a node is a suspect."""

    def suspects(self, window: Mapping[str, NodeMetrics]) -> list[NodeSuspect]:
        """Who is behind the excess of a window, the largest first; nobody, when nothing is unusual."""
        found = [one for one in self._scored(window) if one.score > self.alarm]
        return sorted(found, key=lambda one: (-one.excess, one.node))

    def _scored(self, window: Mapping[str, NodeMetrics]) -> list[NodeSuspect]:
        excess = {
            node: _excess(metrics, self.usual[node].value) for node, metrics in window.items() if node in self.usual
        }
        scored = []
        for node, own in _own(excess, self.callees).items():
            worst = float(np.max(_smooth(own)))
            scored.append(NodeSuspect(node, worst, worst / self.usual[node].spread))
        return scored

    @classmethod
    def learn(
        cls, measure: Measure, entry: str, calls: Graph, series: Mapping[str, NodeMetrics], intervals: int
    ) -> "MetricBaseline":
        """From good times; windows to be judged will have so many `intervals`.

        Nodes that `entry` doesn't reach are left out. Raises ValueError when the series are too short to learn from.
        """
        below = _reached(entry, calls)
        series = {node: one for node, one in series.items() if node in below and np.isfinite(one.values).any()}
        length = min((len(one.values) for one in series.values()), default=0)
        if length < 2 * intervals:
            raise ValueError(f"{length} intervals of good times; expected at least {2 * intervals}")
        callees = {node: _nearest(node, calls, series) for node in series}
        medians = {node: float(np.nanmedian(one.values)) for node, one in series.items()}
        own = _own({node: _excess(one, medians[node]) for node, one in series.items()}, callees)
        usual = {
            node: _UsualNode(medians[node], _spread(own[node], measure, medians[node], series[node].requests))
            for node in series
        }
        untold = cls(measure, callees, usual, np.inf)
        worst = [
            max(one.score for one in untold._scored(_cut(series, first, intervals)))
            for first in range(length - intervals + 1)
        ]
        return cls(measure, callees, usual, float(np.quantile(worst, 1 - _FALSE_ALARMS)))


def _cut(series: Mapping[str, NodeMetrics], first: int, count: int) -> dict[str, NodeMetrics]:
    rows = slice(first, first + count)
    return {node: NodeMetrics(one.requests[rows], one.values[rows]) for node, one in series.items()}


def _excess(metrics: NodeMetrics, usual: float) -> Floats:
    excess: Floats = np.nan_to_num(metrics.values - usual) * np.nan_to_num(metrics.requests)
    return excess


def _own(excess: Mapping[str, Floats], callees: Graph) -> dict[str, Floats]:
    return {
        node: one - sum((excess[callee] for callee in callees[node] if callee in excess), np.zeros_like(one))
        for node, one in excess.items()
    }


def _spread(own: Floats, measure: Measure, median: float, requests: Floats) -> float:
    smooth = _smooth(own)
    usual = float(np.quantile(smooth, _USUAL_SPREAD) - np.median(smooth))
    least = _LEAST_FAILURES if measure is Measure.FAILURES else _LEAST_SLOWNESS * median * float(np.nanmedian(requests))
    return max(usual, least, float(np.finfo(float).tiny))


def _smooth(values: Floats) -> Floats:
    if len(values) < _SMOOTHED:
        return values
    return np.convolve(values, np.full(_SMOOTHED, 1 / _SMOOTHED), "valid")


def _reached(entry: str, calls: Graph) -> set[str]:
    found = [entry]
    for node in found:
        found.extend(callee for callee in calls.get(node, ()) if callee not in found)
    return set(found)


def _nearest(node: str, calls: Graph, measured: Mapping[str, NodeMetrics]) -> list[str]:
    """Whom a node calls; behind a callee that isn't measured, whom that one calls."""
    seen: set[str] = {node}
    found, waiting = [], list(calls.get(node, ()))
    while waiting:
        callee = waiting.pop()
        if callee in seen:
            continue
        seen.add(callee)
        if callee in measured:
            found.append(callee)
        else:
            waiting.extend(calls.get(callee, ()))
    return found
