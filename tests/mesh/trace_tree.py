"""Which span began which in a trace, as value-network-sla keeps it?"""

from __future__ import annotations

from dataclasses import dataclass

from cxmesh.sla.v1.value_network_sla_service_pb2 import GetTraceRequest
from cxmesh_cli.demo.client import MeshClient


@dataclass(frozen=True, slots=True)
class TraceTree:
    """Spans are called `service: operation`."""

    roots: list[str]
    edges: set[tuple[str, str]]
    """Parent and child."""
    orphans: list[str]
    """Their parent is not there."""


def tree_of(client: MeshClient, trace_id: str) -> TraceTree:
    """The tree of a trace."""
    trace = client.sla.GetTrace(GetTraceRequest(name=f"traces/{trace_id}"), timeout=10)
    names = {span.span_id: f"{span.service}: {span.operation}" for span in trace.spans}
    children = [span for span in trace.spans if span.parent_span_id]
    return TraceTree(
        roots=[names[span.span_id] for span in trace.spans if not span.parent_span_id],
        edges={(names[span.parent_span_id], names[span.span_id]) for span in children if span.parent_span_id in names},
        orphans=[names[span.span_id] for span in children if span.parent_span_id not in names],
    )
