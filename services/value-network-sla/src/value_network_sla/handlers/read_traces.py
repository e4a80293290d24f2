"""What does a viewer get to see of a trace?"""

from apportioning.span import Span
from value_network_sla.errors import TraceNotFound
from value_network_sla.handlers.kept import KeptSpan, KeptTrace
from value_network_sla.handlers.ports import Records
from value_network_sla.handlers.viewer import Viewer


async def read_trace(records: Records, trace_id: bytes, viewer: Viewer) -> KeptTrace:
    """The spans by start. Raises TraceNotFound, also when a partner has no part in it.

    A partner sees its own spans in full; of the others' only their outline: how they hang together, of what kind they
    are, when they were and for how long.
    """
    trace = await records.traces.get(trace_id)
    if not any(viewer.sees(kept.span.sender) for kept in trace.spans):
        raise TraceNotFound(f"traces/{trace_id.hex()}")
    shown = [kept if viewer.sees(kept.span.sender) else _outline(kept) for kept in trace.spans]
    return KeptTrace(shown, trace.truncated)


def _outline(kept: KeptSpan) -> KeptSpan:
    span = kept.span
    bare = Span(span.span_id, span.parent_id, "", "", span.kind, span.start_ns, span.end_ns)
    return KeptSpan(span=bare, service="", status_message="", sender_mismatch=False)
