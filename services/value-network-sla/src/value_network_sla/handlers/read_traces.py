"""What does a viewer get to see of a trace?"""

from collections.abc import Sequence
from dataclasses import replace

from value_network_sla.errors import TraceNotFound
from value_network_sla.handlers.kept import KeptSpan
from value_network_sla.handlers.ports import Records
from value_network_sla.handlers.viewer import Viewer


async def read_trace(records: Records, trace_id: bytes, viewer: Viewer) -> Sequence[KeptSpan]:
    """The spans by start. Raises TraceNotFound, also when a partner has no part in it.

    A partner sees its own spans in full; of the others' only their outline: how they hang together, of what kind they
    are, when they were and for how long.
    """
    spans = await records.traces.get(trace_id)
    if not any(viewer.sees(kept.span.sender) for kept in spans):
        raise TraceNotFound(f"traces/{trace_id.hex()}")
    return [kept if viewer.sees(kept.span.sender) else _outline(kept) for kept in spans]


def _outline(kept: KeptSpan) -> KeptSpan:
    bare = replace(kept.span, sender="", operation="", error=False, session_service="", customer="")
    return KeptSpan(span=bare, service="", status_message="", sender_mismatch=False)
