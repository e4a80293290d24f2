"""What are the names of all spans, metrics and attributes, and what do they mean?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from opentelemetry.semconv._incubating.attributes.rpc_attributes import (
    RPC_METHOD,
    RPC_RESPONSE_STATUS_CODE,
    RPC_SYSTEM_NAME,
)
from opentelemetry.semconv._incubating.metrics.rpc_metrics import RPC_CLIENT_CALL_DURATION, RPC_SERVER_CALL_DURATION
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS

Instrument = Literal["histogram", "counter", "gauge"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric; `name` and `unit` as in OpenTelemetry (UCUM), Prometheus names follow from them."""

    name: str
    instrument: Instrument
    unit: str
    meaning: str
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A span; `name` with the variable parts in angle brackets."""

    name: str
    kind: Literal["server", "client", "producer", "consumer", "internal"]
    meaning: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of spans or metrics."""

    name: str
    meaning: str
    example: str


# The boundaries that the RPC conventions recommend, and two finer ones below: calls inside one machine take 1 to 3 ms.
CALL_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
JOB_BUCKETS = (0.01, 0.1, 1.0, 10.0, 60.0, 600.0)

CALLER = "cxmesh.caller"
ERROR_REASON = "cxmesh.error.reason"
JOB_NAME = "cxmesh.job.name"

ATTRIBUTES = (
    Attribute(RPC_SYSTEM_NAME, "Always gRPC.", "grpc"),
    Attribute(RPC_METHOD, "Full method name; `_OTHER` when no such method is served.", "cxmesh.usage.v1.UsageService/RecordUsage"),  # noqa: E501 - a table row
    Attribute(RPC_RESPONSE_STATUS_CODE, "gRPC status.", "OK"),
    Attribute(ERROR_TYPE, "Status of a failed call, or class of the exception that ended a job.", "UNAVAILABLE"),
    Attribute(SERVER_ADDRESS, "The called service.", "profile"),
    Attribute(CALLER, "Who called, from the certificate.", "service/offer-decision"),
    Attribute(ERROR_REASON, "ErrorInfo reason of a failed call.", "ERROR_REASON_CALLER_NOT_ALLOWED"),
    Attribute(JOB_NAME, "A periodic job.", "close-bill-cycles"),
)  # fmt: skip

_RPC = (RPC_SYSTEM_NAME, RPC_METHOD, RPC_RESPONSE_STATUS_CODE, ERROR_TYPE)

SPANS = (
    Span("<package.Service>/<Method>", "server", "One call served.", (*_RPC, CALLER, ERROR_REASON)),
    Span("<package.Service>/<Method>", "client", "One call made, retries included.", (*_RPC, SERVER_ADDRESS)),
    Span("job <name>", "internal", "One run of a periodic job.", (JOB_NAME, ERROR_TYPE)),
)

SERVER_CALL_DURATION = Metric(
    RPC_SERVER_CALL_DURATION, "histogram", "s", "Duration of calls served.", _RPC, CALL_BUCKETS
)
CLIENT_CALL_DURATION = Metric(
    RPC_CLIENT_CALL_DURATION,
    "histogram",
    "s",
    "Duration of calls made, retries included.",
    (*_RPC, SERVER_ADDRESS),
    CALL_BUCKETS,
)
ACTIVE_CALLS = Metric("cxmesh.rpc.server.active_calls", "gauge", "{call}", "Calls being served now.")
JOB_DURATION = Metric(
    "cxmesh.job.duration", "histogram", "s", "Duration of runs of periodic jobs.", (JOB_NAME, ERROR_TYPE), JOB_BUCKETS
)
CERTIFICATE_REMAINING = Metric(
    "cxmesh.tls.certificate.remaining", "gauge", "s", "Time until this service's certificate expires."
)

METRICS = (SERVER_CALL_DURATION, CLIENT_CALL_DURATION, ACTIVE_CALLS, JOB_DURATION, CERTIFICATE_REMAINING)


def to_markdown() -> str:
    """The registry as Markdown tables, for the documentation."""
    spans = ((f"`{s.name}`", s.kind, s.meaning, _codes(s.attributes)) for s in SPANS)
    metrics = ((f"`{m.name}`", m.instrument, m.unit, m.meaning, _codes(m.attributes)) for m in METRICS)
    attributes = ((f"`{a.name}`", a.meaning, f"`{a.example}`") for a in ATTRIBUTES)
    return "\n".join((
        "## Spans\n",
        _table(("name", "kind", "meaning", "attributes"), spans),
        "## Metrics\n",
        _table(("name", "instrument", "unit", "meaning", "attributes"), metrics),
        "## Attributes\n",
        _table(("name", "meaning", "example"), attributes),
    ))


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"
