"""What are the spans, metrics and attributes of calls called? `mesh.observe.registry` lists them for the docs.

Names follow OpenTelemetry's RPC conventions where these have one.
"""

from typing import Final

from opentelemetry.semconv._incubating.attributes.rpc_attributes import (
    RPC_METHOD,
    RPC_RESPONSE_STATUS_CODE,
    RPC_SYSTEM_NAME,
)
from opentelemetry.semconv._incubating.metrics.rpc_metrics import RPC_CLIENT_CALL_DURATION, RPC_SERVER_CALL_DURATION
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS

from mesh.observe.entries import Attribute, Metric, Span

__all__ = [
    "ACTIVE_CALLS",
    "ATTRIBUTES",
    "CALLER",
    "CLIENT_CALL_DURATION",
    "ERROR_REASON",
    "ERROR_TYPE",
    "METRICS",
    "OTHER_METHOD",
    "RPC_METHOD",
    "RPC_RESPONSE_STATUS_CODE",
    "RPC_SYSTEM_NAME",
    "SERVER_ADDRESS",
    "SERVER_CALL_DURATION",
    "SPANS",
]

CALLER: Final = "cxmesh.caller"
ERROR_REASON: Final = "cxmesh.error.reason"
OTHER_METHOD: Final = "_OTHER"
"""The method, by convention, of calls to what isn't served: names from outside would grow without end."""

# The boundaries that the conventions recommend, and two finer ones below: calls inside one machine take 1 to 3 ms.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_CALL = (RPC_SYSTEM_NAME, RPC_METHOD, RPC_RESPONSE_STATUS_CODE, ERROR_TYPE)

SERVER_CALL_DURATION: Final = Metric(
    RPC_SERVER_CALL_DURATION, "histogram", "s", "Duration of calls served.", _CALL, _BUCKETS
)
CLIENT_CALL_DURATION: Final = Metric(
    RPC_CLIENT_CALL_DURATION,
    "histogram",
    "s",
    "Duration of calls made, retries included.",
    (*_CALL, SERVER_ADDRESS),
    _BUCKETS,
)
ACTIVE_CALLS: Final = Metric("cxmesh.rpc.server.active_calls", "gauge", "{call}", "Calls being served now.")

METRICS: Final = (SERVER_CALL_DURATION, CLIENT_CALL_DURATION, ACTIVE_CALLS)
SPANS: Final = (
    Span("{package.Service}/{Method}", "server", "One call served.", (*_CALL, CALLER, ERROR_REASON)),
    Span("{package.Service}/{Method}", "client", "One call made, retries included.", (*_CALL, SERVER_ADDRESS)),
)
ATTRIBUTES: Final = (
    Attribute(RPC_SYSTEM_NAME, "Always gRPC.", "grpc"),
    Attribute(
        RPC_METHOD,
        f"Full name of the method; `{OTHER_METHOD}` when no such method is served.",
        "cxmesh.usage.v1.UsageService/RecordUsage",
    ),
    Attribute(RPC_RESPONSE_STATUS_CODE, "gRPC status that the call ended with.", "OK"),
    Attribute(ERROR_TYPE, "What failed: the gRPC status, or the class of the exception.", "UNAVAILABLE"),
    Attribute(SERVER_ADDRESS, "The called service.", "profile"),
    Attribute(CALLER, "Who called, by the certificate.", "service/offer-decision"),
    Attribute(ERROR_REASON, "Reason in the ErrorInfo of a failed call.", "ERROR_REASON_CALLER_NOT_ALLOWED"),
)
