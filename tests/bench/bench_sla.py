"""Are paths and culprits right, is nobody named when nothing is wrong, and how fast do spans become attainment?"""

from __future__ import annotations

from collections.abc import Mapping

from tests.bench.figures import Figure
from tests.bench.labelled_faults import MetricWorld, TraceCase, nezha, petshop
from tests.bench.published_paths import right_paths
from tests.bench.sla_ingest import spans_per_second
from tests.bench.sla_settlement import properties_violated, sessions_per_second
from value_network_sla.domain.pinpointing.calls import Calls
from value_network_sla.domain.pinpointing.metrics import Measure, MetricBaseline, NodeMetrics
from value_network_sla.domain.pinpointing.window import learn, suspects


def run() -> dict[str, Figure]:
    """Published paths, the labelled data that is there, and what is taken in."""
    figures = {"sla.critical_path_right": right_paths(), **_of_faults()}
    figures |= {"sla.sessions_per_s": sessions_per_second(), "sla.properties_violated": properties_violated()}
    return {**figures, "sla.spans_per_s": spans_per_second()}


def _of_faults() -> dict[str, Figure]:
    traces, metrics = nezha(), petshop()
    if traces is None or metrics is None:
        print("the labelled data is not here (CXMESH_TEST_DATA): nobody can be named")
        return {}
    return {**_of_traces(*traces), **_of_metrics(metrics)}


def _of_traces(normal_calls: Calls, cases: list[TraceCase]) -> dict[str, Figure]:
    """Beside the naive answer: the party whose spans took the most time of their own."""
    normal = learn(normal_calls)
    found = {case.case: suspects(case.calls, normal) for case in cases}
    first = {name: ranked[0].party if ranked else None for name, ranked in found.items()}
    parties = {edge[1] for edge in normal_calls.edges}
    print(f"nezha: {len(cases)} cases, a random ranking is right in {1 / len(parties):.2f} of them")
    for case in cases:
        shown = ", ".join(f"{one.party or 'provider'} {one.lateness_ns / 1e9:.1f} s" for one in found[case.case][:3])
        right = "right" if first[case.case] == case.culprit else "WRONG"
        print(f"  {right} {case.case} {case.culprit or 'provider'}: {shown or 'nobody'}")
    latency = [case for case in cases if case.latency_fault]
    return {
        "sla.nezha_ac1_latency": _right(latency, first),
        "sla.nezha_ac1_all": _right(cases, first),
    }


def _right(cases: list[TraceCase], first: Mapping[str, str | None]) -> Figure:
    right = sum(first[case.case] == case.culprit for case in cases)
    naive = sum(max(case.span_own_ms, key=lambda party: case.span_own_ms[party]) == case.culprit for case in cases)
    return Figure.against(right / len(cases), naive / len(cases), "share of cases")


def _of_metrics(world: MetricWorld) -> dict[str, Figure]:
    """Learned from the first half of the good times, specificity measured on the second."""
    right = alarms = windows = naive = 0
    for measure in Measure:
        good = world.good[measure]
        half = min(len(one.values) for one in good.values()) // 2
        baseline = MetricBaseline.learn(measure, world.entry, world.graph, _rows(good, 0, half), world.intervals)
        for case in (one for one in world.cases if one.measure is measure):
            ranked = baseline.suspects(case.window)
            right += bool(ranked) and ranked[0].node == case.culprit
            naive += _highest(case.window) == case.culprit
            if not ranked or ranked[0].node != case.culprit:
                print(f"  WRONG {case.case} {case.culprit}: {', '.join(one.node for one in ranked[:2]) or 'nobody'}")
        length = min(len(one.values) for one in good.values())
        for first in range(half, length - world.intervals + 1):
            windows += 1
            alarms += bool(baseline.suspects(_rows(good, first, first + world.intervals)))
    count = len(world.cases)
    by_chance = sum(1 / len(case.window) for case in world.cases) / count
    print(
        f"petshop: {count} cases, a random ranking is right in {by_chance:.2f} of them; {alarms} of {windows} windows "
        "of good times have a suspect"
    )
    return {
        "sla.petshop_top1": Figure.against(right / count, naive / count, "share of cases"),
        "sla.petshop_specificity": Figure.against(1 - alarms / windows, 0.0, "share of windows"),
    }


def _rows(series: Mapping[str, NodeMetrics], first: int, end: int) -> dict[str, NodeMetrics]:
    return {node: NodeMetrics(one.requests[first:end], one.values[first:end]) for node, one in series.items()}


def _highest(window: Mapping[str, NodeMetrics]) -> str:
    """The naive answer: the node with the highest value."""
    return max(sorted(window), key=lambda node: max(window[node].values.tolist(), key=lambda value: value or 0))
