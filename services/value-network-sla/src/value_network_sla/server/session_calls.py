"""How are calls on traces and sessions answered?"""

from google.type.interval_pb2 import Interval

from cxmesh.sla.v1 import session_pb2
from cxmesh.sla.v1 import value_network_sla_service_pb2 as service_pb2
from value_network_sla.errors import InvalidValue
from value_network_sla.handlers.kept import KeptSession
from value_network_sla.handlers.read_traces import read_trace
from value_network_sla.server.calls import Calls, Context, viewer
from value_network_sla.server.moments import moment_from, ns_of_moment
from value_network_sla.server.pages import FEW, next_page_token, page_key, page_size
from value_network_sla.server.sessions import session_message, trace_message


class SessionCalls:
    """The part of the service that is about what happened."""

    _calls: Calls

    async def GetTrace(self, request: service_pb2.GetTraceRequest, context: Context) -> session_pb2.Trace:
        """The spans of a trace, as the caller may see them."""
        del context
        trace_id = bytes.fromhex(request.name.removeprefix("traces/"))
        async with self._calls.reading() as records:
            return trace_message(trace_id, await read_trace(records, trace_id, viewer()))

    async def GetSession(self, request: service_pb2.GetSessionRequest, context: Context) -> session_pb2.Session:
        """A session with its visits and shares."""
        del context
        trace_id = bytes.fromhex(request.name.removeprefix("sessions/"))
        async with self._calls.reading() as records:
            return session_message(await records.sessions.get(trace_id))

    async def ListSessions(
        self, request: service_pb2.ListSessionsRequest, context: Context
    ) -> service_pb2.ListSessionsResponse:
        """Sessions, latest first."""
        del context
        start_ns, end_ns = _bounds(request.interval)
        size, before = page_size(request, FEW), page_key(request, _key_from, None)
        async with self._calls.reading() as records:
            found = await records.sessions.page(
                service=request.service or None,
                start_ns=start_ns,
                end_ns=end_ns,
                late_only=request.late_only,
                before=before,
                size=size + 1,
            )
        return service_pb2.ListSessionsResponse(
            sessions=map(session_message, found[:size]),
            next_page_token=next_page_token(request, found, size, _key_of),
        )


def _bounds(interval: Interval) -> tuple[int | None, int | None]:
    """Start and end in nanoseconds; None where the interval is open. Raises InvalidValue."""
    bounds: list[int | None] = []
    for side in ("start_time", "end_time"):
        if interval.HasField(side):
            message = getattr(interval, side)
            moment_from(message, f"interval.{side}")
            bounds.append(ns_of_moment(message))
        else:
            bounds.append(None)
    start, end = bounds
    if start is not None and end is not None and end < start:
        raise InvalidValue("interval", f"an end {start - end} ns before its start", "a start not after the end")
    return start, end


def _key_of(session: KeptSession) -> tuple[int, str]:
    return session.start_ns, session.trace_id.hex()


def _key_from(start_ns: int, trace_id: str) -> tuple[int, bytes] | None:
    return start_ns, bytes.fromhex(trace_id)
