"""Traces and metrics with known faults, from the folder of test data; each reader gives None where it is missing."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apportioning.span import PROVIDER, Span, SpanKind
from apportioning.trace_tree import grow_tree
from apportioning.visits import collapse
from value_network_sla.domain.pinpointing.calls import Calls, calls_of
from value_network_sla.domain.pinpointing.metrics import Measure, NodeMetrics

DATA = Path(os.environ.get("CXMESH_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
_FRONT = "frontend"
"""The service that puts sessions together: the provider; the others play partners."""


@dataclass(frozen=True, slots=True)
class TraceCase:
    """The sessions of the second minute after a fault was injected."""

    case: str
    culprit: str
    latency_fault: bool
    calls: Calls
    span_own_ms: Mapping[str, float]
    """By party: the spans' own time summed, for the naive baseline."""


def nezha() -> tuple[Calls, list[TraceCase]] | None:
    """The fault-free minute, and the cases that have a second minute."""
    folder = DATA / "nezha"
    if not folder.is_dir():
        return None
    [normal] = sorted((folder / "normal").iterdir())
    cases = []
    for label in json.loads((folder / "labels.json").read_text()):
        files = {minute["offset_min"]: minute["file"] for minute in label["minutes"]}
        if 2 in files:
            traces = _traces(folder / "cases" / files[2])
            culprit = _party(label["root_cause_service"])
            case = TraceCase(label["case_id"], culprit, label["latency_fault"], _calls(traces), _span_own_ms(traces))
            cases.append(case)
    return _calls(_traces(normal)), cases


def _party(service: str) -> str:
    return PROVIDER if service == _FRONT else f"partners/{service}"


Row = dict[str, str]


def _traces(file: Path) -> dict[str, list[Row]]:
    traces: dict[str, list[Row]] = defaultdict(list)
    with gzip.open(file, "rt") as lines:
        for row in csv.DictReader(lines):
            traces[row["trace_id"]].append(row)
    return traces


def _calls(traces: Mapping[str, list[Row]]) -> Calls:
    return calls_of(collapse(grow_tree(spans, root), {}) for spans, root in _sessions(traces))


def _sessions(traces: Mapping[str, list[Row]]) -> Iterator[tuple[list[Span], bytes]]:
    for _, rows in sorted(traces.items()):
        by_id = {row["span_id"]: row for row in rows}
        calling = {
            row["parent_id"]
            for row in rows
            if row["parent_id"] in by_id and by_id[row["parent_id"]]["service"] != row["service"]
        }
        spans = [_span(row, by_id, calling) for row in rows]
        roots = [span for span in spans if not span.parent_id and span.sender == f"services/{_FRONT}"]
        for root in roots:
            yield spans, root.span_id


def _span(row: Row, by_id: Mapping[str, Row], calling: set[str]) -> Span:
    party, parent = _party(row["service"]), by_id.get(row["parent_id"])
    remote = parent is not None and parent["service"] != row["service"]
    kind = SpanKind.CLIENT if row["span_id"] in calling else SpanKind.SERVER if remote else SpanKind.INTERNAL
    return Span(
        span_id=bytes.fromhex(row["span_id"]),
        parent_id=bytes.fromhex(row["parent_id"]),
        sender=party or f"services/{_FRONT}",
        operation=row["operation"],
        kind=kind,
        start_ns=int(row["start_ns"]),
        end_ns=int(row["end_ns"]),
    )


def _span_own_ms(traces: Mapping[str, list[Row]]) -> dict[str, float]:
    own: dict[str, float] = defaultdict(float)
    for rows in traces.values():
        below: dict[str, int] = defaultdict(int)
        for row in rows:
            below[row["parent_id"]] += int(row["end_ns"]) - int(row["start_ns"])
        for row in rows:
            duration = int(row["end_ns"]) - int(row["start_ns"])
            own[_party(row["service"])] += max(0, duration - below[row["span_id"]]) / 1e6
    return dict(own)


@dataclass(frozen=True, slots=True)
class MetricCase:
    """The metrics around an incident."""

    case: str
    measure: Measure
    culprit: str
    window: Mapping[str, NodeMetrics]


@dataclass(frozen=True, slots=True)
class MetricWorld:
    """A call graph with good times and incidents."""

    entry: str
    graph: Mapping[str, list[str]]
    good: Mapping[Measure, Mapping[str, NodeMetrics]]
    cases: list[MetricCase]
    intervals: int
    """Of each incident's window."""


def petshop() -> MetricWorld | None:
    """The shop under low traffic."""
    folder = DATA / "petshop" / "low_traffic"
    if not folder.is_dir():
        return None
    with (folder / "graph.csv").open() as lines:
        names, *rows = csv.reader(lines)
    graph = {row[0]: [names[place] for place in range(1, len(row)) if float(row[place])] for row in rows}
    good, _ = _metrics(folder / "noissue" / "metrics.csv")
    cases, intervals, entry = [], 0, ""
    for target in sorted(folder.glob("t*/issue_*/target.json")):
        label = json.loads(target.read_text())
        measure = Measure.LATENCY if label["target"]["metric"] == "latency" else Measure.FAILURES
        window, intervals = _metrics(target.with_name("metrics.csv"))
        entry = label["target"]["node"]
        name = "/".join(target.parts[-3:-1])
        cases.append(MetricCase(name, measure, label["root_cause"]["node"], window[measure]))
    return MetricWorld(entry, graph, good, cases, intervals)


def _metrics(file: Path) -> tuple[dict[Measure, dict[str, NodeMetrics]], int]:
    with file.open() as lines:
        nodes, metrics, statistics, *rows = csv.reader(lines)
    numbers = [[float(value) if value else np.nan for value in row[1:]] for row in rows if row[0][:1].isdigit()]
    table = dict(zip(zip(nodes[1:], metrics[1:], statistics[1:], strict=True), np.array(numbers).T, strict=True))
    found: dict[Measure, dict[str, NodeMetrics]] = {measure: {} for measure in Measure}
    for (node, metric, statistic), values in table.items():
        requests = table.get((node, "requests", "Sum"))
        if requests is None or statistic != "Average":
            continue
        if metric == "latency":
            found[Measure.LATENCY][node] = NodeMetrics(requests, values)
        if metric == "availability":
            found[Measure.FAILURES][node] = NodeMetrics(requests, 1 - values / 100)
    return found, len(numbers)
