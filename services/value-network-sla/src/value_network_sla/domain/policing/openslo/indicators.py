"""By which series is an objective told, as an SLI says?

The metric source is of type `cxmesh`; its `spec` has

- `source`: `traces` for visits in sessions, `measurements` for what RecordMeasurements took in;
- `metric`: of traces `latency_ms`, `successes`, `errors` or `visits`; of measurements any name that they carry;
- `operation` (of traces) or `resource` (of measurements), to read those alone; `partner`, if nothing else says it.

A DataSource of that type may hold `source` and `partner` for all that refer to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from value_network_sla.domain.policing.metrics import metric_named
from value_network_sla.domain.policing.objective import (
    ERRORS,
    LATENCY,
    SUCCESSES,
    VISITS,
    Indicator,
    Input,
    Role,
    Source,
)
from value_network_sla.domain.policing.openslo.catalogue import DATA_SOURCE, SLI, Catalogue, Object
from value_network_sla.domain.policing.openslo.reader import Reader
from value_network_sla.domain.policing.openslo.tree import Node

_TYPE: Final = "cxmesh"
_OF_TRACES: Final[Mapping[Role, str]] = {
    Role.THRESHOLD: LATENCY,
    Role.GOOD: SUCCESSES,
    Role.BAD: ERRORS,
    Role.TOTAL: VISITS,
}
_RATIOS: Final[Mapping[frozenset[str], Mapping[str, Role]]] = {
    frozenset({"good", "total"}): {"good": Role.GOOD, "total": Role.TOTAL},
    frozenset({"bad", "total"}): {"bad": Role.BAD, "total": Role.TOTAL},
}
_RAW: Final = {"success": Role.RAW_SUCCESS, "failure": Role.RAW_FAILURE}


@dataclass(frozen=True, slots=True)
class ReadIndicator:
    """An indicator, and who is said to be measured by it."""

    indicator: Indicator
    partner: Node | None
    is_threshold: bool


@dataclass(frozen=True, slots=True)
class _Series:
    source: Source
    metric: str
    operation: str
    resource: str
    partner: Node | None


def read_indicator(reader: Reader, catalogue: Catalogue, spec: Node) -> ReadIndicator | None:
    """The indicator of an SLO's spec, within it or referred to."""
    inline, reference = spec.get("indicator"), spec.get("indicatorRef")
    if (inline is None) == (reference is None):
        reader.refuse(spec, "one of indicator and indicatorRef", "a mapping with both" if inline else "one with none")
        return None
    found = catalogue.read(inline, SLI) if inline is not None else None
    if reference is not None:
        found = catalogue.find(SLI, reference)
    return None if found is None else read_sli(reader, catalogue, found)


def read_sli(reader: Reader, catalogue: Catalogue, sli: Object) -> ReadIndicator | None:
    """The indicator that an SLI is."""
    catalogue.check_annotations(sli, ())
    if not reader.mapping(sli.spec, (), ("description", "thresholdMetric", "ratioMetric")):
        return None
    reader.text(sli.spec.get("description"))
    threshold, ratio = sli.spec.get("thresholdMetric"), sli.spec.get("ratioMetric")
    if threshold is not None and ratio is None:
        return _indicator(reader, catalogue, sli, {Role.THRESHOLD: threshold})
    if ratio is None or threshold is not None:
        reader.refuse(sli.spec, "one of thresholdMetric and ratioMetric")
        return None
    parts = _ratio(reader, ratio)
    return None if parts is None else _indicator(reader, catalogue, sli, parts)


def _ratio(reader: Reader, ratio: Node) -> Mapping[Role, Node] | None:
    """The metrics of a ratio by what they mean."""
    if not reader.mapping(ratio, (), ("counter", "good", "bad", "total", "raw", "rawType")):
        return None
    if reader.flag(ratio.get("counter")):
        reader.refuse(ratio.get("counter") or ratio, "false: what comes in counts its own stretch of time")
        return None
    named = {name: ratio.get(name) for name in ("good", "bad", "total", "raw", "rawType")}
    given = {name: node for name, node in named.items() if node is not None}
    for names, roles in _RATIOS.items():
        if given.keys() == names:
            return {role: given[name] for name, role in roles.items()}
    if given.keys() == {"raw", "rawType"}:
        return _raw(reader, given["raw"], given["rawType"])
    reader.refuse(ratio, "good and total, or bad and total, or raw and rawType", f"a mapping with {sorted(given)}")
    return None


def _raw(reader: Reader, raw: Node, kind: Node) -> Mapping[Role, Node] | None:
    if kind.text not in _RAW:
        reader.refuse(kind, " or ".join(_RAW))
        return None
    return {_RAW[kind.text]: raw}


def _indicator(reader: Reader, catalogue: Catalogue, sli: Object, parts: Mapping[Role, Node]) -> ReadIndicator | None:
    read = {role: _series(reader, catalogue, node) for role, node in parts.items()}
    series = {role: each for role, each in read.items() if each is not None}
    if len(series) < len(parts):
        return None
    first, *others = series.values()
    for node, each in zip(list(parts.values())[1:], others, strict=True):
        if (each.source, each.operation, each.resource) != (first.source, first.operation, first.resource):
            reader.refuse(node, "the same source, operation and resource as the other metric of the ratio")
            return None
    if not _fits(reader, first.source, parts, series):
        return None
    inputs = tuple(Input(role, each.metric) for role, each in series.items())
    indicator = Indicator(sli.name, first.source, inputs, operation=first.operation, resource=first.resource)
    partner = next((each.partner for each in series.values() if each.partner is not None), None)
    return ReadIndicator(indicator, partner, Role.THRESHOLD in parts)


def _fits(reader: Reader, source: Source, parts: Mapping[Role, Node], series: Mapping[Role, _Series]) -> bool:
    """Whether the metrics are such as the source has."""
    fits = True
    for role, each in series.items():
        node = parts[role].get("metricSource", "spec", "metric") or parts[role]
        if source is Source.TRACES and each.metric != _OF_TRACES.get(role):
            wanted = _OF_TRACES.get(role)
            reader.refuse(
                node, f"{wanted}, of traces" if wanted else "good or bad, and total: traces have no raw ratio"
            )
            fits = False
        if source is Source.MEASUREMENTS and metric_named(each.metric) is None:
            reader.refuse(node, "a metric's name, e.g. mos: up to 63 lower-case letters, digits and underscores")
            fits = False
    return fits


def _series(reader: Reader, catalogue: Catalogue, metric: Node) -> _Series | None:
    source = metric.get("metricSource")
    if not reader.mapping(metric, ("metricSource",), ()) or source is None:
        return None
    if not reader.mapping(source, ("spec",), ("metricSourceRef", "type")):
        return None
    shared, spec = _shared(reader, catalogue, source), source.get("spec")
    if shared is None or spec is None:
        return None
    return _of_spec(reader, spec, shared)


def _of_spec(reader: Reader, spec: Node, shared: Node) -> _Series | None:
    if not reader.mapping(spec, ("metric",), ("source", "operation", "resource", "partner")):
        return None
    where = spec.get("source") or shared.get("source")
    if where is None:
        reader.refuse(spec, "the key source: traces or measurements", "a mapping without source")
    kind = reader.choice(where, Source)
    name = reader.text(spec.get("metric"), most=63)
    operation = reader.text(spec.get("operation"), most=200) or ""
    resource = reader.text(spec.get("resource"), most=200) or ""
    if kind is None or name is None:
        return None
    for key, misplaced in (("operation", Source.MEASUREMENTS), ("resource", Source.TRACES)):
        node = spec.get(key)
        if node is not None and kind is misplaced:
            reader.refuse(node, f"no {key}: {kind} have none")
    return _Series(kind, name, operation, resource, spec.get("partner") or shared.get("partner"))


def _shared(reader: Reader, catalogue: Catalogue, source: Node) -> Node | None:
    """What the data source says for all that refer to it; None, with a note, when it is none of ours."""
    reference, kind = source.get("metricSourceRef"), source.get("type")
    nothing = Node(source.path, source.line, source.column, source.kind, fields={}, keys={})
    if kind is None and reference is None:
        reader.refuse(source, "the key type or metricSourceRef", "a mapping with neither")
        return None
    if kind is not None and not _is_ours(reader, kind):
        return None
    if reference is None:
        return nothing
    found = catalogue.find(DATA_SOURCE, reference)
    return None if found is None else _connection(reader, found.spec, nothing)


def _connection(reader: Reader, spec: Node, nothing: Node) -> Node | None:
    kind = spec.get("type")
    if not reader.mapping(spec, ("type",), ("description", "connectionDetails")):
        return None
    if kind is None or not _is_ours(reader, kind):
        return None
    details = spec.get("connectionDetails") or nothing
    return details if reader.mapping(details, (), ("source", "partner")) else None


def _is_ours(reader: Reader, kind: Node) -> bool:
    if kind.text != _TYPE:
        reader.refuse(kind, f"{_TYPE}: other metric sources are not asked from here")
    return kind.text == _TYPE
