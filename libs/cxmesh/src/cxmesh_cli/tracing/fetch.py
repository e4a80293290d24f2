"""What does value-network-sla know of a trace?"""

import re
import time
from collections.abc import Callable

import grpc

from cxmesh.sla.v1 import session_pb2, value_network_sla_service_pb2
from cxmesh_cli.errors import BadInputError
from cxmesh_cli.rpc.failure import command_error, decode
from cxmesh_cli.rpc.reflected import full_path
from cxmesh_cli.tracing.tree import TraceSpan

_GET_TRACE = value_network_sla_service_pb2.DESCRIPTOR.services_by_name["ValueNetworkSlaService"].methods_by_name[
    "GetTrace"
]
_TIMEOUT_SECONDS = 10.0
_POLL_SECONDS = 0.5
_PARTNERS = "partners/"
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


def parse_trace_id(text: str) -> str:
    """The 32 hexadecimal digits, alone, as `traces/…` or within a W3C traceparent."""
    candidates = re.split(r"[-/]", text.strip().lower())
    for candidate in candidates:
        if _TRACE_ID.fullmatch(candidate) and int(candidate, 16):
            return candidate
    raise BadInputError(f"'{text}' is not a trace id", hint="give 32 hexadecimal digits, or a traceparent header")


def fetch_trace(
    channel: grpc.Channel, trace_id: str, wait_seconds: float, on_wait: Callable[[str], None]
) -> list[TraceSpan]:
    """Its spans. Senders collect spans for some seconds before they send them, so an unknown trace is waited for."""
    get_trace = channel.unary_unary(
        full_path(_GET_TRACE),
        value_network_sla_service_pb2.GetTraceRequest.SerializeToString,
        session_pb2.Trace.FromString,
    )
    request = value_network_sla_service_pb2.GetTraceRequest(name=f"traces/{trace_id}")
    deadline = time.monotonic() + wait_seconds
    told = False
    while True:
        try:
            return [_span(span) for span in get_trace(request, timeout=_TIMEOUT_SECONDS).spans]
        except grpc.RpcError as error:
            failure = decode(error)
            if failure.status is not grpc.StatusCode.NOT_FOUND or time.monotonic() > deadline:
                raise command_error(failure, f"trace {trace_id}") from error
        if not told:
            on_wait(f"trace {trace_id} is not known yet; waiting up to {wait_seconds:g} s for its spans")
            told = True
        time.sleep(_POLL_SECONDS)


def _span(span: session_pb2.TraceSpan) -> TraceSpan:
    start = span.start_time.ToNanoseconds()
    problem = span.status_message or "error" if span.error else ""
    return TraceSpan(
        span_id=span.span_id,
        parent_id=span.parent_span_id,
        name=span.operation,
        service=span.service,
        partner=span.sender.removeprefix(_PARTNERS) if span.sender.startswith(_PARTNERS) else "",
        kind=span.kind,
        start_ns=start,
        end_ns=start + span.duration.ToNanoseconds(),
        error=problem,
        claims_other_sender=span.sender_mismatch,
    )
