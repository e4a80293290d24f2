"""How do traces and sessions cross the wire?"""

from apportioning.party import Party, PartyKind, Share
from cxmesh.sla.v1 import session_pb2
from value_network_sla.domain.pinpointing.faults import ErrorRole, Fault
from value_network_sla.handlers.kept import KeptSession, KeptSpan, KeptTrace, KeptVisit
from value_network_sla.server.moments import duration_of_ns, moment_of_ns

_PARTIES = {kind: session_pb2.PartyKind.Value(f"PARTY_KIND_{kind.value}") for kind in PartyKind}


def trace_message(trace_id: bytes, trace: KeptTrace) -> session_pb2.Trace:
    """A trace as a message."""
    return session_pb2.Trace(
        name=f"traces/{trace_id.hex()}", spans=map(_span_message, trace.spans), truncated=trace.truncated
    )


def session_message(session: KeptSession) -> session_pb2.Session:
    """A session as a message."""
    return session_pb2.Session(
        name=f"sessions/{session.trace_id.hex()}",
        service=session.service,
        customer=session.customer,
        start_time=moment_of_ns(session.start_ns),
        duration=duration_of_ns(session.duration_ns),
        lateness=duration_of_ns(session.lateness_ns),
        partial=session.partial,
        error=session.error,
        visits=map(_visit_message, session.visits),
        shares=map(_share_message, session.shares),
        flags=[session_pb2.SessionFlag.Value(f"SESSION_FLAG_{flag}") for flag in session.flags],
        fault=None if session.fault is None else _fault_message(session.fault),
    )


def party_message(party: Party) -> session_pb2.Party:
    """A party as a message."""
    return session_pb2.Party(kind=_PARTIES[party.kind], partner=party.partner)


def _fault_message(fault: Fault) -> session_pb2.Fault:
    return session_pb2.Fault(
        partner=fault.party,
        operation=fault.operation,
        timed_out=fault.role is ErrorRole.TIMED_OUT,
        service=fault.service,
        instance=fault.instance,
    )


def _span_message(kept: KeptSpan) -> session_pb2.TraceSpan:
    span = kept.span
    return session_pb2.TraceSpan(
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_id.hex(),
        operation=span.operation,
        service=kept.service,
        sender=span.sender,
        kind=span.kind.value,
        start_time=moment_of_ns(span.start_ns),
        duration=duration_of_ns(span.duration_ns),
        error=span.error,
        status_message=kept.status_message,
        sender_mismatch=kept.sender_mismatch,
        peer=span.peer,
        instance=span.instance,
        timed_out=span.timed_out,
    )


def _visit_message(visit: KeptVisit) -> session_pb2.Visit:
    return session_pb2.Visit(
        partner=visit.partner,
        operation=visit.operation,
        start_offset=duration_of_ns(visit.start_offset_ns),
        duration=duration_of_ns(visit.duration_ns),
        exclusive=duration_of_ns(visit.exclusive_ns),
        budget=None if visit.budget_ns is None else duration_of_ns(visit.budget_ns),
        error=visit.error,
    )


def _share_message(share: Share) -> session_pb2.ResponsibilityShare:
    return session_pb2.ResponsibilityShare(
        party=party_message(share.party),
        lateness=duration_of_ns(share.lateness_ns),
        share_ppm=share.share_ppm,
    )
