"""How do metrics of nodes cross the wire, and who is behind them?"""

from collections.abc import Iterable, Mapping

import numpy as np

from cxmesh.sla.v1 import pinpointing_pb2 as things
from cxmesh.sla.v1 import pinpointing_service_pb2 as pb
from value_network_sla.domain.pinpointing.metrics import Measure, MetricBaseline, NodeMetrics
from value_network_sla.errors import InvalidValue

_MEASURES = {
    things.SYMPTOM_KIND_LATENCY: Measure.LATENCY,
    things.SYMPTOM_KIND_FAILURES: Measure.FAILURES,
}


def diagnose(request: pb.DiagnoseMetricsRequest) -> pb.DiagnoseMetricsResponse:
    """Raises InvalidValue for series that don't fit together."""
    window = _series(request.window, "window")
    baseline = _series(request.baseline, "baseline")
    graph: dict[str, list[str]] = {}
    for call in request.calls:
        graph.setdefault(call.caller, []).append(call.callee)
    intervals = len(next(iter(window.values())).values)
    try:
        learned = MetricBaseline.learn(_MEASURES[request.symptom], request.entry_node, graph, baseline, intervals)
    except ValueError as error:
        raise InvalidValue("baseline", str(error), "series at least twice as long as those of the window") from error
    return pb.DiagnoseMetricsResponse(
        suspects=[
            things.NodeSuspect(node=one.node, excess=one.excess, score=one.score) for one in learned.suspects(window)
        ],
        alarm_score=learned.alarm,
    )


def _series(messages: Iterable[things.NodeSeries], field: str) -> Mapping[str, NodeMetrics]:
    found: dict[str, NodeMetrics] = {}
    lengths = set()
    for message in messages:
        requests, values = np.array(message.requests, float), np.array(message.values, float)
        if message.node in found:
            raise InvalidValue(f"{field}.node", message.node, "each node once")
        if len(requests) != len(values) or not len(values):
            shown = f"{len(requests)} requests and {len(values)} values of {message.node}"
            raise InvalidValue(field, shown, "as many values as requests, and at least one")
        if np.isinf(requests).any() or np.isinf(values).any() or (requests < 0).any():
            raise InvalidValue(field, f"infinite or negative numbers of {message.node}", "finite ones, or NaN")
        found[message.node] = NodeMetrics(requests, values)
        lengths.add(len(values))
    if len(lengths) != 1:
        raise InvalidValue(field, f"series of {sorted(lengths)} intervals", "all of one length")
    return found
